"""What a device's matrix units reach: one large product, by JAX and by PyTorch. Shares of peak are shares of this."""

import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vqvae_jax.precision import DTypeName, compute_dtype

#: Products timed together, so that launches do not count, and how often.
TOGETHER, REPEATS = 10, 5


def matmul_flops(side: int, dtype: DTypeName) -> dict[str, float]:
    """FLOP/s of a square matrix product on random data, by library; the median of a few runs.

    Args:
      side: of the matrices; 8192 fills a large GPU.
      dtype: of the operands.
    """
    a = jax.random.normal(jax.random.key(0), (side, side), compute_dtype(dtype))
    b = jax.random.normal(jax.random.key(1), (side, side), compute_dtype(dtype))
    product = jax.jit(jnp.matmul)
    found = {"JAX": _flops(side, lambda: product(a, b), jax.block_until_ready)}
    if importlib.util.find_spec("torch"):
        found["PyTorch"] = _torch_flops(side, dtype)
    return found


def _torch_flops(side: int, dtype: DTypeName) -> float:
    import torch

    device = "cuda" if jax.default_backend() == "gpu" and torch.cuda.is_available() else "cpu"
    a, b = (torch.randn(side, side, device=device, dtype=getattr(torch, dtype)) for _ in range(2))
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    return _flops(side, lambda: a @ b, lambda _: wait())


def _flops(side: int, call: Callable[[], Any], wait: Callable[[Any], Any]) -> float:
    wait(call())
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for _ in range(TOGETHER):
            result = call()
        wait(result)
        seconds.append(time.perf_counter() - began)
    return 2.0 * side**3 * TOGETHER / statistics.median(seconds)
