"""The platform that a program is traced for: this machine's, or another one's that it is compiled for ahead of time.

Importing this module also raises the memory that a TPU's compiler lends to one operation from 16 to 32 MiB: by default
it refuses, on v5e and v5p, the last copy of eight clips of 32x64x64 pictures to 8 bits.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import wraps
from typing import Any

import jax

_TPU_OPTION = "--xla_tpu_scoped_vmem_limit_kib"
_named: ContextVar[str | None] = ContextVar("platform", default=None)

# Read when the TPU's library starts: `pmap` takes no options of its own.
if _TPU_OPTION not in (given := os.environ.get("LIBTPU_INIT_ARGS", "")):
    os.environ["LIBTPU_INIT_ARGS"] = f"{given} {_TPU_OPTION}=32768".strip()


def platform() -> str:
    """`cpu`, `gpu` or `tpu`: what a choice between equal computations goes by, while a function is traced."""
    found = _named.get() or jax.default_backend()
    return "gpu" if found in ("cuda", "rocm") else found


@contextlib.contextmanager
def tracing_for(name: str) -> Iterator[None]:
    """Within it `platform()` is `name`."""
    token = _named.set(name)
    try:
        yield
    finally:
        _named.reset(token)


def traced_for(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, always called, and so traced, within `tracing_for(name)`."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        with tracing_for(name):
            return function(*arguments)

    return call
