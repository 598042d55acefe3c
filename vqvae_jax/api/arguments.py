"""What callers pass in, checked; a message says the whole of what was given, in this interface's words."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from vqvae_jax.config import is_whole
from vqvae_jax.container.header import MAX_SIDE
from vqvae_jax.errors import ExistsError, UserError
from vqvae_jax.video.read import MAX_DENOMINATOR

CLIPS = {4: "(T, H, W, 3)", 5: "(B, T, H, W, 3)"}
_VIDEO, _PICTURE = {4: "(T, H, W, 3)"}, {3: "(H, W, 3)"}
#: What the codec's messages call an option, and what it is here: phrases, and names before a value.
_OPTIONS = {
    "--on-error skip": 'on_error="skip"',
    "with --bundle": "as model",
    "--bundle FILE": "a file",
    " (--gop) is": " is",
    "(--gop)": "(chunk_frames)",
    "--quality chooses": "quality chooses",
}
_NAME = re.compile(r"\b(on-error|chunk-frames|rate-weight|target-bpp|target-bytes)(?==|:| and | asks)")


def described(value: Any) -> str:
    """Type and shape of what was given."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {tuple(value.shape)}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {len(value)}" + (f", the first {described(value[0])}" if value else "")
    return f"{type(value).__name__} {value!r}" if isinstance(value, str | int | float) else type(value).__name__


def shaped(values: Any, what: str, shapes: Mapping[int, str] = CLIPS) -> Any:
    """An array of an allowed shape, uint8 or float, as it is: NumPy, JAX or traced.

    Args:
      values: anything.
      what: names it in messages.
      shapes: allowed shapes, as text, by their number of axes; the last axis is 3.

    Raises:
      UserError: if it is none.
    """
    array = values
    if not (hasattr(values, "shape") and hasattr(values, "dtype")):
        try:
            array = np.asarray(values)
        except ValueError:  # lists of different lengths
            array = np.zeros(0, object)
    is_pixels = array.dtype == np.uint8 or jnp.issubdtype(array.dtype, jnp.floating)
    if array.ndim not in shapes or array.shape[-1] != 3 or 0 in array.shape or not is_pixels:
        expected = " or ".join(shapes.values())
        raise UserError(f"{what}: expected {expected}, uint8 or float in [0, 1], found {described(values)}")
    return array


def in_range(values: Any, what: str, shapes: Mapping[int, str] = CLIPS) -> np.ndarray:
    """The same as a NumPy array whose floats lie in [0, 1].

    Raises:
      UserError: if it is none.
    """
    if isinstance(values, Tracer):
        raise UserError(f"{what}: only `Model.latents` can be traced, by jax.jit or jax.grad; this needs their values")
    array = np.asarray(shaped(values, what, shapes))
    if array.dtype != np.uint8:
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):  # so that NaN is refused
            raise UserError(f"{what}: {described(values)} reaches from {low:g} to {high:g}; floats must lie in [0, 1]")
    return array


def pixels(values: Any, what: str, shapes: Mapping[int, str] = CLIPS) -> np.ndarray:
    """The same as uint8.

    Raises:
      UserError: if it is none.
    """
    array = in_range(values, what, shapes)
    return array if array.dtype == np.uint8 else np.rint(255.0 * array.astype(np.float32)).astype(np.uint8)


def pictures(frames: Any) -> Iterator[np.ndarray]:
    """uint8 pictures (H, W, 3) of a video: an array, or any iterable of pictures.

    Raises:
      UserError: if it is none, or a picture is none.
    """
    if hasattr(frames, "shape"):
        yield from pixels(frames, "frames", _VIDEO)
        return
    if isinstance(frames, str | bytes | PathLike) or not isinstance(frames, Iterable):
        raise UserError(f"frames: expected {_VIDEO[4]} or an iterable of {_PICTURE[3]}, found {described(frames)}")
    for number, frame in enumerate(frames):
        yield pixels(frame, f"frame {number}", _PICTURE)


def exact_rate(rate: Any) -> Fraction:
    """Frames per second as a ratio.

    Raises:
      UserError: if it is none from 0.1 to 1000.
    """
    exact = Fraction(0)
    if isinstance(rate, str | Real) and not isinstance(rate, bool):
        try:
            exact = Fraction(rate) if isinstance(rate, str | Fraction) else Fraction(str(rate))
        except (ValueError, ZeroDivisionError):
            exact = Fraction(0)
    if not Fraction(1, 10) <= exact <= 1000:
        raise UserError(f"rate: expected 0.1 to 1000 frames per second, found {described(rate)}")
    return exact.limit_denominator(MAX_DENOMINATOR)


def output(out: Any) -> Path | None:
    """Where a file is to go: its path, or none for bytes and open files, which are left to their caller.

    Raises:
      UserError: if it is no place for an .msv file.
    """
    if isinstance(out, str | PathLike):
        path = Path(out)
        if path.suffix.lower() != ".msv":
            raise UserError(f"out: expected a name that ends in .msv, found {str(path)!r}")
        return path
    if out is not None and not _takes_bytes(out):
        raise UserError(f"out: expected a path or a binary file open for writing, found {described(out)}")
    return None


def _takes_bytes(out: Any) -> bool:
    if isinstance(out, io.TextIOBase) or not hasattr(out, "write"):
        return False
    try:
        return bool(out.writable()) if hasattr(out, "writable") else True
    except ValueError:  # closed
        return False


def picture_size(size: Any, what: str) -> tuple[int, int] | None:
    """Width and height in pixels.

    Raises:
      UserError: if it is neither such a pair nor none.
    """
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, list | tuple) else ()
    if len(sides) != 2 or not all(is_whole(side) and 1 <= side <= MAX_SIDE for side in sides):
        raise UserError(f"{what}: expected width and height from 1 to {MAX_SIDE}, found {described(size)}")
    return int(sides[0]), int(sides[1])


def flag(value: Any, what: str) -> bool:
    """A truth value.

    Raises:
      UserError: if it is none.
    """
    if not isinstance(value, bool | np.bool_):
        raise UserError(f"{what}: expected True or False, found {described(value)}")
    return bool(value)


def in_python(error: UserError) -> UserError:
    """The same error in this interface's words: what a command line calls an option has another name here."""
    text = _NAME.sub(lambda found: found[0].replace("-", "_"), str(error))
    for option, here in _OPTIONS.items():
        text = text.replace(option, here)
    return UserError(f"{text} (overwrite=True)" if isinstance(error, ExistsError) else text)
