"""What is logged: means over the steps since the last log, summed on the device so that no step waits for the host."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.training.task import StepMetrics

PARTS = ("scalars", "totals", "histograms")  # of `StepMetrics`, summed over the window


class Window:
    """What steps reported since the last `close`, and the wall time they took.

    Args:
      health: scalars to log of the window's histograms (`Task.health`).
      state: of `get_state`, to go on within a window that an earlier process began; rates are of this process alone.
    """

    def __init__(
        self, health: Callable[[dict[str, jax.Array]], dict[str, jax.Array]], state: dict[str, Any] | None = None
    ) -> None:
        self._health = jax.jit(health)
        self._steps = 0
        self._sums: Any = None
        # A checkpoint from before windows had these parts: its open window is lost, the run goes on.
        if state is not None and state["steps"] and set(PARTS) <= state.keys():
            self._steps = state["steps"]
            self._sums = tuple({n: np.asarray(v, np.float32) for n, v in state[part].items()} for part in PARTS)
        self.start_clock()

    def start_clock(self) -> None:
        """Rates count from here."""
        self._timed = 0
        self._began = time.perf_counter()

    def get_state(self) -> dict[str, Any]:
        """JSON values from which another process goes on to exactly the same means."""
        if not self._steps:
            return {"steps": 0}
        parts = zip(PARTS, jax.device_get(self._sums), strict=True)
        return {"steps": self._steps} | {
            part: {name: np.asarray(value).tolist() for name, value in sums.items()} for part, sums in parts
        }

    def add(self, metrics: StepMetrics) -> None:
        """Adds one step; nothing leaves the device."""
        step = tuple(getattr(metrics, part) for part in PARTS)
        self._sums = step if self._sums is None else _add(self._sums, step)
        self._steps += 1
        self._timed += 1

    def skip_time(self, seconds: float) -> None:
        """Takes time that was not training (validation, checkpoints, pictures) out of the rates."""
        self._began += seconds

    def close(self, clips_per_step: int, flops_per_step: float) -> dict[str, float]:
        """Means, totals, what `health` says, `clips_per_second` and `flops_per_second`; starts the next window."""
        scalars, totals, histograms = self._sums
        scalars, totals, health = jax.device_get((scalars, totals, self._health(histograms)))
        seconds = max(time.perf_counter() - self._began, 1e-9)
        logged = {name: float(value) / self._steps for name, value in scalars.items()}
        logged |= {name: float(value) for name, value in (totals | health).items()}
        logged["clips_per_second"] = self._timed * clips_per_step / seconds
        logged["flops_per_second"] = self._timed * flops_per_step / seconds
        self._steps, self._sums = 0, None
        self.start_clock()
        return logged


@jax.jit
def _add(a: Any, b: Any) -> Any:
    return jax.tree.map(jnp.add, a, b)
