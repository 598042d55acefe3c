"""Compiling the step ahead of time: its cost is known before it runs, and it can never be recompiled unnoticed."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from vqvae_jax.errors import UserError


class Compiled(NamedTuple):
    """A compiled step. Called with other shapes or types it raises instead of compiling again."""

    call: Callable[..., Any]
    argument_bytes: int  # per device: state, batch
    temporary_bytes: int  # per device: activations


def compile_step(mapped: Callable[..., Any], *arguments: Any) -> Compiled:
    """Compiles a mapped function for these arguments.

    Raises:
      UserError: if the device has too little memory.
    """
    with explain_out_of_memory():
        compiled = mapped.lower(*arguments).compile()  # type: ignore[attr-defined]
    memory = compiled.memory_analysis()
    if memory is None:
        return Compiled(compiled, 0, 0)
    return Compiled(compiled, memory.argument_size_in_bytes, memory.temp_size_in_bytes)


def check_state_fits(parameters: int, device: jax.Device) -> None:
    """Before anything of a model is made: raises a `UserError` if its training state alone is more than memory.

    Args:
      parameters: of the model.
      device: one that holds them, with their gradients and an optimiser's two moments, in float32.
    """
    limit = (device.memory_stats() or {}).get("bytes_limit")
    if limit is None:  # a CPU
        limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if (needed := 4 * 4 * parameters) > limit:
        raise UserError(
            f"{parameters:,} parameters need {needed / 2**30:,.0f} GiB for their training state alone, and there are "
            f"{limit / 2**30:,.0f} GiB; lower model.width"
        )


@contextlib.contextmanager
def explain_out_of_memory(
    remedy: str = "lower data.batch_size, raise training.microbatches (same result, less memory), use "
    "model.dtype=bfloat16, or lower model.width",
) -> Iterator[None]:
    """Turns XLA's out-of-memory error into one line that says what to lower."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error) and "Out of memory" not in str(error):
            raise
        raise UserError(f"out of device memory ({str(error).splitlines()[0][:160]}); {remedy}") from error
