"""Small generated videos, and a tree of them named as UCF101's."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.config import PrepConfig


def make_video(path: Path, frames: int = 60, size: tuple[int, int] = (24, 32), fps: float = 25, seed: int = 0) -> Path:
    """A camera move over noise; Motion JPEG in AVI, MPEG-4 in MP4 and MKV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = size
    code = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), fps, (width, height))
    assert writer.isOpened(), path
    noise = np.random.default_rng(seed).integers(0, 256, (4, 16, 3), dtype=np.uint8)
    scene = cv2.resize(noise, (width + frames, height), interpolation=cv2.INTER_CUBIC)
    for i in range(frames):
        writer.write(np.ascontiguousarray(scene[:, i : i + width]))
    writer.release()
    return path


@pytest.fixture
def video():
    return make_video


@pytest.fixture
def tree(tmp_path):
    """Two classes of five groups, one or two videos each, 2 to 4 clips of 8 frames a video."""
    root = tmp_path / "videos"
    for label in ("Biking", "Surf"):
        for group in range(1, 6):
            for clip in range(1, 2 + group % 2):
                name = f"v_{label}_g{group:02d}_c{clip:02d}.avi"
                seed = hash((label == "Surf", group, clip)) % 2**32
                make_video(root / label / name, frames=26 + 6 * group, seed=seed)
    return root


@pytest.fixture
def config(tree, tmp_path):
    def build(**changes) -> PrepConfig:
        small = {"frames": 8, "size": "16", "format": "npy", "workers": 1, "out": tmp_path / "out"}
        return PrepConfig(**{"videos": tree, **small, **changes})

    return build
