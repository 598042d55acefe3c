"""Bits per index of a bundle on the clips of a data set: formula, entropy, DEFLATE, entropy-coded.

    python -m benchmarks.index_bits --bundle FILE --data DIR [--split test]

Every clip is coded by itself, as the encoder codes a video of that length. "cross-entropy" is what the bundle's entropy
model promises, "range" what the coder needs, its final state included. DEFLATE is the paper's: one stream per clip, top
then bottom, 16 bits an index. Aims: range at least 20 % under DEFLATE, under 0.75 of the zero-order entropy, within 1 %
of the cross-entropy.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from benchmarks.inputs import Count, bundle_facts, clips_of, data_facts
from benchmarks.report import Result, Row, aim, benchmark
from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.metrics.rate import deflate_bytes, index_entropy
from vqvae_jax.msvqvae.codec.model import CodecModel
from vqvae_jax.msvqvae.indices.index_coder import LevelModel, pack

BPP = {"formula": "formula", "deflate": "DEFLATE", "range": "range"}


def cross_entropy(model: LevelModel, grid: np.ndarray, coarse: np.ndarray | None) -> float:
    """Bits that the model promises for a grid."""
    frequencies = model.coded_intervals(grid.astype(np.int64), coarse)[1]
    return float(np.sum(16.0 - np.log2(frequencies)))


class Counted:
    """What the indices of a level, over all clips so far, take in bits."""

    def __init__(self, codes: int) -> None:
        self.used = np.zeros(codes, np.int64)
        self.promised = 0.0  # by the model
        self.coded = 0

    def bits(self) -> dict[str, float]:
        """In all, by way of counting."""
        indices = int(self.used.sum())
        return {
            "indices": indices,
            "formula": indices * float(np.log2(len(self.used))),
            "zero-order entropy": indices * float(index_entropy(self.used)),
            "cross-entropy": self.promised,
            "range": self.coded,
        }


def row(name: str, counted: list[Counted], deflated: int | None) -> Row:
    """Bits per index over some levels; `deflated` bits of all together."""
    bits = {what: sum(level.bits()[what] for level in counted) for what in counted[0].bits()}
    indices = bits.pop("indices")
    return {
        "level": name,
        "codes in use": float(np.mean(np.concatenate([level.used > 0 for level in counted]))),
        **{what: value / indices for what, value in bits.items()},
        "range / entropy": bits["range"] / bits["zero-order entropy"],
        "DEFLATE": None if deflated is None else deflated / indices,
        "range / DEFLATE": None if deflated is None else bits["range"] / deflated,
    }


@benchmark
def main(bundle: Path, data: Path, split: str = "test", clips: Count = 0) -> Result:
    model = CodecModel(read_bundle(bundle))
    tables = model.weights.tables
    codes = {name: level.codes for name, level in model.levels.items()}
    levels = {name: Counted(k) for name, k in codes.items()}
    deflated, psnr = 0, []
    with clips_of(data, split, clips) as chosen:
        size, height, width = chosen.clip_shape[:3]
        for record in tqdm(range(len(chosen)), disable=None):
            clip = chosen.read([record])[0]
            ((_, indices),) = model.coded_chunks(clip, size)
            coarse = None
            for (name, grid), payload in zip(indices.items(), pack("range", tables, indices), strict=True):
                levels[name].used += np.bincount(grid.ravel(), minlength=codes[name])
                levels[name].promised += cross_entropy(tables[name], grid, coarse)
                levels[name].coded += 8 * len(payload)
                coarse = grid
            deflated += 8 * deflate_bytes(list(indices.values()), list(codes.values()))
            decoded = model.decoded_chunk(indices, None, None, (size, height, width), size)
            psnr.append(float(np.mean(frame_psnr(jnp.asarray(clip)[None], jnp.asarray(decoded)[None]))))
    every = row("both" if len(codes) > 1 else "all", list(levels.values()), deflated)
    per_pixel = sum(int(level.used.sum()) for level in levels.values()) / (len(chosen) * size * height * width)
    return {
        "rows": [*(row(name, [level], None) for name, level in levels.items()), every],
        "aims": [
            aim("bits over DEFLATE's", every["range / DEFLATE"], at_most=0.8),
            aim("bits over the zero-order entropy", every["range / entropy"], at_most=0.75),
            aim("bits over the model's cross-entropy", every["range"] / every["cross-entropy"], at_most=1.01),
        ],
        "bundle": bundle_facts(model),
        "data": data_facts(chosen),
        "psnr": float(np.mean(psnr)),
        "bpp": {what: every[title] * per_pixel for what, title in BPP.items()},
    }


if __name__ == "__main__":
    main()
