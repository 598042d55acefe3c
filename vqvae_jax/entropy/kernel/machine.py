"""Which of the two ways to code is taken, and the memory and functions of a kernel."""

import atexit
import ctypes
import importlib.util
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.errors import UserError

VARIABLE = "VQVAE_JAX_ENTROPY"
PYTHON, WASM = "python", "wasm"
KEPT = 1 << 26  # bytes; a machine that has grown beyond them is thrown away after use
_PAGE = 1 << 16
_ALIGNED = 16
_LARGEST = 1 << 30  # bytes that are put there
_RESERVED = True, False  # what is tried, in turn: see `_engine`


def fast() -> bool:
    """Whether kernels are used: where `wasmtime` is installed, unless $VQVAE_JAX_ENTROPY says "python".

    Raises:
      UserError: if the variable says anything but "python" or "wasm", or "wasm" where wasmtime is not installed.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", PYTHON, WASM):
        raise UserError(f'{VARIABLE}={wanted!r} is not allowed; expected "{PYTHON}" or "{WASM}", or nothing')
    if wanted == WASM and not _installed():
        raise UserError(f"{VARIABLE}={WASM}: wasmtime is not installed; pip install 'vqvae_jax[fast]'")
    return wanted != PYTHON and _installed()


class Heap:
    """Memory of a running kernel, from where its constants end."""

    def __init__(self, store: Any, exports: Any, begin: int) -> None:
        self._store, self._exports, self._memory, self.end = store, exports, exports["memory"], begin

    def put(self, arrays: Sequence[np.ndarray]) -> list[int]:
        """Copies arrays into it; their addresses.

        Raises:
          MemoryError: if there is none left.
        """
        addresses = []
        for array in arrays:
            addresses.append(self.end)
            self.end += -(-array.nbytes // _ALIGNED) * _ALIGNED
        if self.end > _LARGEST:
            raise MemoryError(f"{self.end} bytes are more than a kernel of the entropy coder takes")
        missing = self.end - self.size
        if missing > 0:
            self._grow(-(-missing // _PAGE))
        content = self._content()
        for address, array in zip(addresses, arrays, strict=True):
            content[address : address + array.nbytes].view(array.dtype)[:] = array.ravel()
        return addresses

    def _grow(self, pages: int) -> None:
        import wasmtime

        try:
            self._memory.grow(self._store, pages)
        except wasmtime.WasmtimeError as error:
            raise MemoryError(f"a kernel of the entropy coder cannot have {self.size + pages * _PAGE} bytes") from error

    def view(self, address: int, dtype: Any, count: int) -> np.ndarray:
        """What lies there, until the kernel runs again: it may move its memory.

        Raises:
          MemoryError: if that is not within its memory.
        """
        end, content = address + count * np.dtype(dtype).itemsize, self._content()
        if not 0 <= address <= end <= len(content):
            raise MemoryError(f"{address} ... {end} is beyond a kernel's {len(content)} bytes")
        return content[address:end].view(dtype)

    def _content(self) -> np.ndarray:
        """All bytes, until the kernel runs again: it may move its memory."""
        begin = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        return np.frombuffer(memoryview((ctypes.c_ubyte * self.size).from_address(begin)), np.uint8)

    def call(self, function: str, address: int) -> None:
        """Calls a function of the kernel.

        Raises:
          MemoryError: if the kernel could not go on, which has no other reason.
        """
        import wasmtime

        try:
            self._exports[function](self._store, address)
        except wasmtime.Trap as trap:
            raise MemoryError("the entropy coder's kernel has no more memory") from trap

    @property
    def size(self) -> int:
        """Bytes."""
        return self._memory.data_len(self._store)


class Machine:
    """A kernel with its constants in place, made when it is first used. One thread at a time uses it.

    Args:
      kernel: `.wasm` file.
      constants: arrays that stay.
    """

    def __init__(self, kernel: Path, constants: Sequence[np.ndarray]) -> None:
        self._kernel, self._constants = kernel, constants
        self._lock = threading.Lock()
        self._ready: tuple[Any, Any, int, list[int]] | None = None
        _machines.add(self)

    def close(self) -> None:
        """Gives its memory back until it is used again."""
        self._ready = None

    @contextmanager
    def heap(self) -> Iterator[tuple[Heap, list[int]]]:
        """Free memory, and the addresses of the constants."""
        with self._lock:
            # Put back only where nothing went wrong: what a kernel leaves in the middle is not looked at again.
            ready, self._ready = self._ready or self._made(), None
            store, exports, begin, addresses = ready
            heap = Heap(store, exports, begin)
            yield heap, addresses
            if heap.size <= KEPT:
                self._ready = ready

    def _made(self) -> tuple[Any, Any, int, list[int]]:
        store, exports = _instance(self._kernel)
        heap = Heap(store, exports, -(-exports["__heap_base"].value(store) // _ALIGNED) * _ALIGNED)
        addresses = heap.put(self._constants)
        return store, exports, heap.end, addresses


_machines: "weakref.WeakSet[Machine]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # wasmtime's own finalisers no longer work once Python takes its modules apart.
    for machine in list(_machines):
        machine.close()
    _module.cache_clear()
    _engine.cache_clear()


@cache
def _installed() -> bool:
    return importlib.util.find_spec("wasmtime") is not None


def _instance(kernel: Path) -> tuple[Any, dict[str, Any]]:
    """A store, and what the kernel exports.

    Raises:
      UserError: if the system does not let it start, for want of memory, say.
    """
    import wasmtime

    for reserved in _RESERVED:
        store = wasmtime.Store(_engine(reserved))
        try:
            exports = wasmtime.Instance(store, _module(kernel, reserved), []).exports(store)
        except wasmtime.WasmtimeError as error:
            if not reserved:
                told = str(error).splitlines()[0]
                raise UserError(
                    f"the entropy coder's kernel cannot start ({told}); {VARIABLE}={PYTHON} codes the same without it"
                ) from error
            continue  # the process may not reserve that many addresses
        return store, {name: exports[name] for name in exports}
    raise AssertionError


@cache
def _engine(reserved: bool) -> Any:
    """Compiles for memory behind which 4 GiB of addresses are reserved, so that no access need be checked; or without,
    for processes whose addresses are limited, at two thirds of the speed.
    """
    import wasmtime

    config = wasmtime.Config()
    if not reserved:
        config.memory_reservation = config.memory_guard_size = 0
    return wasmtime.Engine(config)


@cache
def _module(kernel: Path, reserved: bool) -> Any:
    """Compiled once a process, in about 15 ms: not worth a cache on disk."""
    import wasmtime

    return wasmtime.Module(_engine(reserved), kernel.read_bytes())
