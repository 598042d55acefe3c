"""A step before the optimiser, on every device and on one: to an .npz, names beginning with the mapping."""

import sys

import jax
import numpy as np

from tests.ntc.narrow import NARROW, clips, narrow_params
from vqvae_jax.ntc.experiment import RateConfig
from vqvae_jax.ntc.objective import training_loss, uniform_noise, weights_at
from vqvae_jax.ntc.rates import spread_rates
from vqvae_jax.training.gradients import global_gradients
from vqvae_jax.training.mapping import DeviceMap

BATCH = 8


def main(out: str) -> None:
    batch = clips(BATCH)
    rate = np.asarray(spread_rates(jax.random.key(0), BATCH, NARROW.rates))
    noise = np.asarray(uniform_noise(jax.random.key(1), (BATCH, 2, 2, 3, NARROW.latents)))
    weights = weights_at(RateConfig(prediction=0.5, flow=0.1), np.int32(3), 100)

    def step(params, clips, rate, noise):
        found = global_gradients(training_loss(NARROW, weights), params, (clips, rate, noise))
        return found.params, found.aux.means

    arrays = {}
    for kind, count in (("shard_map", 1), ("shard_map", 8), ("pmap", 8)):
        devices = DeviceMap(kind, jax.devices()[:count])
        mapped = devices.map(step, (False, True, True, True), (False, False))
        gradients, means = mapped(devices.replicate(narrow_params()), *map(devices.split, (batch, rate, noise)))
        for name, tree in (("gradients", gradients), ("means", means)):
            for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
                arrays[f"{kind}:{count} {name}{jax.tree_util.keystr(path)}"] = np.asarray(leaf)
    np.savez(out, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
