"""Raw gradients, codebook statistics and indices of one step: one device against eight, under both mappings.

    python -m benchmarks.gradient_equality [--model tiny] [--clip 8 32 32] [--batch 8]

Compared before the optimiser: Adam would hide a gradient that is eight times too large. The devices are simulated on
the CPU's cores.
"""

from dataclasses import replace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.report import Result, benchmark
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.msvqvae import named
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.model import MSVQVAE, Codebooks, apply_model
from vqvae_jax.msvqvae.objective import training_loss
from vqvae_jax.msvqvae.start import empty_codebooks, init_codebooks, init_params
from vqvae_jax.msvqvae.train import level_dropout
from vqvae_jax.precision import normalise
from vqvae_jax.training.gradients import global_gradients
from vqvae_jax.training.mapping import DeviceMap, Mapping
from vqvae_jax.training.state import PyTree

DEVICES = 8
# Few clips have fewer vectors than there are codes. Codes drawn twice lie 0.01 apart by default, closer than float32
# distances between vectors of length 7 resolve: rounding, which differs with the batch per device, picks the winner.
INIT_NOISE = 1.0
KINDS: tuple[Mapping, ...] = ("pmap", "shard_map")
MODELS = {"tiny": named.TINY_MODEL, "msvqvae": named.MSVQVAE_MODEL, "vqvae3d": named.VQVAE3D_MODEL}


class RawStep(NamedTuple):
    """What a step knows before the optimiser, on the host."""

    gradients: PyTree
    counts: dict[str, np.ndarray]  # by level, [K]
    sums: dict[str, np.ndarray]  # by level, [K, D]
    indices: dict[str, np.ndarray]  # by level, [B, t, h, w] of this process's clips
    loss: np.ndarray  # []


def raw_step(
    experiment: Experiment, devices: DeviceMap, params: PyTree, codebooks: Codebooks, clips_BTHWC: np.ndarray
) -> RawStep:
    """Gradients, statistics and indices of the global batch; `clips_BTHWC` is this process's share of it, uint8."""
    model = MSVQVAE(experiment.model)

    def per_device(params: PyTree, codebooks: Codebooks, clips: jax.Array, key: jax.Array) -> tuple[Any, Any]:
        drop = level_dropout(experiment.model, key, clips.shape[0])
        weight, parts = jnp.float32(0), experiment.training.microbatches
        loss = training_loss(model, experiment.loss, codebooks, None, weight, step=0, samples=8)
        found = global_gradients(loss, params, (clips, drop), parts)
        levels = apply_model(model, params, normalise(clips), codebooks).levels
        indices = {name: level.quantized.indices for name, level in levels.items()}
        return (found.params, found.aux.sums[0], found.aux.means["loss"]), indices

    mapped = devices.map(per_device, (False, False, True, False), (False, True))
    state = devices.replicate((params, codebooks, jax.random.key(5)))
    (gradients, statistics, loss), indices = mapped(*state[:2], devices.split(clips_BTHWC), state[2])
    counts = {name: np.asarray(s.counts) for name, s in statistics.items()}
    sums = {name: np.asarray(s.sums) for name, s in statistics.items()}
    found = {name: devices.join(array) for name, array in indices.items()}
    return RawStep(jax.tree.map(np.asarray, gradients), counts, sums, found, np.asarray(loss))


def difference(a: PyTree, b: PyTree) -> float:
    """Largest |a - b| over a pytree."""
    return max(float(np.max(np.abs(x - y))) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def largest(tree: PyTree) -> float:
    """Largest magnitude in a pytree, to judge a difference by."""
    return max(float(np.max(np.abs(x))) for x in jax.tree.leaves(tree))


@benchmark
def main(
    model: Literal["tiny", "msvqvae", "vqvae3d"] = "tiny", clip: Triple = (8, 32, 32), batch: int = DEVICES
) -> Result:
    """Compares.

    Args:
      clip: frames, height, width.
      batch: clips, a multiple of 8.
    """
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", DEVICES)
    experiment = Experiment(model=MODELS[model])
    experiment = replace(experiment, loss=replace(experiment.loss, gamma=0.0))
    clips = np.random.default_rng(0).integers(0, 256, (batch, *clip, 3), np.uint8)

    @jax.jit
    def start(clips: jax.Array) -> tuple[PyTree, Codebooks]:
        params = init_params(experiment.model, jax.random.key(0))
        network, empty = MSVQVAE(experiment.model), empty_codebooks(experiment.model)
        return params, init_codebooks(network, params, empty, normalise(clips), jax.random.key(1), INIT_NOISE)

    params, codebooks = jax.tree.map(np.asarray, start(clips))
    steps = {
        (kind, count): raw_step(experiment, DeviceMap(kind, jax.devices()[:count]), params, codebooks, clips)
        for kind in KINDS
        for count in (1, DEVICES)
    }
    reference = steps.pop(("pmap", 1))

    def equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
        return all(np.array_equal(a[name], b[name]) for name in a)

    rows = [
        {
            "mapping": kind,
            "devices": count,
            "max gradient difference": difference(step.gradients, reference.gradients),
            "max sum difference": difference(step.sums, reference.sums),
            "indices equal": equal(step.indices, reference.indices),
            "counts equal": equal(step.counts, reference.counts),
        }
        for (kind, count), step in steps.items()
    ]
    scale = {"gradient": largest(reference.gradients), "sum": largest(reference.sums)}
    return {"rows": rows, "model": model, "clip": clip, "largest": scale}


if __name__ == "__main__":
    main()
