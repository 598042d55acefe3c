"""What mapping costs: seconds a step of a narrow model by `pmap` and by `shard_map`, on 1 and 8 simulated devices.

    python -m benchmarks.mapping [--repeats 50]

The model is so small that most of the time is dispatch. `training.mapping=auto` is the faster of the two.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.report import alternate, options, write
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.config import LevelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.named import TINY_MODEL
from vqvae_jax.msvqvae.start import new_state
from vqvae_jax.msvqvae.train import MSVQVAETask
from vqvae_jax.training.mapping import DeviceMap, Mapping
from vqvae_jax.training.optimizer import make_optimizer
from vqvae_jax.training.state import TrainState

DEVICES = 8
KINDS: tuple[Mapping, ...] = ("pmap", "shard_map")
CLIP = (4, 16, 16)
NARROW = replace(
    TINY_MODEL,
    bottom=LevelConfig((2, 4, 4), 16, 4),
    top=LevelConfig((4, 8, 8), 16, 4),
    clip=CLIP,
    width=8,
    hidden=8,
    top_width=8,
    top_hidden=8,
    encoder_blocks=1,
    decoder_blocks=1,
    top_blocks=1,
)


def stepper(
    kind: Mapping, count: int, state: TrainState, clips: np.ndarray, experiment: Experiment
) -> Callable[[], Any]:
    """A call that does the next step of its own copy of the run, batch placement included."""
    devices = DeviceMap(kind, jax.devices()[:count])
    step = MSVQVAETask(experiment, 1000).step
    mapped = devices.map(step, (False, True, False, False), (False, False), donate=(0,))
    held = [devices.replicate(jax.tree.map(np.asarray, state))]
    key = devices.replicate(jax.random.key(1))

    def call() -> Any:
        held[0], metrics = mapped(held[0], devices.split(clips), key, None)
        return metrics

    return call


def main() -> None:
    parser = options("mapping", __doc__)
    parser.add_argument("--repeats", type=int, default=50)
    arguments = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", DEVICES)
    experiment = Experiment(model=NARROW, loss=LossConfig(gamma=0.0), data=PipelineConfig(frames=CLIP[0]))
    clips = np.random.default_rng(0).integers(0, 256, (DEVICES, *CLIP, 3), np.uint8)
    optimizer = make_optimizer(experiment.optimizer, 1000, 8)
    state = new_state(experiment, optimizer, jax.random.key(0), jnp.asarray(clips), None)
    rows = []
    for count in (1, DEVICES):
        calls: dict[str, Callable[[], Any]] = {kind: stepper(kind, count, state, clips, experiment) for kind in KINDS}
        milliseconds = {kind: 1e3 * seconds for kind, seconds in alternate(calls, arguments.repeats).items()}
        rows.append(
            {"devices": count}
            | {f"{kind} ms": value for kind, value in milliseconds.items()}
            | {"pmap / shard_map": milliseconds["pmap"] / milliseconds["shard_map"]}
        )
    write(arguments.out, "mapping", rows, repeats=arguments.repeats, clips=DEVICES, clip=CLIP)


if __name__ == "__main__":
    main()
