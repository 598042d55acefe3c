"""Frames into video files: H.264 or FFV1, through PyAV."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.video.colours import FromRgb, assumed_matrix
from vqvae_jax.video.libav import pyav

Codec = Literal["h264", "ffv1"]
PixelFormat = Literal["yuv420p", "yuv444p"]


class VideoWriter:
    """Frames into a container, time stamps and all.

    `h264` is x264, in limited range and BT.601, or BT.709 for high definition (`colours.assumed_matrix`), and tagged
    so. `ffv1` is lossless RGB.

    Args:
      pixel_format: of H.264. yuv420p is what every player knows, for even sides; yuv444p keeps all colour.

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
        pixel_format: PixelFormat = "yuv420p",
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
                stream.pix_fmt = pixel_format
                context, matrix = stream.codec_context, assumed_matrix(width, height)
                # FFmpeg's numbers; those of BT.601 and BT.709 are the same for matrix, primaries and transfer.
                context.colorspace = context.color_primaries = context.color_trc = matrix
                context.color_range = 1  # AVCOL_RANGE_MPEG: limited
            else:
                stream = self._container.add_stream(encoder, rate=rate, options={"level": "3", "slicecrc": "1"})
                stream.pix_fmt = "bgr0"
            stream.width, stream.height = width, height
            stream.codec_context.time_base = self._time_base
            stream.codec_context.sample_aspect_ratio = pixel_aspect
            self._stream = stream
            self._convert = FromRgb(width, height)

    def write(self, frame_HWC: np.ndarray) -> None:
        with self._as_os_errors():
            rgb = self._av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")
            # Here, not in `encode`, which has libswscale use threads: it then spoils some rows of some formats.
            frame = self._convert(rgb, self._stream.pix_fmt)
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
