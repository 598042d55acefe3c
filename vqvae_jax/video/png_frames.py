"""Frames as a folder of PNG pictures: 00000.png, 00001.png, ... Pillow is imported where there is one."""

import re
import struct
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.video.read import Frame, SourceInfo, refused_size

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class PngReader:
    """The pictures of a folder by name (numbers in it by value: 9.png before 10.png), as 8-bit RGB.

    16-bit samples keep their upper byte, gray becomes three equal channels, palettes are looked up, alpha is dropped.

    Args:
      folder: where the pictures lie; files that do not end in .png are left alone.
      rate: frames per second; pictures name none.

    Raises:
      UserError: if there is none, or while reading if one is damaged or of another size than the first.
    """

    missing_frames = 0

    def __init__(self, folder: Path, rate: Fraction) -> None:
        try:
            names = [entry.name for entry in folder.iterdir() if entry.suffix.lower() == ".png"]
        except OSError as error:
            raise UserError(f"{folder}: cannot be read: {error.strerror or error}") from error
        if not names:
            raise UserError(f"{folder}: a folder without .png pictures")
        self._folder, self._names = folder, sorted(names, key=_by_number)
        width, height = _picture_size(folder / self._names[0])
        self.info = SourceInfo(width, height, rate, False, len(names), False, None, "PNG pictures")

    def frames(self) -> Iterator[Frame]:
        expected = self.info.width, self.info.height
        for index, name in enumerate(self._names):
            path = self._folder / name
            found = _picture_size(path)
            if found != expected:
                raise UserError(
                    f"{path}: {found[0]}x{found[1]}, but {self._names[0]} is {expected[0]}x{expected[1]}; "
                    "all pictures of a folder must have one size"
                )
            image_HWC = _read_picture(path)  # now, not when it is looked at: a damaged one is named in any case
            yield Frame(float(index / self.info.rate), float(1 / self.info.rate), partial(np.asarray, image_HWC))

    def close(self) -> None:
        pass


def _by_number(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"([0-9]+)", name)
    return [(1, int(part), part) if part.isdigit() else (0, 0, part) for part in parts] + [(0, 0, name)]


def _picture_size(path: Path) -> tuple[int, int]:
    """Width and height by the first chunk, before a decoder allocates them."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(head) < 24 or head[:8] != _SIGNATURE or head[12:16] != b"IHDR":
        raise UserError(f"{path}: not a PNG picture")
    width, height = struct.unpack(">II", head[16:24])
    if reason := refused_size(width, height):
        raise UserError(f"{path}: {reason}")
    return width, height


def _read_picture(path: Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.mode.startswith("I"):  # 16-bit gray; Pillow's own conversion saturates at 255.
                gray_HW = (np.asarray(picture) >> 8).astype(np.uint8)
                return np.repeat(gray_HW[..., None], 3, axis=-1)
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise UserError(f"{path}: damaged ({error})") from error


class PngWriter:
    """One numbered picture per frame, in a new folder.

    Raises:
      OSError: if the file system refuses.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._written = 0

    def write(self, frame_HWC: np.ndarray) -> None:
        from PIL import Image

        Image.fromarray(frame_HWC).save(self._folder / f"{self._written:05d}.png", format="PNG")
        self._written += 1

    def finish(self) -> None:
        pass

    def abandon(self) -> None:
        pass


def holds_only_numbered_pictures(folder: Path) -> bool:
    """Whether a folder could have come from `PngWriter`, and may therefore be replaced."""
    return all(re.fullmatch(r"[0-9]{5,}\.png", entry.name) and entry.is_file() for entry in folder.iterdir())
