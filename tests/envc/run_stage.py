"""A step of stage 3 on one device and on two, by both mappings: to an .npz, names beginning with the mapping."""

import sys

import jax
import numpy as np

from tests.envc.tiny_training import Runner, clips, experiment
from vqvae_jax.envc.train import EnvcTask
from vqvae_jax.training.digests import named_leaves


def main(out: str) -> None:
    task, batch, arrays = EnvcTask(experiment(batch=2), 1400), clips(2), {}
    for kind, count in (("shard_map", 1), ("shard_map", 2), ("pmap", 2)):
        runner = Runner(task, 3, jax.devices()[:count], kind)
        state, metrics = runner(runner.start(), batch)
        # Adam's first moment is a tenth of the gradient; its first update would be little more than the sign.
        for name, leaf in (named_leaves(state.opt_state) | metrics.scalars).items():
            arrays[f"{kind}:{count} {name}"] = np.asarray(leaf)
    np.savez(out, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
