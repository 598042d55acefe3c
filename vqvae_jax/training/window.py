"""What is logged: means over the steps since the last log, summed on the device so that no step waits for the host."""

import time
from typing import Any

import jax
import jax.numpy as jnp

from vqvae_jax.metrics.codebook_health import perplexity, usage_share


class Window:
    """Scalars and code counts since the last `close`, and the wall time they took."""

    def __init__(self) -> None:
        self._steps = 0
        self._sums: Any = None
        self._began = time.perf_counter()

    def add(self, scalars: dict[str, jax.Array], counts: dict[str, jax.Array]) -> None:
        """Adds one step; nothing leaves the device."""
        self._sums = (scalars, counts) if self._sums is None else _add(self._sums, (scalars, counts))
        self._steps += 1

    def skip_time(self, seconds: float) -> None:
        """Takes time that was not training (validation, checkpoints, pictures) out of the rates."""
        self._began += seconds

    def close(self, clips_per_step: int, flops_per_step: float) -> dict[str, float]:
        """Means, codebook health by level, `clips_per_second` and `flops_per_second`; starts the next window.

        Revived codes are a sum over the window; usage and perplexity are of all vectors in it.
        """
        scalars, counts = jax.device_get(self._sums)
        seconds = max(time.perf_counter() - self._began, 1e-9)
        logged = {
            name: float(value) if name.endswith("/revived") else float(value) / self._steps
            for name, value in scalars.items()
        }
        for level, histogram in counts.items():
            total = jnp.asarray(histogram)
            logged[f"{level}/usage"] = float(usage_share(total))
            logged[f"{level}/perplexity"] = float(perplexity(total))
            logged[f"{level}/unused"] = float(jnp.sum(total == 0))
        logged["clips_per_second"] = self._steps * clips_per_step / seconds
        logged["flops_per_second"] = self._steps * flops_per_step / seconds
        self.__init__()  # type: ignore[misc]
        return logged


@jax.jit
def _add(a: Any, b: Any) -> Any:
    return jax.tree.map(jnp.add, a, b)
