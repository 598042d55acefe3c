import jax.numpy as jnp
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.training.guard import FiniteGuard


def names(records):
    return [f"clip {record}" for record in records]


class Flag:
    """A device's flag that remembers whether the host has asked for it."""

    def __init__(self, value):
        self.value, self.asked = value, False

    def __bool__(self):
        self.asked = True
        return self.value


def test_a_step_is_looked_at_only_when_the_next_one_runs():
    guard, flags = FiniteGuard(names), [Flag(True) for _ in range(3)]
    for step, flag in enumerate(flags, start=1):
        guard.watch(step, flag, [0], None)
    assert [flag.asked for flag in flags] == [True, True, False]
    guard.settle(None)
    assert flags[2].asked


def test_the_message_names_the_step_its_clips_and_the_last_good_checkpoint():
    guard = FiniteGuard(names)
    guard.watch(7, jnp.asarray(False), [3, 4], 5)
    with pytest.raises(UserError, match=r"not finite at step 7 \(clips clip 3, clip 4\); last good checkpoint: 5"):
        guard.watch(8, jnp.asarray(False), [9], 5)


def test_nothing_queued_survives_a_settle_so_that_no_checkpoint_is_written_of_a_bad_state():
    guard = FiniteGuard(names)
    guard.watch(1, jnp.asarray(False), list(range(9)), None)
    with pytest.raises(UserError, match=r"clip 0, clip 1, clip 2, clip 3 \.\.\.\); there is no checkpoint yet"):
        guard.settle(None)
