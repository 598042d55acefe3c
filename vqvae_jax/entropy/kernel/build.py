"""Compiles every kernel of the package: `python -m vqvae_jax.entropy.kernel.build`, with `pip install ziglang`."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from vqvae_jax.errors import UserError, run_command, say
from vqvae_jax.files import write_atomically

PACKAGE = Path(__file__).parents[2]
COMPILER = "0.17.1"  # of ziglang: another one may give other bytes
#: Without vectorisation by the compiler: it makes vectors of table lookups, which takes longer.
OPTIONS = (
    *("-target", "wasm32-freestanding", "-O3", "-msimd128", "-mbulk-memory", "-nostdlib"),
    *("-fno-vectorize", "-fno-slp-vectorize", "-Wall", "-Wextra", "-Werror", "-Wl,--no-entry", "-Wl,--strip-all"),
    *("-Wl,--export-memory", "-Wl,--export=__heap_base", "-Wl,-z,stack-size=65536"),
)


def sources() -> list[Path]:
    """C files of kernels."""
    return sorted(PACKAGE.rglob("*.c"))


def compiled(source: Path, folder: Path) -> bytes:
    """The WebAssembly of a source; made in `folder`.

    Raises:
      UserError: if the compiler is not installed, or refuses.
    """
    if importlib.util.find_spec("ziglang") is None:
        raise UserError(f"no compiler for kernels; pip install ziglang=={COMPILER}")
    out = folder / f"{source.stem}.wasm"
    command = [sys.executable, "-m", "ziglang", "cc", *OPTIONS, "-o", str(out), source.name]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{source.name} does not compile: {done.stderr.strip().splitlines()[0]}")
    return out.read_bytes()


def main() -> None:
    for source in sources():
        with tempfile.TemporaryDirectory() as folder:
            content = compiled(source, Path(folder))
        write_atomically(source.with_suffix(".wasm"), content)
        say(f"{source.stem}: {len(content):,} bytes")


if __name__ == "__main__":
    run_command("vqvae_jax.entropy.kernel.build", main)
