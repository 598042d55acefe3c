"""The classical yardstick: a clip's size as H.264 at the encoder's default settings."""

import io
import re
from fractions import Fraction

import numpy as np

from vqvae_jax.errors import UserError

# A NAL unit of type 6 (SEI) in an Annex B stream, up to the next start code.
SEI_UNIT = re.compile(rb"\0?\0\0\x01\x06.*?(?=\0?\0\0\x01|\Z)", re.DOTALL)


def h264_bytes(clip_THWC: np.ndarray, fps: int = 16) -> int:
    """Bytes of one clip as a raw H.264 elementary stream (Annex B), made by libx264 at its defaults, without SEI.

    Defaults means: preset medium, CRF 23, GOP of up to 250 frames, 3 B-frames; pixel format yuv420p (8 bits, 4:2:0;
    BT.601, limited range, chroma averaged, by OpenCV).
    Parameter sets count. x264's text about itself (a SEI unit of 680 bytes, a constant that would be a fifth of a
    clip at 64x64) is left out. One thread, so that the size does not depend on the machine.

    Args:
      clip_THWC: uint8 RGB; height and width even.
      fps: frame rate given to the encoder.

    Raises:
      UserError: if the clip is not such a video, or PyAV with libx264 is not installed.
    """
    return len(SEI_UNIT.sub(b"", encode_h264(clip_THWC, fps)))


def encode_h264(clip_THWC: np.ndarray, fps: int = 16) -> bytes:
    """The elementary stream that `h264_bytes` measures, SEI included. Args and errors as there."""
    if clip_THWC.ndim != 4 or clip_THWC.shape[-1] != 3 or clip_THWC.dtype != np.uint8 or not len(clip_THWC):
        raise UserError(f"h264: expected uint8 RGB frames (T, H, W, 3), found {clip_THWC.dtype}{clip_THWC.shape}")
    height, width = clip_THWC.shape[1:3]
    if height % 2 or width % 2:
        raise UserError(f"h264: 4:2:0 video needs even sides; the clip is {width}x{height}")
    try:
        import av
        import cv2
    except ImportError as error:
        raise UserError("h264: sizes against H.264 need PyAV and OpenCV; install them with: pip install av") from error
    if "libx264" not in av.codecs_available:
        raise UserError("h264: this build of PyAV has no libx264 encoder; install PyAV from its wheel: pip install av")

    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format="h264") as container:
        # x264's assembler gives another size as memory happens to lie (584 to 625 bytes for one clip); its C does not.
        options = {"threads": "1", "x264-params": "asm=0"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, image_HWC in enumerate(clip_THWC):
            # Not left to the encoder: libswscale's conversion depends on how memory happens to be aligned.
            planes = np.asarray(cv2.cvtColor(np.ascontiguousarray(image_HWC), cv2.COLOR_RGB2YUV_I420), np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            # Without time stamps x264's rate control works with what happens to lie in memory.
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
