"""Video files made on the spot: smooth camera moves over the photographs that lie inside the scikit-image wheel.

    python -m experiments.demo_videos DIR [SEED]

Nothing is downloaded. Every photograph appears under one move only, so that a split by group (class and group: move and
photograph) never shows a photograph in training and in test.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vqvae_jax.errors import UserError, run_command, say
from vqvae_jax.files import refuse_existing, temporary

SIZE = (320, 240)  # width, height; as UCF101
FPS = 25
FRAMES = 150  # 6 s: three clips of 32 frames at 16 fps
LEGS = 3  # one move of the camera for each of them
TAKES = 2  # videos of each photograph
# `skimage.data` would fetch most other names from the network.
PHOTOGRAPHS = {
    "Pan": ("coins.png", "grass.png", "hubble_deep_field.jpg", "astronaut.png", "coffee.png"),
    "Turn": ("retina.jpg", "rocket.jpg", "brick.png", "gravel.png", "clock_motion.png"),
    "Zoom": ("moon.png", "ihc.png", "chelsea.png", "motorcycle_left.png", "camera.png"),
}


@dataclass(frozen=True)
class View:
    """Where the camera looks: centre and window width as shares of the photograph, angle in degrees."""

    x: float
    y: float
    width: float
    angle: float


def make_demo_videos(out_dir: str | Path, seed: int = 0) -> list[Path]:
    """Writes 30 XVID files `v_<Move>_gNN_cNN.avi` of 6 s, 320x240 at 25 fps; the same seed gives the same frames.

    Raises:
      UserError: if the folder exists and is not empty, or a file cannot be written.
    """
    out_dir = Path(out_dir)
    if not out_dir.is_dir() or any(out_dir.iterdir()):
        refuse_existing(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = []
    for move, names in PHOTOGRAPHS.items():
        for group, name in enumerate(names, start=1):
            photo = load_photograph(name)
            for take in range(1, TAKES + 1):
                rng = np.random.default_rng([seed, group, take, *move.encode()])
                path = out_dir / f"v_{move}_g{group:02d}_c{take:02d}.avi"
                _write_video(path, camera_move(photo, choose_views(move, rng)))
                paths.append(path)
    return paths


def load_photograph(name: str) -> np.ndarray:
    """One of scikit-image's own photographs, (H, W, 3) uint8 in OpenCV's BGR order, its shorter side 480 pixels."""
    import skimage

    path = Path(skimage.__file__).parent / "data" / name
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if photo is None:
        raise UserError(f"{path}: not in this scikit-image; the demo expects release 0.26")
    scale = 480 / min(photo.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(photo, None, fx=scale, fy=scale, interpolation=method)


def choose_views(move: str, rng: np.random.Generator) -> list[View]:
    """Where the camera starts and where it is after each leg, drawn so that it stays mostly inside the photograph."""
    views = []
    for index in range(LEGS + 1):
        side = 1 if index % 2 else -1
        x, y, width = rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), rng.uniform(0.6, 0.75)
        if move == "Pan":
            views.append(View(0.5 + side * rng.uniform(0.1, 0.25), y, width, 0))
        elif move == "Zoom":
            views.append(View(x, y, 0.7 - side * rng.uniform(0.15, 0.25), rng.uniform(-4, 4)))
        else:
            views.append(View(x, y, width, side * rng.uniform(12, 24)))
    return views


def camera_move(photo: np.ndarray, views: Sequence[View]) -> Iterator[np.ndarray]:
    """`FRAMES` frames (240, 320, 3) uint8 that ease from view to view; outside, the photograph is mirrored."""
    height, width = photo.shape[:2]
    for k in range(FRAMES):
        leg, t = divmod(k / FRAMES * (len(views) - 1), 1)
        ease = t * t * (3 - 2 * t)  # starts and ends at rest
        first, last = (vars(view).values() for view in views[int(leg) : int(leg) + 2])
        view = View(*(a + ease * (b - a) for a, b in zip(first, last, strict=True)))
        scale = SIZE[0] / (view.width * width)
        to_frame = cv2.getRotationMatrix2D((view.x * width, view.y * height), view.angle, scale)
        to_frame[:, 2] += np.array(SIZE) / 2 - (view.x * width, view.y * height)
        yield cv2.warpAffine(photo, to_frame, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _write_video(path: Path, frames: Iterator[np.ndarray]) -> None:
    part = temporary(path, path.suffix)
    writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*"XVID"), FPS, SIZE)
    if not writer.isOpened():
        raise UserError(f"{path}: OpenCV cannot write a video there")
    for frame in frames:
        writer.write(frame)
    writer.release()
    part.replace(path)


def main() -> None:
    if len(sys.argv) not in (2, 3) or not (sys.argv[2:] or ["0"])[0].isdigit():
        raise UserError("usage: python -m experiments.demo_videos DIR [SEED]")
    paths = make_demo_videos(sys.argv[1], int((sys.argv[2:] or ["0"])[0]))
    say(f"{len(paths)} videos of {FRAMES / FPS:g} s in {sys.argv[1]}")


if __name__ == "__main__":
    run_command("demo_videos", main)
