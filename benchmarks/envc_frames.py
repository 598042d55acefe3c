"""Where ENVC's bits and seconds go: by part of the code, and as table V of the paper has them, network and coding.

    python -m benchmarks.envc_frames --bundle FILE [--video FILE] [--frames 24] [--height 64 --width 64]

"estimated" is the cross-entropy of the latents that were sent as training counts it, in floats; the payload has besides
what ends streams, and the checks. Seconds are those of a frame, of files that are coded a second time, so without
compilation; "coding" is everything on integers: distributions, symbols, streams, and "network" the rest, checks of
frames included. Without a bundle the model is `envc`, not trained: of its figures only the network's seconds are those
of a trained one. Aims: payload within 1 % of the estimate, coding under a fifth of the time.
"""

import io
import time
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.codec_speed import frames
from benchmarks.report import Result, Row, aim, benchmark
from experiments import configs
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.entropy.gaussian_symbols import GaussianSymbols
from vqvae_jax.entropy.symbols import TableRows
from vqvae_jax.envc.codec.latents import Reader, Writer
from vqvae_jax.envc.codec.model import EnvcModel
from vqvae_jax.envc.codec.weights import pack_weights
from vqvae_jax.envc.coding import Inter, Intra, init_params, inter_bits, intra_bits
from vqvae_jax.errors import UserError
from vqvae_jax.families import load_model

#: What counts as coding.
CODING = (
    (GaussianSymbols, "__init__"),
    (Writer, "code"),
    (Writer, "stream"),
    (Reader, "code"),
    (TableRows, "__init__"),
)
ESTIMATES: dict[type, Callable[..., Any]] = {
    Intra: jax.jit(intra_bits, static_argnums=0),
    Inter: jax.jit(inter_bits, static_argnums=0),
}


@benchmark
def main(
    bundle: Path | None = None, video: Path | None = None, frames: int = 24, height: int = 64, width: int = 64
) -> Result:
    model = untrained() if bundle is None else load_model(bundle)
    if not isinstance(model, EnvcModel):
        raise UserError(f"bundle={bundle}: is of family {model.family}, not envc")
    clip = pictures(frames, height, width, video)
    encoder, out = Encoder(model), io.BytesIO()
    encoder.encode(clip, io.BytesIO(), Fraction(25))
    spent: defaultdict[str, float] = defaultdict(float)
    with_clock(spent)
    began = time.perf_counter()
    encoded = encoder.encode(clip, out, Fraction(25))
    encoding, coding = time.perf_counter() - began, spent.pop("coding")
    with Decoder(model, out.getvalue()) as decoder:
        began = time.perf_counter()
        for _ in decoder.frames():
            pass
        decoding, reading = time.perf_counter() - began, spent.pop("coding")
        sent = [frame for chunk in range(decoder.reader.chunk_count) for frame, _ in decoder.content(chunk)[0]]
    estimated = estimate(model, sent)
    total, payload = sum(estimated.values()), 8.0 * sum(encoded.payload_bytes.values())
    rows: list[Row] = [
        {"part": part, "estimated, bits": bits, "share": bits / total, "bpp": bits / clip[..., 0].size}
        for part, bits in estimated.items()
    ]
    aims = [
        aim("payload over estimate", payload / total, at_most=1.01),
        aim("coding, share of encoding", coding / encoding, at_most=0.2),
        aim("coding, share of decoding", reading / decoding, at_most=0.2),
    ]
    return {
        "rows": rows,
        "payload, bits": payload,
        "file, bits": 8.0 * encoded.bytes,
        "seconds_per_frame": {
            "encode, network": (encoding - coding) / frames,
            "encode, coding": coding / frames,
            "decode, network": (decoding - reading) / frames,
            "decode, coding": reading / frames,
        },
        "aims": [] if bundle is None else aims,
    }


def untrained() -> EnvcModel:
    """The full widths with fresh weights."""
    config = configs.load("envc").model
    return EnvcModel(pack_weights("untrained", config, init_params(config, jax.random.key(0)), {}, "float32"))


def pictures(count: int, height: int, width: int, video: Path | None) -> np.ndarray:
    """Of the largest square that has them, uint8 [count, height, width, 3]."""
    return np.stack(list(frames(count, max(height, width), video)))[:, :height, :width]


def with_clock(spent: defaultdict[str, float]) -> None:
    """From here on the seconds of all coding are added up, those within others once."""
    depth = 0

    def timed(inner: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal depth
            began, depth = time.perf_counter(), depth + 1
            try:
                return inner(*arguments)
            finally:
                depth -= 1
                spent["coding"] += 0.0 if depth else time.perf_counter() - began

        return call

    for owner, name in CODING:
        setattr(owner, name, timed(getattr(owner, name)))


def estimate(model: EnvcModel, sent: list[Intra[np.ndarray] | Inter[np.ndarray]]) -> dict[str, float]:
    """Bits of the latents of frames, by part."""
    found: defaultdict[str, float] = defaultdict(float)
    for frame in sent:
        whole = type(frame)(*(part.astype(np.float32) for part in frame))
        bits = ESTIMATES[type(frame)](model.config, model.programs.params, whole)
        for part, value in bits._asdict().items():
            found[f"{type(frame).__name__.lower()}_{part}"] += float(value.sum())
    return dict(found)


if __name__ == "__main__":
    main()
