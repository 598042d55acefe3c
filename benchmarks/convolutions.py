"""Every distinct 3-D convolution of a model: forward, input gradient, weight gradient, by lowering.

    python -m benchmarks.convolutions [--models msvqvae tiny] [--repeats 5]
    python -m benchmarks.convolutions --models msvqvae tiny --dtypes bfloat16 float32 --clips 64       (on a GPU)

`concat` and `sum` are 2-D forms of the same operation (see `vqvae_jax/layers/conv3d.py`); speed-ups are against
`direct`. The last row of each model weighs the convolutions by how often they occur.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.jax_programs import Clip, Name, model_of
from benchmarks.report import Result, Row, alternate, benchmark
from vqvae_jax.layers.conv3d import convolve
from vqvae_jax.layers.kinds import Lowering, Triple
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.start import empty_codebooks, init_params
from vqvae_jax.precision import DTypeName, compute_dtype

LOWERINGS: tuple[Lowering, ...] = ("direct", "concat", "sum")
PASSES = ("forward", "input gradient", "weight gradient")


class Convolution(NamedTuple):
    """One convolution as it occurs in a model; the output's size follows."""

    input: tuple[int, ...]  # T, H, W, C
    kernel: tuple[int, ...]  # kt, kh, kw, C / groups, O
    strides: Triple
    groups: int


def convolutions(config: ModelConfig) -> Counter[Convolution]:
    """The model's convolutions and how often each occurs, read off its direct form."""
    model = MSVQVAE(replace(config, lowering="direct", dtype="float32"))
    params = jax.eval_shape(lambda: init_params(model.config, jax.random.key(0)))
    clip = jax.ShapeDtypeStruct((1, *config.clip, 3), jnp.float32)
    jaxpr = jax.make_jaxpr(lambda params, x: model.apply(params, x, empty_codebooks(config)))(params, clip)
    return Counter(
        Convolution(
            equation.invars[0].aval.shape[1:],
            equation.invars[1].aval.shape,
            tuple(equation.params["window_strides"]),
            equation.params["feature_group_count"],
        )
        for equation in jaxpr.jaxpr.eqns
        if equation.primitive.name == "conv_general_dilated"
    )


def macs(convolution: Convolution) -> int:
    """Multiply-accumulates of one forward pass over one clip."""
    sides = zip(convolution.input[:3], convolution.strides, strict=True)
    return math.prod(size // stride for size, stride in sides) * math.prod(convolution.kernel)


def step_flops(config: ModelConfig) -> float:
    """Floating-point operations of a train step for one clip.

    Two per multiply-accumulate; each convolution three times (forward, input gradient, weight gradient), each search
    for the nearest code once. Norms, optimiser and losses are left out, as is usual.
    """
    forward = sum(times * macs(convolution) for convolution, times in convolutions(config).items())
    searches = sum(
        math.prod(config.latent_shape(name, config.clip)) * level.codes * level.dim
        for name, level in config.levels.items()
    )
    return 2.0 * (3 * forward + searches)


def passes(convolution: Convolution, lowering: Lowering, dtype: DTypeName, clips: int) -> dict[str, Callable[[], Any]]:
    """The three compiled passes of one convolution over clips of noise."""
    rng, compute = np.random.default_rng(0), compute_dtype(dtype)
    x = jnp.asarray(rng.standard_normal((clips, *convolution.input), np.float32), compute)
    kernel = jnp.asarray(rng.standard_normal(convolution.kernel, np.float32), compute)

    def forward(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return convolve(x, kernel, convolution.strides, convolution.groups, lowering)

    upstream = jnp.asarray(rng.standard_normal(jax.eval_shape(forward, x, kernel).shape, np.float32), compute)
    input_gradient = jax.jit(lambda x, kernel, g: jax.vjp(lambda x: forward(x, kernel), x)[1](g))
    weight_gradient = jax.jit(lambda x, kernel, g: jax.vjp(lambda kernel: forward(x, kernel), kernel)[1](g))
    run = jax.jit(forward)
    calls = (
        lambda: run(x, kernel),
        lambda: input_gradient(x, kernel, upstream),
        lambda: weight_gradient(x, kernel, upstream),
    )
    return dict(zip(PASSES, calls, strict=True))


def describe(convolution: Convolution) -> str:
    size, kernel, strides = (
        "x".join(map(str, sides)) for sides in (convolution[0], convolution[1][:3], convolution[2])
    )
    stride = f", stride {strides}" if max(convolution.strides) > 1 else ""
    return f"{size} -> {convolution.kernel[-1]}, kernel {kernel}{stride}"


def row(
    model: str, dtype: DTypeName, what: str, times: int, name: str, milliseconds: dict[str, float], gmacs: float
) -> Row:
    fastest = min(milliseconds, key=lambda lowering: milliseconds[lowering])
    return {
        "model": model,
        "dtype": dtype,
        "convolution": what,
        "times": times,
        "pass": name,
        "GMACs": gmacs,
        **{f"{lowering} ms": value for lowering, value in milliseconds.items()},
        "concat speed-up": milliseconds["direct"] / milliseconds["concat"],
        "fastest": fastest,
        "TFLOP/s": 2.0 * gmacs / milliseconds[fastest],
    }


def measure_model(name: str, config: ModelConfig, dtype: DTypeName, clips: int, repeats: int) -> list[Row]:
    """Rows of all convolutions of a model, and their sums."""
    rows, all_gmacs = [], 0.0
    totals: dict[str, dict[str, float]] = {step: dict.fromkeys(map(str, LOWERINGS), 0.0) for step in PASSES}
    for convolution, times in convolutions(config).items():
        gmacs = clips * macs(convolution) / 1e9
        all_gmacs += times * gmacs
        compiled = {lowering: passes(convolution, lowering, dtype, clips) for lowering in LOWERINGS}
        for step in PASSES:
            seconds = alternate({str(lowering): compiled[lowering][step] for lowering in LOWERINGS}, repeats)
            milliseconds = {lowering: 1e3 * value for lowering, value in seconds.items()}
            rows.append(row(name, dtype, describe(convolution), times, step, milliseconds, gmacs))
            for lowering, value in milliseconds.items():
                totals[step][lowering] += times * value
    return rows + [row(name, dtype, "all", 1, step, totals[step], all_gmacs) for step in PASSES]


@benchmark
def main(
    models: tuple[Name, ...] = ("msvqvae", "tiny"),
    dtypes: tuple[Literal["float32", "bfloat16"], ...] = ("float32",),
    clips: int = 1,
    clip: Clip = None,
    repeats: int = 5,
) -> Result:
    """Measures.

    Args:
      clips: clips a batch; a GPU needs some 64 to be busy.
    """
    rows: list[Row] = []
    for name in models:
        for dtype in dtypes:
            rows += measure_model(name, model_of(name, clip), dtype, clips, repeats)
    return {"rows": rows, "repeats": repeats, "clips": clips}


if __name__ == "__main__":
    main()
