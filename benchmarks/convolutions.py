"""Every distinct 3-D convolution of a model, one clip: forward, input gradient, weight gradient, by lowering.

    python -m benchmarks.convolutions [--models msvqvae tiny] [--repeats 5]

`concat` and `sum` are 2-D forms of the same operation (see `vqvae_jax/layers/conv3d.py`); speed-ups are against
`direct`. The last row of each model weighs the convolutions by how often they occur.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.report import Row, alternate, options, write
from vqvae_jax.layers.conv3d import Lowering, Triple, convolve
from vqvae_jax.msvqvae import family
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.start import empty_codebooks, init_params

MODELS = {"msvqvae": family.MSVQVAE_MODEL, "tiny": family.TINY_MODEL}
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


def passes(convolution: Convolution, lowering: Lowering) -> dict[str, Callable[[], Any]]:
    """The three compiled passes of one convolution over one clip of noise."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((1, *convolution.input)), jnp.float32)
    kernel = jnp.asarray(rng.standard_normal(convolution.kernel), jnp.float32)

    def forward(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return convolve(x, kernel, convolution.strides, convolution.groups, lowering)

    upstream = jnp.ones(jax.eval_shape(forward, x, kernel).shape, jnp.float32)
    input_gradient = jax.jit(lambda x, kernel, g: jax.vjp(lambda x: forward(x, kernel), x)[1](g))
    weight_gradient = jax.jit(lambda x, kernel, g: jax.vjp(lambda kernel: forward(x, kernel), kernel)[1](g))
    run = jax.jit(forward)
    calls = (
        lambda: run(x, kernel),
        lambda: input_gradient(x, kernel, upstream),
        lambda: weight_gradient(x, kernel, upstream),
    )
    return dict(zip(PASSES, calls, strict=True))


def measure(convolution: Convolution, repeats: int) -> dict[str, dict[str, float]]:
    """Median milliseconds by pass and lowering."""
    compiled = {lowering: passes(convolution, lowering) for lowering in LOWERINGS}
    return {
        name: {
            lowering: 1e3 * seconds
            for lowering, seconds in alternate({low: compiled[low][name] for low in LOWERINGS}, repeats).items()
        }
        for name in PASSES
    }


def describe(convolution: Convolution) -> str:
    size, kernel, strides = (
        "x".join(map(str, sides)) for sides in (convolution[0], convolution[1][:3], convolution[2])
    )
    stride = f", stride {strides}" if max(convolution.strides) > 1 else ""
    return f"{size} -> {convolution.kernel[-1]}, kernel {kernel}{stride}"


def row(model: str, what: str, times: int, name: str, milliseconds: dict[str, float], gmacs: float) -> Row:
    fastest = min(milliseconds, key=lambda lowering: milliseconds[lowering])
    return {
        "model": model,
        "convolution": what,
        "times": times,
        "pass": name,
        "GMACs": gmacs,
        **{f"{lowering} ms": value for lowering, value in milliseconds.items()},
        "concat speed-up": milliseconds["direct"] / milliseconds["concat"],
        "fastest": fastest,
    }


def main() -> None:
    parser = options("convolutions", __doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--clip", type=int, nargs=3, metavar=("T", "H", "W"), help="default: the model's clip")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    rows = []
    for name in arguments.models:
        config = MODELS[name]
        if arguments.clip:
            config = replace(config, clip=tuple(arguments.clip))
        totals = {step: dict.fromkeys(LOWERINGS, 0.0) for step in PASSES}
        all_gmacs = 0.0
        for convolution, times in convolutions(config).items():
            positions = np.prod([n // s for n, s in zip(convolution.input[:3], convolution.strides, strict=True)])
            gmacs = float(positions * np.prod(convolution.kernel) / 1e9)
            all_gmacs += times * gmacs
            what = describe(convolution)
            for step, milliseconds in measure(convolution, arguments.repeats).items():
                rows.append(row(name, what, times, step, milliseconds, gmacs))
                for lowering, value in milliseconds.items():
                    totals[step][lowering] += times * value
        rows += [row(name, "all", 1, step, totals[step], all_gmacs) for step in PASSES]
    write(arguments.out, "convolutions", rows, repeats=arguments.repeats)


if __name__ == "__main__":
    main()
