"""Bits per index of a bundle on the clips of a data set: formula, entropy, DEFLATE, entropy-coded.

    python -m benchmarks.index_bits --bundle FILE --data DIR [--split test]

Every clip is coded by itself, as the encoder codes a video of that length. "cross-entropy" is what the bundle's entropy
model promises, "range" what the coder needs, its final state included. DEFLATE is the paper's: one stream per clip, top
then bottom, 16 bits an index. Aims: range at least 20 % under DEFLATE, under 0.75 of the zero-order entropy, within 1 %
of the cross-entropy.
"""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from benchmarks.inputs import data_facts
from benchmarks.report import Row, aim, options, write
from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import few
from vqvae_jax.errors import run_command
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.metrics.rate import deflate_bytes, index_entropy
from vqvae_jax.msvqvae.codec.model import CodecModel
from vqvae_jax.msvqvae.indices.index_coder import LevelModel, pack


def cross_entropy(model: LevelModel, grid: np.ndarray, coarse: np.ndarray | None) -> float:
    """Bits that the model promises for a grid."""
    frequencies = model.coded_intervals(grid.astype(np.int64), coarse)[1]
    return float(np.sum(16.0 - np.log2(frequencies)))


def main() -> None:
    parser = options("index_bits", __doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="data set of data_prep")
    parser.add_argument("--split", default="test")
    parser.add_argument("--clips", type=int, default=0, help="evenly spread; default: all")
    arguments = parser.parse_args()
    bundle = CodecModel(read_bundle(arguments.bundle))
    tables = bundle.weights.tables
    clips = few(open_split(arguments.data, arguments.split), arguments.clips)
    count = len(clips)
    size, height, width = clips.clip_shape[:3]
    codes = {name: level.codes for name, level in bundle.levels.items()}
    used = {name: np.zeros(k, np.int64) for name, k in codes.items()}
    promised, coded = dict.fromkeys(codes, 0.0), dict.fromkeys(codes, 0)
    numbers, deflated, psnr = dict.fromkeys(codes, 0), 0, []
    for record in tqdm(range(count), disable=None):
        clip = clips.read([record])[0]
        (chunk,) = bundle.coded_chunks(clip, size)
        indices = chunk.indices
        coarse = None
        for (name, grid), payload in zip(indices.items(), pack("range", tables, indices), strict=True):
            used[name] += np.bincount(grid.ravel(), minlength=codes[name])
            promised[name] += cross_entropy(tables[name], grid, coarse)
            coded[name] += 8 * len(payload)
            numbers[name] += grid.size
            coarse = grid
        deflated += 8 * deflate_bytes(list(indices.values()), list(codes.values()))
        decoded = bundle.decoded_chunk(indices, None, None, (size, height, width), size)
        psnr.append(float(np.mean(frame_psnr(jnp.asarray(clip)[None], jnp.asarray(decoded)[None]))))

    rows: list[Row] = []
    for name, k in codes.items():
        entropy = index_entropy(used[name])
        rows.append(
            {
                "level": name,
                "codes in use": float(np.mean(used[name] > 0)),
                "formula": float(np.log2(k)),
                "zero-order entropy": entropy,
                "cross-entropy": promised[name] / numbers[name],
                "range": coded[name] / numbers[name],
                "range / entropy": coded[name] / numbers[name] / entropy,
                "DEFLATE": None,
                "range / DEFLATE": None,
            }
        )
    total = sum(numbers.values())
    formula = sum(numbers[name] * np.log2(k) for name, k in codes.items()) / total
    entropy = sum(numbers[name] * index_entropy(used[name]) for name in codes) / total
    everything = sum(coded.values()) / total
    rows.append(
        {
            "level": "both" if len(codes) > 1 else "all",
            "codes in use": float(np.mean(np.concatenate([u > 0 for u in used.values()]))),
            "formula": float(formula),
            "zero-order entropy": float(entropy),
            "cross-entropy": sum(promised.values()) / total,
            "range": everything,
            "range / entropy": everything / float(entropy),
            "DEFLATE": deflated / total,
            "range / DEFLATE": sum(coded.values()) / deflated,
        }
    )
    pixels = count * size * height * width
    facts: dict[str, Any] = {
        "bundle": {"name": bundle.name, "digest": bundle.digest, **bundle.origin},
        "data": data_facts(clips),
        "psnr": float(np.mean(psnr)),
        "bpp": {
            "formula": formula * total / pixels,
            "deflate": deflated / pixels,
            "range": sum(coded.values()) / pixels,
        },
    }
    rates = ", ".join(f"{name} {float(bpp):.4f}" for name, bpp in facts["bpp"].items())
    print(f"{count} clips: PSNR {facts['psnr']:.2f} dB, bits per pixel: {rates}")
    both = rows[-1]
    aims = [
        aim("bits over DEFLATE's", both["range / DEFLATE"], at_most=0.8),
        aim("bits over the zero-order entropy", both["range / entropy"], at_most=0.75),
        aim("bits over the model's cross-entropy", both["range"] / both["cross-entropy"], at_most=1.01),
    ]
    write(arguments.out, "index_bits", rows, aims=aims, **facts)


if __name__ == "__main__":
    run_command("benchmarks.index_bits", main)
