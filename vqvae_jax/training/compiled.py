"""Compiling the step ahead of time: its cost is known before it runs, and it can never be recompiled unnoticed."""

import contextlib
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
