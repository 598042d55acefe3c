"""A step of a fit, and decoding frame by frame, of MVC's small networks; the aims are a prototype's seconds.

    python -m benchmarks.mvc_speed [--models mvc_micro64 ...] [--objectives default ...] [--steps 50] [--repeats 3]

A step sees one frame of a scene made on the fly. Objectives: `default` is L_spa and L_freq; `all` has SFCM besides,
with a known shift for flow, and TCL with random features, which is what the prototype was timed with; `rate` is the
last part of a fit for rate, in which rounded weights and their bits count. A decoded frame is a file's: one at a time,
in 8 bits, on the host; weights are read before. Aims are of the prototype's best case, on two cores of another machine.
"""

from dataclasses import replace
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.codec_speed import frames
from benchmarks.jax_programs import STEPS, programs, repeated
from benchmarks.report import Result, Row, aim, benchmark, timings
from experiments import configs
from vqvae_jax.mvc.codec.frames import Program
from vqvae_jax.mvc.context import embed, scene_context
from vqvae_jax.mvc.count import parameters
from vqvae_jax.mvc.experiment import Experiment
from vqvae_jax.mvc.scene import supervise
from vqvae_jax.mvc.train import MvcTask
from vqvae_jax.mvc.weights import init

Name = Literal["mvc_micro64", "mvc_micro128", "mvc_tiny128", "mvc_small320"]
Objective = Literal["default", "all", "rate"]
#: Milliseconds of a step with all losses that the prototype took.
PROTOTYPE: dict[Name, float] = {"mvc_micro64": 4.4, "mvc_micro128": 9.9, "mvc_tiny128": 15.8, "mvc_small320": 120.0}


@benchmark
def main(
    models: tuple[Name, ...] = tuple(PROTOTYPE),
    objectives: tuple[Objective, ...] = ("default", "all", "rate"),
    steps: int = 50,
    repeats: int = 3,
) -> Result:
    """Measures.

    Args:
      steps: in one timing; so many frames are decoded, too.
      repeats: timings of each, in turns; their median counts.
    """
    rows: list[Row] = []
    aims = []
    for name in models:
        clip = scene(configs.load(name))
        made = {objective: fit_step(name, objective, clip, steps) for objective in objectives}
        found = timings({**made, "decode": decoder(configs.load(name), clip, steps)}, repeats)
        milliseconds = {what: 1e3 * timing.median_s / steps for what, timing in found.items()}
        rows.append(
            {"model": name, "parameters": parameters(configs.load(name).model)}
            | {f"{objective}, ms a step": milliseconds[objective] for objective in objectives}
            | {"decoded frames/s": 1e3 / milliseconds["decode"]}
            | {f"{what}, CPU over wall": found[what].cpu_s / found[what].median_s for what in (*objectives, "decode")}
        )
        if "all" in objectives:
            aims.append(aim(f"{name}: ms a step with all losses", milliseconds["all"], at_most=PROTOTYPE[name]))
    return {"rows": rows, "aims": aims, "steps": steps, "repeats": repeats}


def scene(experiment: Experiment) -> np.ndarray:
    """Of the experiment's size, uint8 [T, H, W, 3]."""
    count, height, width = experiment.model.clip
    return np.stack(list(frames(count, max(height, width))))[:, :height, :width]


def fit_step(name: Name, objective: Objective, clip_THWC: np.ndarray, steps: int) -> Any:
    """So many steps, as a callable."""
    experiment = configs.load(name)
    if objective == "all":
        loss = replace(experiment.loss, flow_source="shift", flow_shift=(1.0, 0.0), consistency=0.01)
        experiment = replace(experiment, loss=loss)
    if objective == "rate":
        experiment = replace(experiment, fit=replace(experiment.fit, rate=0.1, rate_share=1.0, bpp=4.0))
    task = MvcTask(experiment, STEPS, supervision=supervise(experiment, clip_THWC))
    state = task.init(jax.random.key(0), jnp.asarray(clip_THWC[:1, None]))
    batch = clip_THWC[:1, None], np.zeros(1, np.int32)
    found = programs(task.stages[0].step, {}, state, batch, steps, ["train step"], task.constants)
    return found["train step"].call


def decoder(experiment: Experiment, clip_THWC: np.ndarray, steps: int) -> Any:
    """So many frames of fresh weights, as a callable."""
    model = experiment.model
    context = jnp.asarray(scene_context(model, clip_THWC))
    params = init(jax.random.key(0), model, context)
    program = Program(model, {name: np.asarray(x) for name, x in params.decoder.items()})
    embedding = embed(model, params.training, context[:1], jnp.arange(1))
    one = None if embedding is None else np.asarray(embedding)
    return repeated(partial(program.frames, range(1), one), steps)


if __name__ == "__main__":
    main()
