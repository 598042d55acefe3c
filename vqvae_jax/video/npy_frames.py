"""Frames in a `.npy` file: uint8 (T, H, W, 3), RGB. Read and written frame by frame."""

import contextlib
import os
import tokenize
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.video.read import Frame, SourceInfo, refused_size


class NpyReader:
    """The frames of an array file. Read, not mapped: mapped pages would count as memory of ours.

    Args:
      path: the file.
      rate: frames per second; the file names none.

    Raises:
      UserError: if it is not such an array, or cut short.
    """

    missing_frames = 0

    def __init__(self, path: Path, rate: Fraction) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._count, height, width = self._read_header()
            on_failure.pop_all()
        self.info = SourceInfo(width, height, rate, False, self._count, False, None, "uint8 array")

    def _read_header(self) -> tuple[int, int, int]:
        try:
            version = np.lib.format.read_magic(self._file)
            if version not in ((1, 0), (2, 0)):
                raise UserError(f"{self._path}: .npy version {version[0]}.{version[1]}; expected 1.0 or 2.0")
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran_order, dtype = read(self._file)
        except (ValueError, OSError, EOFError, SyntaxError, TypeError, tokenize.TokenError, RecursionError) as error:
            reason = str(error).partition("\n")[0]
            raise UserError(f"{self._path}: not a .npy file that can be read ({reason})") from error
        if dtype != np.uint8 or len(shape) != 4 or shape[-1] != 3 or shape[0] < 0:
            raise UserError(f"{self._path}: holds {dtype} of shape {shape}; expected uint8 of shape (T, H, W, 3)")
        if fortran_order:
            raise UserError(f"{self._path}: in Fortran order; save it with numpy.ascontiguousarray")
        count, height, width, _ = shape
        if reason := refused_size(width, height):
            raise UserError(f"{self._path}: {reason}")
        lost = count * height * width * 3 - (os.fstat(self._file.fileno()).st_size - self._file.tell())
        if lost > 0:
            raise UserError(f"{self._path}: truncated: {lost} bytes are missing")
        return count, height, width

    def frames(self) -> Iterator[Frame]:
        height, width, rate = self.info.height, self.info.width, self.info.rate
        for index in range(self._count):
            pixels = self._file.read(height * width * 3)
            if len(pixels) < height * width * 3:
                raise UserError(f"{self._path}: became shorter while it was read")
            image_HWC = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
            yield Frame(float(index / rate), float(1 / rate), partial(np.asarray, image_HWC))

    def close(self) -> None:
        self._file.close()


class NpyWriter:
    """Writes the same bytes as `numpy.save` of all the frames; the number of frames is filled in at the end.

    Raises:
      OSError: if the file system refuses.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._shape = (height, width, 3)
        self._written = 0
        self._file = path.open("xb")
        self._header()

    def _header(self) -> None:
        # NumPy leaves room for the first axis to grow, so the header's length does not depend on the count.
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._written, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def write(self, frame_HWC: np.ndarray) -> None:
        self._file.write(frame_HWC.data)
        self._written += 1

    def finish(self) -> None:
        self._file.seek(0)
        self._header()
        self._file.close()

    def abandon(self) -> None:
        with contextlib.suppress(OSError):  # A full disk may refuse the last bytes, which no longer matter.
            self._file.close()
