"""What is logged: means over the steps since the last log, summed on the device so that no step waits for the host."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.metrics.codebook_health import perplexity, usage_share


class Window:
    """Scalars and code counts since the last `close`, and the wall time they took.

    Args:
      state: of `get_state`, to go on within a window that an earlier process began; rates are of this process alone.
    """

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self._steps = 0
        self._sums: Any = None
        if state is not None and state["steps"]:
            self._steps = state["steps"]
            single = {name: np.float32(value) for name, value in state["scalars"].items()}
            self._sums = single, {level: np.asarray(value, np.float32) for level, value in state["counts"].items()}
        self.start_clock()

    def start_clock(self) -> None:
        """Rates count from here."""
        self._timed = 0
        self._began = time.perf_counter()

    def get_state(self) -> dict[str, Any]:
        """JSON values from which another process goes on to exactly the same means."""
        if not self._steps:
            return {"steps": 0}
        scalars, counts = jax.device_get(self._sums)
        return {
            "steps": self._steps,
            "scalars": {name: float(value) for name, value in scalars.items()},
            "counts": {level: np.asarray(value).tolist() for level, value in counts.items()},
        }

    def add(self, scalars: dict[str, jax.Array], counts: dict[str, jax.Array]) -> None:
        """Adds one step; nothing leaves the device."""
        self._sums = (scalars, counts) if self._sums is None else _add(self._sums, (scalars, counts))
        self._steps += 1
        self._timed += 1

    def skip_time(self, seconds: float) -> None:
        """Takes time that was not training (validation, checkpoints, pictures) out of the rates."""
        self._began += seconds

    def close(self, clips_per_step: int, flops_per_step: float) -> dict[str, float]:
        """Means, codebook health by level, `clips_per_second` and `flops_per_second`; starts the next window.

        Revived codes are a sum over the window; usage and perplexity are of all vectors in it.
        """
        scalars, health = jax.device_get((self._sums[0], _health(self._sums[1])))
        seconds = max(time.perf_counter() - self._began, 1e-9)
        logged = {
            name: float(value) if name.endswith("/revived") else float(value) / self._steps
            for name, value in scalars.items()
        }
        logged |= {name: float(value) for name, value in health.items()}
        logged["clips_per_second"] = self._timed * clips_per_step / seconds
        logged["flops_per_second"] = self._timed * flops_per_step / seconds
        self._steps, self._sums = 0, None
        self.start_clock()
        return logged


@jax.jit
def _add(a: Any, b: Any) -> Any:
    return jax.tree.map(jnp.add, a, b)


@jax.jit
def _health(counts: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Share of codes used, perplexity and number of codes unused, by level."""
    named = {}
    for level, histogram in counts.items():
        named[f"{level}/usage"] = usage_share(histogram)
        named[f"{level}/perplexity"] = perplexity(histogram)
        named[f"{level}/unused"] = jnp.sum(histogram == 0)
    return named
