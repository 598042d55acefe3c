"""What files of a rate-trained bundle spend bits on: estimated and actual bits, overhead, symbols coded, by unit.

    python -m benchmarks.latent_bits --bundle ntc --data DIR [--split test] [--clips 50]

A row for each quality. "estimated" is the cross-entropy of the latents that were sent under the prior's logistic
distributions, as training counts it; "payload" what the entropy coder wrote, "file" everything. "coded" is the share of
latents that are not skipped. "first unit" is its share of the estimated bits; PSNR is of the decoded file, over all
frames, in the first unit, and in the first and the last frame of the later units. Aims: payload within 0.5 % of the
estimate, header and index under 1.5 % of a file of a two-second clip.
"""

import io
from fractions import Fraction
from typing import cast

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from benchmarks.inputs import Bundle, Count, DataSet, bundle_facts, read_clips
from benchmarks.report import Result, Row, aim, benchmark
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.ntc.codec.latents import Walk, Writer
from vqvae_jax.ntc.codec.layout import rate_of
from vqvae_jax.ntc.codec.model import NtcModel
from vqvae_jax.ntc.coding import latent_bits
from vqvae_jax.ntc.config import UNIT
from vqvae_jax.packaged import find_bundle

RATE = Fraction(16)
QUALITIES = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)


def one_clip(model: NtcModel, clip_THWC: np.ndarray, quality: float) -> dict[str, np.ndarray | float]:
    """Bits and PSNR of a clip's file."""
    out = io.BytesIO()
    encoded = Encoder(model, quality=quality).encode(clip_THWC, out, RATE)
    with Decoder(model, out.getvalue()) as decoder:
        latents = [decoder.content(chunk)[1] for chunk in range(decoder.reader.chunk_count)]
        decoded = np.stack(list(decoder.frames()))
    rate = rate_of(quality, model.config.rates)
    by_unit, coded = [], 0
    for group in latents:
        q = jnp.asarray(group[None], jnp.float32)
        bits = latent_bits(model.config, model.params, q, q, jnp.full((1,), rate, jnp.int32))
        by_unit.append(np.asarray(jnp.sum(bits, axis=(0, 2, 3, 4))))
        writer = Writer(Walk(model.prior, rate, model.skip, group.shape[1:3]))
        for unit in group:
            writer.unit(unit.astype(np.float64))
        coded += writer.symbols
    error = np.mean((decoded.astype(np.float64) - clip_THWC) ** 2, axis=(1, 2, 3))
    psnr = 10 * np.log10(255**2 / np.maximum(error, 1e-4))
    later = psnr[: len(psnr) // UNIT * UNIT].reshape(-1, UNIT)[1:]
    return {
        "estimated": float(sum(bits.sum() for bits in by_unit)),
        "first": float(sum(bits[0] for bits in by_unit)),
        "payload": 8.0 * sum(encoded.payload_bytes.values()),
        "file": 8.0 * encoded.bytes,
        "coded": coded / sum(group.size for group in latents),
        "psnr": float(psnr.mean()),
        "psnr first": float(psnr[:UNIT].mean()),
        "psnr frame 1": float(later[:, 0].mean()),
        "psnr frame 4": float(later[:, -1].mean()),
    }


@benchmark
def main(bundle: Bundle = None, data: DataSet = None, split: str = "test", clips: Count = 50) -> Result:
    model = cast(NtcModel, find_bundle(bundle))
    rows: list[Row] = []
    read, facts = read_clips(data, split, clips)
    pixels = float(np.prod(facts["clip_shape"][:3]))
    for quality in tqdm(QUALITIES, disable=None):
        found = [one_clip(model, clip, quality) for clip in read]
        mean = {name: float(np.mean([f[name] for f in found])) for name in found[0]}
        rows.append(
            {
                "quality": quality,
                "estimated bpp": mean["estimated"] / pixels,
                "payload / estimated": mean["payload"] / mean["estimated"],
                "file bpp": mean["file"] / pixels,
                "overhead": 1 - mean["payload"] / mean["file"],
                "coded": mean["coded"],
                "first unit": mean["first"] / mean["estimated"],
                **{name: value for name, value in mean.items() if name.startswith("psnr")},
            }
        )
    away = max(abs(row["payload / estimated"] - 1) for row in rows)
    return {
        "rows": rows,
        "aims": [
            aim("payload away from the estimate, worst quality", away, at_most=0.005),
            aim("header, checksums and index over the file, at quality 40", rows[2]["overhead"], at_most=0.015),
        ],
        "bundle": bundle_facts(model),
        "data": facts,
    }


if __name__ == "__main__":
    main()
