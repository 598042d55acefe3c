"""Stopping at the first number that is not finite, without waiting for the device at every step."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jax import Array

from vqvae_jax.errors import UserError


class _Pending(NamedTuple):
    step: int
    finite: Array
    records: Sequence[int]


class FiniteGuard:
    """Looks at each step's `finite` flag while the next one runs.

    Args:
      names: record numbers -> clip names, for the message.
      lag: steps that may be in flight unchecked; bounds how far the host runs ahead of the device.
    """

    def __init__(self, names: Callable[[Sequence[int]], list[str]], lag: int = 1) -> None:
        self._names, self._lag = names, lag
        self._pending: deque[_Pending] = deque()

    def watch(self, step: int, finite: Array, records: Sequence[int], last_checkpoint: int | None) -> None:
        """Queues step number `step` (of the batch `records`) and checks those older than the lag.

        Raises:
          UserError: names step, batch and last good checkpoint, if a loss or gradient was not finite.
        """
        self._pending.append(_Pending(step, finite, records))
        self._check(self._lag, last_checkpoint)

    def settle(self, last_checkpoint: int | None) -> None:
        """Checks everything queued; call before a checkpoint, so that none is written of a state gone bad."""
        self._check(0, last_checkpoint)

    def _check(self, keep: int, last_checkpoint: int | None) -> None:
        while len(self._pending) > keep:
            step, finite, records = self._pending.popleft()
            if bool(finite):
                continue
            clips = ", ".join(self._names(records)[:4]) + (" ..." if len(records) > 4 else "")
            good = (
                "there is no checkpoint yet" if last_checkpoint is None else f"last good checkpoint: {last_checkpoint}"
            )
            raise UserError(
                f"loss or gradient is not finite at step {step} (clips {clips}); {good}. "
                "Lower optimizer.learning_rate, set optimizer.clip_norm, or use model.dtype=float32"
            )
