"""A process of `test_device_equality.py`: one raw step of a narrow model, for each mapping and number of devices.

python run_raw_step.py OUT.npz KIND:DEVICES ... [--coordinator HOST:PORT --processes N --process-id I]
"""

import argparse

import jax
import numpy as np
from narrow_models import narrow_experiment, random_clips, started

from benchmarks.gradient_equality import raw_step
from vqvae_jax.training.mapping import DeviceMap

BATCH = 8


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--coordinator")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--process-id", type=int, default=0)
    options = parser.parse_args()
    if options.coordinator:
        jax.distributed.initialize(options.coordinator, options.processes, options.process_id)
    # Half of the clips are dropped, so that each device must take its own part of the draw.
    experiment = narrow_experiment("tiny", level_dropout=0.5)
    _, params, books = started(experiment.model)
    share = BATCH // options.processes
    clips = random_clips(BATCH)[options.process_id * share :][:share]

    arrays = {}
    for run in options.runs:
        kind, devices = run.split(":")
        step = raw_step(experiment, DeviceMap(kind, jax.devices()[: int(devices)]), params, books, clips)
        for path, leaf in jax.tree_util.tree_leaves_with_path(step._asdict()):
            arrays[run + jax.tree_util.keystr(path)] = leaf
    np.savez(options.out, **arrays)


if __name__ == "__main__":
    main()
