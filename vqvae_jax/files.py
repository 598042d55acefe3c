"""Files that appear only when they are whole."""

import os
from functools import partial
from pathlib import Path

from vqvae_jax import stopping
from vqvae_jax.errors import UserError


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


def no_folder(path: Path) -> str | None:
    """What to say if the folder that `path` is to be written in does not exist; none if it does."""
    return None if path.parent.is_dir() else f"cannot be written (there is no folder {path.parent})"


def write_atomically(path: Path, content: bytes) -> None:
    """Puts `content` into `path` by one rename.

    Raises:
      UserError: if it cannot be written.
    """
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    remove = partial(part.unlink, missing_ok=True)
    stopping.begin(remove)
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        remove()
        stopping.end(remove)
