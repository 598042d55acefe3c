"""Products on one thread: OpenBLAS divides the entropy models' small ones, and its threads then wait for each other.

On a busy machine of two cores a chunk of `edge` took 1.1 s of processor time to decode instead of 0.03.
"""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

_PREFIXES, _SUFFIXES = ("scipy_openblas", "openblas"), ("64_", "")
_lock = threading.Lock()
_users, _before = 0, 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Inside, NumPy's products stay on one thread, those of the process's other threads too; `@one_blas_thread()` does
    it for a function. Does nothing where NumPy has another BLAS than the OpenBLAS of its wheels.
    """
    global _users, _before
    found = _openblas()
    if found is None:
        yield
        return
    get, put = found
    with _lock:
        _users += 1
        if _users == 1:
            _before = get()
            put(1)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                put(_before)


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """How many threads it takes, and how to say it."""
    beside = Path(np.__file__).parent
    for path in [*beside.parent.glob("numpy.libs/*openblas*"), *beside.glob(".dylibs/*openblas*")]:
        try:
            library = ctypes.CDLL(str(path))  # loaded already: the same one
        except OSError:
            continue
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                get = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
                put = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
                if get and put:
                    return get, put
    return None
