"""PyAV, imported late: not every training machine has it. And how files are opened with it."""

import types
from pathlib import Path
from typing import Any

from vqvae_jax.errors import UserError
from vqvae_jax.video.read import MAX_PIXELS, VideoError

# Only containers of moving pictures, only local files: FFmpeg would otherwise follow play lists to other files and to
# the network, and render text files as "video".
FORMATS = (
    "3g2,3gp,amv,asf,avi,av1,dv,ea,flv,gif,h261,h263,h264,hevc,ivf,m4v,matroska,mj2,mjpeg,mov,mp4,mpeg,mpegts,mpegvideo,"
    "mpjpeg,mxf,nut,obu,ogg,rm,roq,swf,vc1,webm,wtv,yuv4mpegpipe"
)


def pyav() -> types.ModuleType:
    """PyAV.

    Raises:
      UserError: if it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UserError("video files need PyAV; install it with: pip install av") from error
    return av


def open_container(path: Path) -> Any:
    """An `av.container.InputContainer`; a context manager.

    Raises:
      VideoError: if it is no video.
    """
    av = pyav()
    # An absolute path cannot be taken for a protocol or an option.
    name = str(path.absolute())
    if name != name.encode("utf-8", "replace").decode():
        raise VideoError("its path is not UTF-8")
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        return av.open(
            name, container_options=options, options={"max_pixels": str(MAX_PIXELS)}, metadata_errors="replace"
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError("not a video that can be opened") from error
