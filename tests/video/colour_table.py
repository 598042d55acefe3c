"""`python -m tests.video.colour_table`: docs/results/data.md's table of levels off FFmpeg's accurate conversion."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from tests.video.example_colours import LARGE, SMALL, written
from tests.video.reference_ffmpeg import pictures_of
from vqvae_jax.video.source import open_source

FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv411p")
SOURCES = [(SMALL, "", "bt601", False), (SMALL, "", "bt601", True), (LARGE, "", "bt709", False)]
SOURCES += [(SMALL, "bt709", "bt709", False), (LARGE, "bt601", "bt601", False), (SMALL, "bt2020", "bt2020", False)]


def by_opencv(path: Path) -> np.ndarray:
    """As before: what OpenCV makes of the file."""
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG).read()[1][..., ::-1]


def main() -> None:
    names = [f"{m or f'none ({w}x{h}: {meant})'}{', full range' * full}" for (h, w), m, meant, full in SOURCES]
    print("| format | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for pix_fmt in FORMATS:
            cells = [cell(Path(folder) / f"{pix_fmt}-{n}.mkv", pix_fmt, *source) for n, source in enumerate(SOURCES)]
            print(f"| {pix_fmt} | {' | '.join(cells)} |")


def cell(path: Path, pix_fmt: str, size: tuple[int, int], matrix: str, meant: str, full: bool) -> str:
    """Mean (and largest) levels off, and of OpenCV's conversion the mean."""
    written(path, pix_fmt, size, matrix, full)
    scale = f":in_color_matrix={meant}:in_range={'full' if full else 'limited'}"
    want = pictures_of(path, size, scale)[0].astype(int)
    with open_source(path) as source:
        ours = np.abs(next(source.frames()) - want)
    return f"{ours.mean():.2f} ({ours.max()}); {np.abs(by_opencv(path) - want).mean():.2f}"


if __name__ == "__main__":
    main()
