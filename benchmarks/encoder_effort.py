"""What encoder effort gains and costs: files of the same clips at the same qualities, refined by more and more steps.

    python -m benchmarks.encoder_effort --bundle ntc --data DIR [--clips 8] [--efforts 0 20 50 100]

BD-rate and BD-PSNR are against effort 0, over the curve of mean rates and PSNRs; seconds are of one two-second clip,
wall clock, compilation left out.
"""

import io
import time
from fractions import Fraction

import numpy as np
from tqdm import tqdm

from benchmarks.inputs import Bundle, Count, DataSet, bundle_facts, read_clips
from benchmarks.report import Result, Row, benchmark
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import Model
from vqvae_jax.metrics.bd_rate import RateCurve, bd_psnr, bd_rate
from vqvae_jax.packaged import find_bundle

RATE = Fraction(16)
QUALITIES = (20.0, 40.0, 60.0, 80.0)


def coded(model: Model, clip_THWC: np.ndarray, quality: float, effort: int) -> tuple[float, float, float]:
    """Bits per pixel, PSNR and seconds of a clip's file."""
    out, encoder = io.BytesIO(), Encoder(model, quality=quality, effort=effort)
    began = time.perf_counter()
    encoded = encoder.encode(clip_THWC, out, RATE)
    seconds = time.perf_counter() - began
    with Decoder(model, out.getvalue()) as decoder:
        decoded = np.stack(list(decoder.frames()))
    error = np.mean((decoded.astype(np.float64) - clip_THWC) ** 2, axis=(1, 2, 3))
    return encoded.bpp, float(np.mean(10 * np.log10(255**2 / np.maximum(error, 1e-4)))), seconds


@benchmark
def main(
    bundle: Bundle = None,
    data: DataSet = None,
    split: str = "test",
    clips: Count = 8,
    efforts: tuple[int, ...] = (0, 20, 50, 100),
) -> Result:
    model = find_bundle(bundle)
    read, facts = read_clips(data, split, clips)
    rows: list[Row] = []
    curves: list[RateCurve] = []
    for effort in efforts:
        coded(model, read[0], QUALITIES[0], effort)  # compiles
        progress = tqdm([(clip, quality) for quality in QUALITIES for clip in read], f"effort {effort}", disable=None)
        found = np.array([coded(model, clip, quality, effort) for clip, quality in progress])
        bpp, psnr, seconds = found.reshape(len(QUALITIES), len(read), 3).mean(axis=1).T
        curves.append(RateCurve(bpp, psnr))
        at = {f"quality {q:g}": f"{b:.4f} bpp, {p:.2f} dB" for q, b, p in zip(QUALITIES, bpp, psnr, strict=True)}
        change = {
            "BD-rate, %": bd_rate(curves[0], curves[-1]).value,
            "BD-PSNR, dB": bd_psnr(curves[0], curves[-1]).value,
        }
        rows.append({"effort": effort, **change, "seconds a clip": float(seconds.mean()), **at})
    return {
        "rows": rows,
        "bundle": bundle_facts(model),
        "data": facts,
    }


if __name__ == "__main__":
    main()
