"""Encoding and decoding speed of bundles against real time (16 fps), the share of entropy coding, peak memory.

    python -m benchmarks.codec_speed --bundles FILE ... [--untrained msvqvae] [--seconds 20 600]

Every measurement is a process of its own. Frames are 64x64: `--video`, played to and fro, or a moving and flickering
pattern made on the fly, of which few indices repeat: the worst case for the entropy coder. Times are without
compilation (a first window is coded before the clock starts). Peak memory is the process's whole, at two lengths:
it must not grow with the video. `--untrained` measures a model of the family with fresh weights, and tables fitted on
its indices of the pattern, at the first length: its speed is that of a trained one, its bits are not.
"""

import itertools
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Result, benchmark, spent
from vqvae_jax.video.resize import resizer
from vqvae_jax.video.source import open_source

RATE = Fraction(16)


def frames(count: int, side: int, video: Path | None = None) -> Iterator[np.ndarray]:
    """The video to and fro, or a picture that moves and flickers a little: uint8 [side, side, 3]."""
    if video is not None:
        with open_source(video) as source:
            forth = [resizer(side, side)(frame) for frame in itertools.islice(source.frames(), 300)]
        yield from itertools.islice(itertools.cycle(forth + forth[-2:0:-1]), count)
        return
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (side // 4 + 32, side // 4 + 32, 3)).astype(np.float32)
    picture = np.kron(coarse, np.ones((4, 4, 1), np.float32))
    for number in range(count):
        y, x = (int(16 + 16 * f(number / 20)) for f in (np.sin, np.cos))
        noise = rng.normal(0, 3, (side, side, 1))
        yield np.clip(picture[y : y + side, x : x + side] + noise, 0, 255).astype(np.uint8)


def peak_mib() -> float:
    """Of this process; `getrusage` would count what its parent had when it was started."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def save_untrained(name: str, path: Path, side: int) -> None:
    """A bundle of a named model that nobody trained."""
    import jax
    import jax.numpy as jnp

    from vqvae_jax.codec.bundle import save_bundle
    from vqvae_jax.msvqvae import named
    from vqvae_jax.msvqvae.codec.fit import fit_grids
    from vqvae_jax.msvqvae.codec.tokenizer import Tokenizer
    from vqvae_jax.msvqvae.codec.weights import Weights, pack_weights
    from vqvae_jax.msvqvae.model import MSVQVAE
    from vqvae_jax.msvqvae.start import empty_codebooks, init_codebooks, init_params
    from vqvae_jax.precision import normalise

    model = getattr(named, f"{name.upper()}_MODEL")
    params = jax.jit(lambda: init_params(model, jax.random.key(0)))()
    clip = jnp.asarray(np.stack(list(frames(model.clip[0], side))))[None]
    draw = jax.jit(
        lambda params, x: init_codebooks(
            MSVQVAE(model), params, empty_codebooks(model), normalise(x), jax.random.key(1), 0.01
        )
    )
    codebooks = draw(params, clip)
    tokenizer = Tokenizer(Weights(model, params, codebooks, {}))
    chunks = tokenizer.coded_chunks(frames(16 * model.clip[0], side), model.clip[0])
    grids: dict[str, list[np.ndarray]] = {level: [] for level in model.levels}
    for chunk in chunks:
        for level, grid in chunk.indices.items():
            grids[level].append(grid)
    save_bundle(path, pack_weights(name, model, params, codebooks, fit_grids(grids, codebooks), {"untrained": True}))


def entropy_coding() -> list[tuple[Any, str, str]]:
    """Where families turn symbols into bytes and back: owner, name of a function, and which way."""
    from vqvae_jax.msvqvae.codec import model as msvqvae
    from vqvae_jax.ntc.codec.latents import Writer
    from vqvae_jax.ntc.codec.model import FileDecoder

    return [
        (msvqvae, "pack", "encode"),
        (msvqvae, "unpack", "decode"),
        (Writer, "unit", "encode"),
        (Writer, "payload", "encode"),
        (FileDecoder, "unpack", "decode"),
    ]


def measure(bundle_path: Path, count: int, side: int, video: Path | None) -> dict[str, float]:
    """One round trip through a file, in this process."""
    from vqvae_jax.codec.decoder import Decoder
    from vqvae_jax.codec.encoder import Encoder
    from vqvae_jax.families import load_model

    coding = {"encode": 0.0, "decode": 0.0}

    def timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                coding[what] += time.perf_counter() - began

        return call

    for owner, name, what in entropy_coding():
        setattr(owner, name, timed(what, getattr(owner, name)))
    began = time.perf_counter()
    model = load_model(bundle_path)
    load = time.perf_counter() - began
    encoder = Encoder(model)
    pictures = list(frames(min(count, 600), side, video))  # made before the clock starts
    pictures = list(itertools.islice(itertools.cycle(pictures), count))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.msv"

        def decode() -> int:
            with Decoder(model, path) as opened:
                return sum(1 for _ in opened.frames())

        compile_s = spent(lambda: encoder.encode(frames(8, side), path, RATE)).wall_s
        decode()
        coding.update(encode=0.0, decode=0.0)
        encode_s = spent(lambda: encoder.encode(pictures, path, RATE, overwrite=True)).wall_s
        began = time.perf_counter()
        decoded = decode()
        decode_s = time.perf_counter() - began
    assert decoded == count
    return {
        "load s": load,
        "compile s": compile_s,
        "encode fps": count / encode_s,
        "encode x real time": count / encode_s / float(RATE),
        "decode fps": count / decode_s,
        "decode x real time": count / decode_s / float(RATE),
        "entropy share of encoding": coding["encode"] / encode_s,
        "entropy share of decoding": coding["decode"] / decode_s,
        "peak MiB": peak_mib(),
    }


@benchmark
def main(
    bundles: tuple[Path, ...] = (),
    untrained: tuple[str, ...] = (),
    seconds: tuple[int, ...] = (20, 600),
    video: Path | None = None,
    side: int = 64,
) -> Result:
    """Measures.

    Args:
      untrained: named models to measure with fresh weights.
      seconds: lengths of the video.
      video: default: a pattern made on the fly.
      side: pixels.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        measured = {path.stem: (path, seconds) for path in bundles}
        for name in untrained:
            path = Path(folder) / f"{name}.safetensors"
            save_untrained(name, path, side)
            # A full-width model takes a quarter of an hour for the long video on two cores.
            measured[f"{name}, untrained"] = path, seconds[:1]
        for name, (path, lengths) in measured.items():
            for length in lengths:
                with multiprocessing.get_context("spawn").Pool(1) as alone:
                    figures = alone.apply(measure, (path, int(length * RATE), side, video))
                rows.append({"bundle": name, "seconds": length, **figures})
    return {"rows": rows, "side": side, "fps": float(RATE), "video": video and video.name}


if __name__ == "__main__":
    main()
