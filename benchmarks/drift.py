"""How far the pixels of one file drift apart on two ways to compute them, over a long group of pictures.

    python -m benchmarks.drift --bundle ntc [--units 300]

The latents of a file are integers and the same everywhere; pixels go through floating point, unit after unit, and
each machine adds in an order of its own. Here the same latents (a moving pattern, one group of `--units` units of
four frames) are decoded with convolutions lowered as for a CPU and as for a TPU, and with weights as they are and off
by a rounding error (a relative 2**-23, at random). Differences are of 8-bit values, by stretches of units. A group of
8 units, which is what encoders write by default, starts anew from nothing.
"""

import io
from dataclasses import replace
from fractions import Fraction
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.codec_speed import frames
from benchmarks.inputs import Bundle, bundle_facts
from benchmarks.report import Result, Row, aim, benchmark
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.ntc.codec.layout import rate_of
from vqvae_jax.ntc.codec.model import NtcModel, Program
from vqvae_jax.ntc.config import UNIT
from vqvae_jax.packaged import find_bundle
from vqvae_jax.training.state import PyTree

QUALITY = 60.0
STRETCHES = 6


def decoded(model: NtcModel, latents: np.ndarray) -> np.ndarray:
    """uint8 [units * 4, H, W, 3]."""
    program = Program(model, rate_of(QUALITY, model.config.rates))
    carry, shown = None, []
    for q in latents:
        unit, carry = program.decode(q, carry)
        shown.append(np.asarray(unit))
    return np.concatenate(shown)


def nudged(params: PyTree) -> PyTree:
    """Every weight off by at most one rounding error."""
    leaves, tree = jax.tree.flatten(params)
    rng = np.random.default_rng(0)
    return jax.tree.unflatten(
        tree, [jnp.asarray(np.asarray(leaf) * (1 + rng.uniform(-1, 1, leaf.shape) * 2.0**-23)) for leaf in leaves]
    )


@benchmark
def main(bundle: Bundle = None, units: int = 300) -> Result:
    model = cast(NtcModel, find_bundle(bundle))
    video = np.stack(list(frames(units * UNIT, model.clip[1])))
    out = io.BytesIO()
    Encoder(model, quality=QUALITY, chunk_frames=units * UNIT).encode(video, out, Fraction(16))
    with Decoder(model, out.getvalue()) as decoder:
        latents = decoder.content(0)[1]
    usual = decoded(model, latents).astype(np.int64)
    others = {}
    for name in ("convolutions as for a TPU", "weights off by a rounding error"):
        other = cast(NtcModel, find_bundle(bundle))
        if name.startswith("weights"):
            other.transform = nudged(other.transform)
        else:
            other.config = replace(other.config, lowering="direct")
        others[name] = np.abs(decoded(other, latents).astype(np.int64) - usual)
    rows: list[Row] = []
    for name, away in others.items():
        for stretch in np.array_split(np.arange(units), STRETCHES):
            part = away.reshape(units, -1)[stretch]
            rows.append(
                {
                    "other": name,
                    "units": f"{stretch[0]} to {stretch[-1]}",
                    "largest difference": int(part.max()),
                    "pixels that differ": float(np.mean(part > 0)),
                }
            )
    return {
        "rows": rows,
        "aims": [aim("largest difference over all units", max(row["largest difference"] for row in rows), at_most=2)],
        "bundle": bundle_facts(model),
        "bytes": len(out.getvalue()),
    }


if __name__ == "__main__":
    main()
