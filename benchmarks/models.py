"""Train step and forward pass of whole models, direct 3-D convolutions against the 2-D form; the aim is 1.7x.

    python -m benchmarks.models [--repeats 3]

`tiny` at 4 clips, `msvqvae` at 1. The step is the real one without perceptual loss: gradient, clipping, Adam and
codebooks. "Memory" is what the compiled program needs for activations, beside its arguments.
"""

from dataclasses import replace
from functools import partial

import jax
import numpy as np

from benchmarks.jax_programs import STEPS
from benchmarks.named_models import BATCHES, MODELS, clips_of, experiment_of, first_state
from benchmarks.report import Row, aim, alternate, options, write
from vqvae_jax.layers.conv3d import Lowering
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model
from vqvae_jax.msvqvae.train import MSVQVAETask
from vqvae_jax.precision import normalise
from vqvae_jax.training.compiled import Compiled, compile_step
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.state import TrainState

LOWERINGS: tuple[Lowering, ...] = ("direct", "concat")


def compiled(model: ModelConfig, state: TrainState, clips: np.ndarray) -> dict[str, Compiled]:
    """Forward pass and train step on one device."""
    experiment = experiment_of(model)
    devices = DeviceMap("shard_map", jax.devices()[:1])
    step = MSVQVAETask(experiment, STEPS).step
    network = MSVQVAE(experiment.model)

    def forward(state: TrainState, clips: jax.Array) -> tuple[jax.Array]:
        return (apply_model(network, state.params, normalise(clips), state.extras["codebooks"]).reconstruction,)

    mapped_step = devices.map(step, (False, True, False, False), (False, False))
    return {
        "forward": compile_step(devices.map(forward, (False, True), (True,)), state, clips),
        "train step": compile_step(mapped_step, state, clips, jax.random.key(1), None),
    }


def main() -> None:
    parser = options("models", __doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--clip", type=int, nargs=3, metavar=("T", "H", "W"), help="default: the model's clip")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    rows: list[Row] = []
    for name in arguments.models:
        model, batch = MODELS[name], BATCHES[name]
        model = replace(model, clip=tuple(arguments.clip)) if arguments.clip else model
        clips, state = clips_of(model, batch), first_state(experiment_of(model))
        programs = {low: compiled(replace(model, lowering=low), state, clips) for low in LOWERINGS}
        for what in ("forward", "train step"):
            arrays = (state, clips) if what == "forward" else (state, clips, jax.random.key(1), None)
            calls = {str(low): partial(programs[low][what].call, *arrays) for low in LOWERINGS}
            seconds = alternate(calls, arguments.repeats)
            rows.append(
                {"model": name, "clips": batch, "what": what}
                | {f"{low} s": seconds[low] for low in LOWERINGS}
                | {"speed-up": seconds["direct"] / seconds["concat"]}
                | {"clips/s": batch / seconds["concat"]}
                | {f"{low} memory MB": programs[low][what].temporary_bytes / 1e6 for low in LOWERINGS}
            )
    aims = [aim(f"{row['model']} {row['what']}: direct over concat", row["speed-up"], at_least=1.7) for row in rows]
    write(arguments.out, "models", rows, aims=aims, repeats=arguments.repeats)


if __name__ == "__main__":
    main()
