"""Gradients through convolutions in a loop's body on a CPU, and what a frame that is written out takes instead.

    python -m benchmarks.looped_convolutions [--channels 48] [--side 32] [--pictures 4] [--repeats 5]

A step is six residual 3x3 convolutions, taken twice, and the gradients of weights and input: `written out`, in a loop
of two turns by XLA's convolutions, and there as products of patches (`vqvae_jax.layers.conv3d.within_loop`).
"""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from benchmarks.report import Result, benchmark, timings
from vqvae_jax.layers.conv3d import convolve_frames, within_loop

LAYERS, TURNS = 6, 2


@benchmark
def main(channels: int = 48, side: int = 32, pictures: int = 4, repeats: int = 5) -> Result:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.uniform(-1, 1, (pictures, side, side, channels)), jnp.float32)
    kernels = jnp.asarray(rng.uniform(-0.05, 0.05, (LAYERS, 3, 3, channels, channels)), jnp.float32)
    found = timings({name: step(name, kernels, x) for name in ("written out", "loop", "loop of products")}, repeats)
    least = found["written out"].cpu_s
    rows = [
        {"how": name, "cpu_s": time.cpu_s, "times": time.cpu_s / least, "first_s": time.first_s}
        for name, time in found.items()
    ]
    return {"rows": rows}


def step(name: str, kernels: Array, x_BHWC: Array) -> Callable[[], Any]:
    """A call of the compiled gradients."""

    def loss(kernels: Array, x: Array) -> Array:
        def turn(x: Array, _: None) -> tuple[Array, None]:
            for kernel in kernels:
                x = x + convolve_frames(jax.nn.relu(x)[:, None], kernel, (1, 1), [(1, 1), (1, 1)])[:, 0]
            return x, None

        with within_loop() if name == "loop of products" else contextlib.nullcontext():
            y, _ = lax.scan(turn, x, None, TURNS, unroll=0 if name == "written out" else 1)
        return jnp.sum(jnp.square(y))

    gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))
    return lambda: gradients(kernels, x_BHWC)


if __name__ == "__main__":
    main()
