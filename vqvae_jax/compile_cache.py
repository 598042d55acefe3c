"""What XLA compiled is kept for the next start of a command, in the user's cache folder.

JAX's own persistent cache, at most 256 MiB, locked between processes, the least recently used out first. What lies
there is machine code: the folder is the user's alone, and each kind of processor has one of its own, since a home may
be shared by several. Without such a folder everything is compiled anew.
"""

import hashlib
import os
import platform
import stat
import warnings
from pathlib import Path

FOLDER_VARIABLE = "JAX_COMPILATION_CACHE_DIR"
LARGEST = 256 * 2**20  # bytes, all programs together


def keep_compiled_programs() -> None:
    """Has JAX keep what it compiles; to be called before JAX is imported.

    A folder that the environment names already is left to JAX as it is.
    """
    if FOLDER_VARIABLE in os.environ:
        return
    folder = cache_folder()
    if not _made_for_us_alone(folder):
        return
    os.environ[FOLDER_VARIABLE] = str(folder)
    os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(LARGEST))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    # An entry that cannot be read or written, on a full disk say, costs time and nothing else.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache")


def folder_in_use() -> Path | None:
    """Where `keep_compiled_programs` has them kept, in this process or in the one that started it; else none."""
    folder = cache_folder()
    return folder if os.environ.get(FOLDER_VARIABLE) == str(folder) and _made_for_us_alone(folder) else None


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/vqvae_jax/KIND`, KIND by what the processor can do."""
    named = os.environ.get("XDG_CACHE_HOME")
    home = Path(named) if named else Path(os.environ.get("HOME", "")) / ".cache"
    return home / "vqvae_jax" / f"compiled-{hashlib.sha256(_processor().encode()).hexdigest()[:8]}"


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
            abilities = [line for line in file.read(1 << 14).splitlines() if line.startswith(("flags", "Features"))]
    except OSError:
        abilities = []
    return f"{platform.machine()} {abilities[0] if abilities else platform.processor()}"


def _made_for_us_alone(folder: Path) -> bool:
    """Makes the folder if it is not there; whether nobody else can write into it."""
    if not folder.is_absolute():  # as the XDG specification has it; and without a home there is none
        return False
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    except (OSError, AttributeError):  # no user numbers on this system
        return False
