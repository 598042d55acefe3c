"""Videos to bytes and back."""

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, Unpack, overload

import numpy as np

from vqvae_jax.api.arguments import described, exact_rate, flag, in_python, output, picture_size, pictures
from vqvae_jax.api.model import Model, load_file
from vqvae_jax.codec import interface
from vqvae_jax.codec.decoder import Decoder, OnError
from vqvae_jax.codec.encoder import Encoded, Encoder
from vqvae_jax.codec.interface import Mode
from vqvae_jax.codec.rate_control import Target, encode_to_size
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError
from vqvae_jax.families import carried_model
from vqvae_jax.files import check_output, write_atomically
from vqvae_jax.packaged import path_for_digest

Coded = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO
Rate = int | float | Fraction | str


class _Options(TypedDict, total=False):
    rate_weight: float
    quality: float | None
    target_bpp: float | None
    target_bytes: int | None
    effort: int
    mode: Mode
    chunk_frames: int | None
    shown_size: tuple[int, int] | None
    overwrite: bool


@overload
def encode_video(frames: Any, model: Model, rate: Rate, out: None = None, **options: Unpack[_Options]) -> bytes: ...
@overload
def encode_video(
    frames: Any, model: Model, rate: Rate, out: str | os.PathLike[str], **options: Unpack[_Options]
) -> Path: ...
@overload
def encode_video(frames: Any, model: Model, rate: Rate, out: BinaryIO, **options: Unpack[_Options]) -> None: ...
def encode_video(
    frames: Any,
    model: Model,
    rate: Rate,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    rate_weight: float = 0.0,
    quality: float | None = None,
    target_bpp: float | None = None,
    target_bytes: int | None = None,
    effort: int = 0,
    mode: Mode = "range",
    chunk_frames: int | None = None,
    shown_size: tuple[int, int] | None = None,
    overwrite: bool = False,
) -> bytes | Path | None:
    """Codes a video as an .msv file.

    Args:
      frames: (T, H, W, 3), or any iterable of pictures (H, W, 3) of one size, which is read once and never held whole;
        RGB, uint8 or float in [0, 1], which is rounded to 8 bits. NumPy or JAX.
      model: of `load`, from a bundle: the model of a run has no entropy model yet.
      rate: frames per second, 0.1 to 1000: an integer, a `Fraction`, a float or a text such as "30000/1001".
      out: a path, where the file appears once it is whole; a binary file open for writing; or neither.
      rate_weight: what a bit is worth, 0 to 100; more makes smaller files of less quality (docs/codec.md).
      quality: 0 to 100, of models that have several rates (`ntc`); by default 50.
      target_bpp: bits per pixel of the whole file, within 2 %, by trying qualities; the frames are held in memory, and
        where it cannot be reached the nearest file is made, with a warning.
      target_bytes: the same in bytes.
      effort: steps by which the encoder refines what it sends, of models that can; better files, takes longer.
      mode: "range" (entropy-coded), "deflate" or "fixed".
      chunk_frames: frames that are coded together, the unit of random access; by default the model's clip length, less
        above 640x480.
      shown_size: width and height at which a player should show the video; by default those of the frames.
      overwrite: whether a file at the path may be replaced.

    Returns:
      The file: its path where one was given, nothing where it was written to a file, else its bytes.

    Raises:
      UserError: if frames are not of that form, an option is out of its range, or the file exists or cannot be written.
    """
    if not isinstance(model, Model):
        raise UserError(f"model: expected what vqvae_jax.load returns, found {described(model)}")
    if not model.digest:
        raise UserError(
            f"model {model.name!r} was loaded from a run; files need a bundle, which holds an entropy model and has a "
            "digest to be found by: vqvae-jax export OUT.safetensors --run DIR"
        )
    path, overwrite, shown = output(out), flag(overwrite, "overwrite"), picture_size(shown_size, "shown_size")
    exact, inner = exact_rate(rate), io.BytesIO()
    with _told():
        encoder = Encoder(model._model, mode, chunk_frames, rate_weight, quality, effort)
        if path is not None:
            check_output(path, overwrite)
        if target_bpp is None and target_bytes is None:
            encoder.encode(pictures(frames), inner if path is None else path, exact, shown, overwrite)
        else:
            target = Target(target_bpp, target_bytes)
            if model._model.rate_option != "quality" or quality is not None:
                raise UserError("target: is for models of several rates, in place of a quality")
            held = list(pictures(frames))

            def attempt(quality: float, buffer: io.BytesIO) -> Encoded:
                tried = Encoder(model._model, mode, chunk_frames, 0.0, quality, effort)
                return tried.encode(held, buffer, exact, shown)

            chosen = encode_to_size(attempt, target)
            if not chosen.reached:
                warnings.warn(chosen.missed, stacklevel=2)
            inner.write(chosen.content)
            if path is not None:
                check_output(path, overwrite)
                write_atomically(path, chosen.content)
    if path is not None:
        return path
    if out is None:
        return inner.getvalue()
    try:
        out.write(inner.getbuffer())  # type: ignore[union-attr]  # it is no path
    except (OSError, TypeError, ValueError) as error:  # a full disk, a file for text, one that was closed
        raise UserError(f"out: {described(out)} cannot be written ({error})") from error
    return None


