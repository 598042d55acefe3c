"""One video file -> frames at the wanted rate and size, in a file of their own: the work of one task."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from data_prep.frames_file import Layout, Stored, store
from data_prep.near import MOST, picture_hash
from data_prep.pool import Tick
from vqvae_jax.video.opencv_reader import OpenCVReader
from vqvae_jax.video.read import MISSING_LIMIT, Frame, VideoError, at_rate
from vqvae_jax.video.resize import ResizeMethod, resizer
from vqvae_jax.video.video_reader import VideoReader


class DecodeTask(NamedTuple):
    """A file to decode and where its frames go."""

    video: Path
    frames_file: Path  # appears by one rename
    fps: int | None  # None: native
    layout: Layout
    height_width: tuple[int, int]
    resize: ResizeMethod
    decoder: Literal["pyav", "opencv"] = "pyav"


class Decoded(NamedTuple):
    """A video whose frames now lie in the frames file."""

    frames: int
    decoded_frames: int  # of the source
    announced_frames: int  # by its header; 0 if it does not say
    missing_frames: int  # pictures that could not be decoded
    held_frames: int  # times that an AVI says to go on showing the last picture
    fps: float  # of the source, nominal
    width: int  # of the source
    height: int
    source_sha256: str
    content_sha256: str  # of all frames, also of those at the end that no clip needs
    stored_crc32: int  # of what is in the frames file, before compression
    hashes: tuple[int, ...]  # of every so manieth picture, by `picture_hash`; those without contrast left out

    @property
    def stored(self) -> Stored:
        return Stored(self.frames, self.stored_crc32)


class Unusable(NamedTuple):
    """Why a file gives no clips."""

    reason: str


def decode(task: DecodeTask, tick: Tick) -> Decoded | Unusable:
    """Decodes one file. Leaves no frames file behind if the video cannot be used.

    Raises:
      OSError: if the frames file cannot be written (a full disk).
    """
    part = task.frames_file.with_suffix(".part")
    try:
        result = _decode(task, part, tick)
    except VideoError as error:
        result = Unusable(str(error))
    if isinstance(result, Unusable):
        part.unlink(missing_ok=True)
    else:
        part.replace(task.frames_file)
    return result


def _decode(task: DecodeTask, part: Path, tick: Tick) -> Decoded | Unusable:
    resize, layout = resizer(*task.height_width, task.resize), task.layout
    content = hashlib.sha256()
    hashes: list[int | None] = []
    every = max(1, layout.frames // 2)
    decoded = 0
    with contextlib.closing(_opened(task)) as video:
        source = _sha256(task.video, tick)

        def counted() -> Iterator[Frame]:
            nonlocal decoded
            for frame in video.frames():
                decoded += 1
                tick()
                yield frame

        def pixels() -> Iterator[bytes]:
            shown: Frame | None = None
            frames = counted() if task.fps is None else at_rate(counted(), task.fps)
            for number, frame in enumerate(frames):
                if frame is not shown:  # one that is held is scaled once
                    shown, picture = frame, resize(frame.image)
                    rgb = picture.tobytes()
                if number % every == 0 and len(hashes) < MOST:
                    hashes.append(picture_hash(picture))
                content.update(rgb)
                yield rgb

        stored = store(part, pixels(), layout)
        info, missing, held = video.info, video.missing_frames, video.held_frames
    if decoded == 0:
        return Unusable("no frame can be decoded")
    if missing > MISSING_LIMIT * (decoded + missing):
        return Unusable(f"damaged inside: {missing} of {decoded + missing} frames cannot be decoded")
    if stored.kept < layout.frames:
        rate = "" if task.fps is None else f" at {task.fps} fps"
        return Unusable(f"too short: {stored.kept} frames{rate}, a clip has {layout.frames}")
    return Decoded(
        stored.kept,
        decoded,
        info.announced_frames or 0,
        missing,
        held,
        float(info.rate),
        info.width,
        info.height,
        source,
        content.hexdigest(),
        stored.crc32,
        tuple(h for h in hashes if h is not None),
    )


def _opened(task: DecodeTask) -> VideoReader | OpenCVReader:
    return OpenCVReader(task.video) if task.decoder == "opencv" else VideoReader(task.video)


def _sha256(path: Path, tick: Tick) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
                tick()
        return digest.hexdigest()
    except OSError as error:
        raise VideoError(f"cannot be read: {error.strerror or error}") from error
