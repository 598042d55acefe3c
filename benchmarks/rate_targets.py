"""How near files come to a wanted rate, and how many encodings that takes.

    python -m benchmarks.rate_targets --bundle ntc --data DIR [--clips 50] [--targets 0.06 0.1 0.15]

Every clip is coded to every target, as `vqvae-jax encode --target-bpp` does. What lies outside of the qualities 0 to
100 is counted apart: the nearest that can be reached is then right. Aim: within 2 % wherever it can be reached.
"""

import io
from fractions import Fraction

import numpy as np
from tqdm import tqdm

from benchmarks.inputs import Bundle, Count, DataSet, bundle_facts, read_clips
from benchmarks.report import Result, Row, aim, benchmark
from vqvae_jax.codec.encoder import Encoded, Encoder
from vqvae_jax.codec.rate_control import LEAST, MOST, Target, encode_to_size
from vqvae_jax.packaged import find_bundle

RATE = Fraction(16)


@benchmark
def main(
    bundle: Bundle = None,
    data: DataSet = None,
    split: str = "test",
    clips: Count = 50,
    targets: tuple[float, ...] = (0.06, 0.1, 0.15),
) -> Result:
    model = find_bundle(bundle)
    read, facts = read_clips(data, split, clips)
    rows: list[Row] = []
    for target in targets:
        off, trials, outside = [], [], 0
        for clip in tqdm(read, f"{target} bpp", disable=None):
            asked: list[float] = []

            def attempt(
                quality: float, out: io.BytesIO, clip: np.ndarray = clip, asked: list[float] = asked
            ) -> Encoded:
                asked.append(quality)
                return Encoder(model, quality=quality).encode(clip, out, RATE)

            found = encode_to_size(attempt, Target(bpp=target))
            trials.append(len(asked))
            if not found.reached and found.quality in (LEAST, MOST):
                outside += 1
                continue
            off.append(abs(found.encoded.bytes / found.wanted - 1))
        rows.append(
            {
                "target bpp": target,
                "clips": len(read),
                "out of reach": outside,
                "within 2 %": float(np.mean(np.array(off) <= 0.02)) if off else None,
                "mean distance": float(np.mean(off)) if off else None,
                "largest distance": max(off, default=None),
                "encodings": float(np.mean(trials)),
            }
        )
    worst = max((row["largest distance"] for row in rows if row["largest distance"] is not None), default=None)
    return {
        "rows": rows,
        "aims": [aim("largest distance where the target can be reached", worst, at_most=0.02)],
        "bundle": bundle_facts(model),
        "data": facts,
    }


if __name__ == "__main__":
    main()
