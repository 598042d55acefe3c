"""Files that appear only when they are whole and replace nothing unasked; folders that go if nothing comes of them."""

import contextlib
import errno
import itertools
import os
import secrets
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from vqvae_jax import stopping
from vqvae_jax.errors import ExistsError, UserError


def make_folder(path: Path) -> None:
    """Makes a folder and those above it; one that exists is left as it is.

    Raises:
      UserError: if it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        in_the_way = next(place for place in (path, *path.parents) if place.exists())
        raise UserError(f"{path}: cannot be made ({in_the_way} is not a folder)") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be made ({error.strerror or error})") from error


class NewFolders:
    """Folders made on the way, which can be taken back as far as they are empty."""

    def __init__(self) -> None:
        self._made: list[Path] = []  # innermost first

    def make(self, folder: Path, what: object) -> None:
        """Makes a folder and those above it.

        Raises:
          UserError: if a file is in the way; says that `what` cannot be made.
          OSError: if they cannot be made.
        """
        places = (folder, *folder.parents)
        missing = list(itertools.takewhile(lambda place: not place.exists(), places))
        above = places[len(missing)]
        if not above.is_dir():
            raise UserError(f"{what} cannot be made: {above} is not a folder")
        for place in reversed(missing):
            self._made.insert(0, place)  # before it is made: what is not empty is not removed
            place.mkdir(exist_ok=True)

    def remove(self) -> None:
        """Removes those that were made, unless something is in them."""
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def no_folder(path: Path) -> str | None:
    """What to say if the folder that `path` is to be written in does not exist; none if it does."""
    return None if path.parent.is_dir() else f"cannot be written (there is no folder {path.parent})"


def refuse_existing(path: Path, overwrite: bool | None = None) -> None:
    """Raises if a file, folder or link is where an output should be.

    Args:
      path: the output.
      overwrite: whether it may be replaced; None where that cannot be asked for.

    Raises:
      ExistsError: if it is there and may not be replaced; programs that have an option for that name it.
      UserError: if it is there and never is replaced, or its name is too long to be written.
    """
    try:
        path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # said before the work; the temporary name is shorter
            raise UserError(f"{path}: cannot be written ({error.strerror})") from error
        return
    if overwrite:
        return
    if overwrite is None:
        raise UserError(f"{path}: exists already; remove it or choose another name")
    raise ExistsError(f"{path}: exists already; choose another name or overwrite it")


def check_output(path: Path, overwrite: bool = False) -> None:
    """Raises unless a file can be put here: `refuse_existing`, and what is no plain file is never replaced.

    Raises:
      UserError: also if there is no folder for it, or nothing can be written there: before the work, not after it.
    """
    if os.path.lexists(path) and not path.is_file():
        raise UserError(f"{path}: is there and is no plain file; choose another name")
    refuse_existing(path, overwrite)
    if reason := no_folder(path):
        raise UserError(f"{path}: {reason}")
    part = temporary(path)
    with _undone(path, part):
        part.touch(exist_ok=False)


def temporary_prefix(path: Path) -> str:
    """How the name of everything begins that is written for `path` and not whole yet."""
    # Cut, for the final name may be as long as the file system allows.
    return f".{os.fsencode(path.name)[:200].decode(errors='ignore')}.part-"


def temporary(path: Path, ending: str = "") -> Path:
    """A hidden name beside `path` to write under, which is no other writer's: `.NAME.part-PROCESS-RANDOM`.

    Args:
      path: what is to be written.
      ending: such as ".mp4", for writers that go by it.
    """
    return path.parent / f"{temporary_prefix(path)}{os.getpid()}-{secrets.token_hex(4)}{ending}"


def write_all(folder: Path, contents: Mapping[str, str | bytes]) -> list[Path]:
    """Puts every content into the folder, which is made, under its name; returns the paths.

    Raises:
      UserError: if one cannot be written; each file is the old one or the new one, whole.
    """
    make_folder(folder)
    for name, content in contents.items():
        write_atomically(folder / name, content.encode() if isinstance(content, str) else content)
    return [folder / name for name in contents]


def write_atomically(path: Path, content: bytes) -> None:
    """Puts `content` into `path` by one rename.

    Raises:
      UserError: if it cannot be written.
    """
    part = temporary(path)
    with _undone(path, part):
        part.write_bytes(content)
        part.replace(path)


@contextlib.contextmanager
def _undone(path: Path, part: Path) -> Iterator[None]:
    """What is written to `part` for `path` in the block is gone after it; a failure to write names `path`."""
    remove = partial(part.unlink, missing_ok=True)
    stopping.begin(remove)
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        remove()
        stopping.end(remove)
