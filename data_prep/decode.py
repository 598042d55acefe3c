"""One video file -> frames at the wanted rate and size, in a raw file: the work of one task."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import cv2

from data_prep.pool import Tick
from vqvae_jax.video.read import MISSING_LIMIT, Video, VideoError, at_rate
from vqvae_jax.video.resize import ResizeMethod, resizer


class DecodeTask(NamedTuple):
    """A file to decode and where its frames go."""

    video: Path
    frames_file: Path
    fps: int | None  # None: native
    frames: int  # frames per clip, the least a video must have
    height_width: tuple[int, int]
    resize: ResizeMethod


class Decoded(NamedTuple):
    """A video whose frames now lie in the frames file, frame after frame, H*W*3 bytes each, RGB."""

    frames: int
    decoded_frames: int  # of the source
    announced_frames: int  # by its header
    missing_frames: int  # that an AVI's index lists but that cannot be decoded
    fps: float  # of the source
    width: int  # of the source
    height: int
    source_sha256: str
    content_sha256: str  # of the frames file


class Unusable(NamedTuple):
    """Why a file gives no clips."""

    reason: str


def decode(task: DecodeTask, tick: Tick) -> Decoded | Unusable:
    """Decodes one file. Leaves no frames file behind if the video cannot be used.

    Raises:
      OSError: if the frames file cannot be written (a full disk).
    """
    cv2.setNumThreads(1)  # one process per core already
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        result = _decode(task, tick)
    except VideoError as error:
        result = Unusable(str(error))
    except cv2.error as error:
        result = Unusable(f"the decoder failed: {error.err or error}".replace("\n", " "))
    if isinstance(result, Unusable):
        task.frames_file.unlink(missing_ok=True)
    return result


def _decode(task: DecodeTask, tick: Tick) -> Decoded | Unusable:
    resize = resizer(*task.height_width, task.resize)
    content = hashlib.sha256()
    kept = decoded = 0
    with Video(task.video) as video:
        source = _sha256(task.video, tick)

        def counted():
            nonlocal decoded
            for frame in video.frames():
                decoded += 1
                tick()
                yield frame

        frames = counted() if task.fps is None else at_rate(counted(), video.info.fps, task.fps)
        with task.frames_file.open("wb") as out:
            for frame in frames:
                # Blue first to red first after scaling, when there are fewer pixels.
                pixels = resize(frame.image)[..., ::-1].tobytes()
                content.update(pixels)
                out.write(pixels)
                kept += 1
        info, missing = video.info, video.missing_frames
    if decoded == 0:
        return Unusable("no frame can be decoded")
    if missing > MISSING_LIMIT * (decoded + missing):
        return Unusable(f"damaged inside: {missing} of {decoded + missing} frames cannot be decoded")
    if kept < task.frames:
        rate = "" if task.fps is None else f" at {task.fps} fps"
        return Unusable(f"too short: {kept} frames{rate}, a clip has {task.frames}")
    return Decoded(
        kept, decoded, info.announced_frames, missing, info.fps, info.width, info.height, source, content.hexdigest()
    )


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
