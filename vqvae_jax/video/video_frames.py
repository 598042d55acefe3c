"""Video files as frames: any container and codec that OpenCV opens in, H.264 or FFV1 out through PyAV."""

import contextlib
import types
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.video.read import FORMATS, MAX_DENOMINATOR, Frame, SourceInfo, Video, VideoError

Codec = Literal["h264", "ffv1"]


class VideoReader:
    """A video file's pictures as 8-bit RGB, upright, in order.

    OpenCV converts by the matrix and range that the file names (BT.601, limited, if it names none). Samples of more
    than 8 bits are reduced to 8, subsampled colour is interpolated, gray becomes three equal channels, and alpha is
    dropped: colours are those stored, not composed with a background. A picture of another size than the header's is
    scaled to it.

    Raises:
      VideoError: if the file cannot be used, or while reading if the decoder fails. The message lacks the path.
    """

    def __init__(self, path: Path) -> None:
        # Process-wide, alas. OpenCV's warnings would stand beside our one line and say less.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._video = Video(path)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.close)
            self.info = self._read_info(path)
            on_failure.pop_all()

    def _read_info(self, path: Path) -> SourceInfo:
        video = self._video.info
        # The float came from a ratio of integers; of those with denominators up to this, only that one is so near.
        rate = Fraction(video.fps).limit_denominator(MAX_DENOMINATOR)
        aspect = None if video.pixel_aspect == 1 else video.pixel_aspect * video.width / video.height
        has_audio, description = _streams(path)
        frames = video.announced_frames or None
        return SourceInfo(video.width, video.height, rate, video.fps_stated, frames, has_audio, aspect, description)

    @property
    def missing_frames(self) -> int:
        """How many frames an AVI lists that could not be decoded; known once all are read."""
        return self._video.missing_frames

    def frames(self) -> Iterator[Frame]:
        try:
            for frame in self._video.frames():
                yield frame._replace(image=np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)))
        except cv2.error as error:
            raise VideoError(f"the decoder failed: {error.err or error}".replace("\n", " ")) from error

    def close(self) -> None:
        self._video.close()


def pyav() -> types.ModuleType:
    """PyAV, imported late: not every training machine has it."""
    try:
        import av
    except ImportError as error:
        raise UserError("video files need PyAV; install it with: pip install av") from error
    return av


def _streams(path: Path) -> tuple[bool, str]:
    """Whether there is audio, which OpenCV does not tell, and the name of the video's codec and pixel format."""
    av = pyav()
    try:
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        with av.open(str(path.absolute()), container_options=options, metadata_errors="replace") as container:
            context = container.streams.video[0].codec_context
            return bool(container.streams.audio), f"{context.name} {context.pix_fmt or ''}".strip()
    except (av.FFmpegError, OSError, IndexError) as error:
        raise VideoError(f"not a video that PyAV can open ({error})") from error


class VideoWriter:
    """Frames into a container, time stamps and all.

    `h264` is x264 at 4:4:4 (any width and height; BT.601, limited range, and tagged so), `ffv1` is lossless RGB.

    Raises:
      OSError: if the encoder or the file system refuses.
      UserError: if PyAV, or the encoder in it, is not installed.
    """

    def __init__(
        self,
        path: Path,
        container_format: str,
        width: int,
        height: int,
        rate: Fraction,
        codec: Codec = "h264",
        pixel_aspect: Fraction = Fraction(1),
        crf: int = 4,
        preset: str = "medium",
    ) -> None:
        self._av = av = pyav()
        encoder = {"h264": "libx264", "ffv1": "ffv1"}[codec]
        if encoder not in av.codecs_available:
            raise UserError(f"this build of PyAV has no encoder {encoder}; install PyAV from its wheel: pip install av")
        self._time_base = 1 / rate
        self._written = 0
        path.open("xb").close()  # PyAV itself would open the file with the first frame, and find out as late.
        with self._as_os_errors():
            self._container = av.open(str(path.absolute()), "w", format=container_format)
            if codec == "h264":
                # AVI keeps no time stamps, so its pictures must come in the order in which they are shown.
                order = {"bf": "0"} if container_format == "avi" else {}
                stream = self._container.add_stream(
                    encoder, rate=rate, options={"crf": str(crf), "preset": preset, **order}
                )
                stream.pix_fmt = "yuv444p"
                # AVCOL_SPC_SMPTE170M, that is BT.601; PyAV's own enumeration holds libswscale's numbers, not these.
                stream.codec_context.colorspace = 6
                stream.codec_context.color_range = 1  # AVCOL_RANGE_MPEG: limited
            else:
                stream = self._container.add_stream(encoder, rate=rate, options={"level": "3", "slicecrc": "1"})
                stream.pix_fmt = "bgr0"
            stream.width, stream.height = width, height
            stream.codec_context.time_base = self._time_base
            stream.codec_context.sample_aspect_ratio = pixel_aspect
            self._stream = stream

    def write(self, frame_HWC: np.ndarray) -> None:
        with self._as_os_errors():
            rgb = self._av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")
            # Here, not in `encode`, which has libswscale use threads: it then spoils some rows of some formats.
            frame = rgb.reformat(format=self._stream.pix_fmt, threads=1)
            frame.pts, frame.time_base = self._written, self._time_base
            self._mux(self._stream.encode(frame))
        self._written += 1

    def _mux(self, packets) -> None:
        for packet in packets:
            packet.duration = 1  # Else a file of one frame would have no length, and so no rate.
            self._container.mux(packet)

    def finish(self) -> None:
        with self._as_os_errors():
            self._mux(self._stream.encode(None))
            self._container.close()

    def abandon(self) -> None:
        with contextlib.suppress(OSError), self._as_os_errors():
            self._container.close()

    @contextlib.contextmanager
    def _as_os_errors(self) -> Iterator[None]:
        try:
            yield
        except self._av.FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error