def decode_video(
    data: Coded,
    model: Model | None = None,
    *,
    start: int = 0,
    count: int | None = None,
    level: str | None = None,
    on_error: OnError = "stop",
) -> np.ndarray:
    """Frames of a coded video, all in memory; `iter_video` gives one after the other.

    Args:
      data: bytes, the path of an .msv file, or a binary file open for reading.
      model: that it was coded with; by default the one whose digest the file names (`$VQVAE_JAX_BUNDLE`, or one of the
        package), or the one that it brings along.
      start: number of the first frame, from 0.
      count: how many frames; by default all that follow.
      level: the coarsest level's name decodes it alone, a preview.
      on_error: "stop" at a damaged chunk, or "skip": repeat the last good frame and go on.

    Returns:
      uint8 RGB (T, H, W, 3).

    Raises:
      UserError: if the data are no .msv file, are damaged or of another model, or the range lies outside the video.
    """
    return np.stack(list(iter_video(data, model, start=start, count=count, level=level, on_error=on_error)))


def iter_video(
    data: Coded,
    model: Model | None = None,
    *,
    start: int = 0,
    count: int | None = None,
    level: str | None = None,
    on_error: OnError = "stop",
) -> Iterator[np.ndarray]:
    """As `decode_video`, frame by frame: memory does not grow with the length of the video.

    Yields:
      uint8 RGB (H, W, 3).

    Raises:
      UserError: as `decode_video`, when the first frame or the damaged one is asked for.
    """
    if not isinstance(model, Model | None):
        raise UserError(f"model: expected what vqvae_jax.load returns, found {described(model)}")
    with _told():
        content = _readable(data)
        with Decoder(_model_of(content) if model is None else model._model, content) as decoder:
            yield from decoder.frames(start, count, level, on_error)


def _model_of(content: Path | bytes) -> interface.Model:
    """What a coded video says that it is decoded with."""
    with Reader(content) as reader:
        header, name = reader.header, reader.name
    if header.brings_model:
        return carried_model(header, name)
    return load_file(path_for_digest(header.bundle.hex(), name))._model


def _readable(data: Coded) -> Path | bytes:
    """A coded video as what the decoder reads."""
    if isinstance(data, str | os.PathLike):
        return Path(data)
    if not isinstance(data, bytes | bytearray | memoryview) and not hasattr(data, "read"):
        raise UserError(f"data: expected bytes, a path or a binary file, found {described(data)}")
    try:
        content = data if isinstance(data, bytes | bytearray | memoryview) else data.read()
    except (OSError, ValueError) as error:  # one that was closed
        raise UserError(f"data: {described(data)} cannot be read ({error})") from error
    if not isinstance(content, bytes | bytearray | memoryview):
        raise UserError(f"data: expected a file open for reading bytes, found one that gives {described(content)}")
    return bytes(content)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors in this interface's words."""
    try:
        yield
    except UserError as error:
        raise in_python(error) from error
