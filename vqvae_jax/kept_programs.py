"""Compiled programs that a command's next start runs at once: it neither traces them nor imports what they are made of.

They lie beside what JAX keeps itself (`compile_cache`), under the same conditions and by the same option. JAX's own
cache is asked by what a program was lowered to, for which Flax must be imported and the model traced: most of what a
command did before its first frame.
"""

import contextlib
import hashlib
import importlib
import os
import platform
import struct
from collections.abc import Callable, Iterator
from functools import cache, cached_property, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from vqvae_jax.compile_cache import folder_in_use
from vqvae_jax.errors import UserError
from vqvae_jax.files import write_atomically

ENDING = ".program"
LARGEST = 64 * 2**20  # bytes, all programs together
_DIGEST, _SINGLE = 32, struct.Struct("<?")
#: What a JAX says whose inside is another than the one this was written with: then each start compiles.
_OTHER_JAX = (ImportError, AttributeError, TypeError)


class KeptProgram:
    """A pure function, compiled once for each static argument and all shapes that it meets.

    Args:
      module: where the function is; imported only where it must be traced.
      name: of the function: `name(static, *arguments)`, `static` hashable and told by its `repr`, `arguments` pytrees
        of arrays. It returns an array or a tuple of arrays.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name
        self._ready: dict[Any, Callable[..., Any]] = {}

    def __call__(self, static: Any, *arguments: Any) -> Any:
        leaves, tree = jax.tree.flatten((arguments, {}))
        key = static, tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._ready:
            self._ready[key] = self._program(key, *arguments)
        return self._ready[key](*arguments)

    def _program(self, key: tuple[Any, Any, Any], *arguments: Any) -> Callable[..., Any]:
        static, tree, seen = key
        elsewhere = [a for a in jax.tree.leaves(arguments) if isinstance(a, jax.Array) and a.devices() != {_device()}]
        folder = None if elsewhere or jax.default_backend() != "cpu" else folder_in_use()
        if folder is None:
            return partial(self._compiled_by_jax, static)
        told = f"{self._module} {self._name} {static!r} {tree} {seen} {_surroundings()}"
        path = folder / f"{self._name}-{hashlib.sha256(told.encode()).hexdigest()}{ENDING}"
        return _read(path) or self._made(path, static, *arguments)

    @cached_property
    def _compiled_by_jax(self) -> Any:
        function = getattr(importlib.import_module(self._module), self._name)
        return jax.jit(function, static_argnums=0, keep_unused=True)  # so that all leaves are arguments

    def _made(self, path: Path, static: Any, *arguments: Any) -> Callable[..., Any]:
        """Compiles, and keeps what it compiled; where that cannot be written, the next start compiles again."""
        lowered = self._compiled_by_jax.lower(static, *arguments)
        with _compiled_anew():
            compiled = lowered.compile()
        single = compiled.out_tree == jax.tree.structure(0)
        try:
            content = _SINGLE.pack(single) + _device().client.serialize_executable(compiled.runtime_executable())
        except _OTHER_JAX:
            return compiled
        with contextlib.suppress(UserError, OSError):
            write_atomically(path, hashlib.sha256(content).digest() + content)
            _bound(path.parent)
        return compiled


def _device() -> jax.Device:
    return jax.devices()[0]


def _read(path: Path) -> Callable[..., Any] | None:
    """The program in a file; none where there is none that is whole."""
    try:
        found = path.read_bytes()
        os.utime(path)  # it is in use
    except OSError:
        return None
    digest, content = found[:_DIGEST], found[_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        return None
    (single,) = _SINGLE.unpack_from(content)
    try:
        from jax._src.lib import xla_client  # the public loader unpickles

        # Machine code, and nothing else: the folder is the user's alone.
        devices = xla_client.DeviceList((_device(),))
        program = _device().client.deserialize_executable(content[_SINGLE.size :], executable_devices=devices)
    except (jax.errors.JaxRuntimeError, *_OTHER_JAX):  # XLA will not have it
        return None

    def run(*arguments: Any) -> Any:
        # Of what lies there already, a hundred weights say, to ask again would take two milliseconds.
        given = [a if isinstance(a, jax.Array) else jax.device_put(a, _device()) for a in jax.tree.leaves(arguments)]
        results = program.execute_sharded(given).disassemble_into_single_device_arrays()
        return results[0][0] if single else tuple(arrays[0] for arrays in results)

    return run


def _bound(folder: Path) -> None:
    """Removes the programs that were used least recently, so that the others take `LARGEST` together at most."""
    left = LARGEST
    found = [(path, path.stat()) for path in folder.glob(f"*{ENDING}")]
    for path, about in sorted(found, key=lambda entry: -entry[1].st_mtime_ns):
        left -= about.st_size
        if left < 0:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _compiled_anew() -> Iterator[None]:
    """JAX's cache is not asked: of a program that was read from a file XLA writes one that lacks functions."""
    asked = jax.config.values["jax_enable_compilation_cache"]
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", asked)
        compilation_cache.reset_cache()


@cache
def _surroundings() -> str:
    """What else a program depends on: our own code, versions, settings of JAX and XLA."""
    code = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        code.update(f"{path.relative_to(root)} {path.stat().st_size} ".encode() + path.read_bytes())
    versions = [metadata.version(name) for name in ("jax", "jaxlib", "flax", "numpy")]
    settings = sorted((name, value) for name, value in os.environ.items() if name.startswith(("XLA_", "JAX_")))
    return f"{code.hexdigest()} {platform.python_version()} {versions} {settings} {sorted(jax.config.values.items())}"
