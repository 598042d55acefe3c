"""Stopping at the first number that is not finite, without waiting for the device at every step."""

from collections.abc import Callable, Sequence

from jax import Array

from vqvae_jax.errors import UserError


class FiniteGuard:
    """Looks at each step's `finite` flag while the next one runs: the host is one step ahead of the device at most.

    Args:
      names: record numbers -> clip names, for the message.
    """

    def __init__(self, names: Callable[[Sequence[int]], list[str]]) -> None:
        self._names = names
        self._pending: tuple[int, Array, Sequence[int]] | None = None

    def watch(self, step: int, finite: Array, records: Sequence[int], last_checkpoint: int | None) -> None:
        """Checks the step before; step number `step` (of the batch `records`) is next.

        Raises:
          UserError: names step, batch and last good checkpoint, if a loss or gradient was not finite.
        """
        self.settle(last_checkpoint)
        self._pending = step, finite, records

    def settle(self, last_checkpoint: int | None) -> None:
        """Checks the last step; call before a checkpoint, so that none is written of a state gone bad."""
        pending, self._pending = self._pending, None
        if pending is None or bool(pending[1]):
            return
        step, _, records = pending
        clips = ", ".join(self._names(records)[:4]) + (" ..." if len(records) > 4 else "")
        good = "there is no checkpoint yet" if last_checkpoint is None else f"last good checkpoint: {last_checkpoint}"
        raise UserError(
            f"loss or gradient is not finite at step {step} (clips {clips}); {good}. "
            "Lower optimizer.learning_rate, set optimizer.clip_norm, or use model.dtype=float32"
        )
