"""What FFmpeg's program makes of a file: the outside reference for times, orientation and colours."""

import subprocess
from fractions import Fraction

import numpy as np

ACCURATE = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"


def program():
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


def times_of(path, stream="0:v:0"):
    """Seconds of every picture by its stamp, from 0 at the first."""
    options = ["-map", stream, "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framecrc", "-"]
    lines = _run("-copyts", "-i", str(path), *options).decode().splitlines()
    unit = Fraction(next(line.split(": ")[1] for line in lines if line.startswith("#tb 0")))
    stamps = [int(line.split(",")[2]) for line in lines if not line.startswith("#")]
    return np.array([float((stamp - stamps[0]) * unit) for stamp in stamps])


def pictures_of(path, size, scale="", stream="0:v:0"):
    """(T, H, W, 3) uint8: every picture of a stream as it is shown; `scale`: options of the filter of this name."""
    height, width = size
    options = ["-map", stream, "-vf", f"scale=flags={ACCURATE}{scale}", "-fps_mode", "passthrough"]
    data = _run("-i", str(path), *options, "-f", "rawvideo", "-pix_fmt", "gbrp", "-")
    return np.frombuffer(data, np.uint8).reshape(-1, 3, height, width)[:, [2, 0, 1]].transpose(0, 2, 3, 1)


def _run(*options):
    return subprocess.run([program(), "-v", "error", *options], capture_output=True, check=True).stdout
