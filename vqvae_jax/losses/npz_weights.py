"""Weights of frozen networks in .npz files; headers are read before arrays, and nothing is unpickled."""

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vqvae_jax.errors import UserError

Shape = tuple[int, ...]
#: What zipfile and numpy raise on damaged files; RuntimeError: encrypted, or a compression they do not know.
UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError)


class ArrayHeader(NamedTuple):
    """What an array says of itself before it is read."""

    shape: Shape
    dtype: np.dtype


def read_headers(file: Path) -> dict[str, ArrayHeader]:
    """Header of every array by its name.

    Raises:
      UserError: if the file cannot be read or is none of NumPy's.
    """
    headers = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                with archive.open(member) as stream:
                    version = np.lib.format.read_magic(stream)
                    first = version == (1, 0)
                    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
                    shape, _, dtype = read(stream)
                headers[member.removesuffix(".npy")] = ArrayHeader(shape, dtype)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror or error}") from error
    except UNREADABLE as error:
        raise UserError(f"{file}: not a readable .npz file ({error})") from error
    return headers


def read_arrays(file: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """These arrays, whose headers the caller has checked.

    Raises:
      UserError: if one is damaged.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror or error}") from error
    except UNREADABLE as error:
        raise UserError(f"{file}: damaged ({error})") from error
