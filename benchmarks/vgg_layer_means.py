"""Measures the mean activations of relu1_2, relu2_2, relu3_3 that normalise the perceptual loss (`loss.layer_means`).

    python -m benchmarks.vgg_layer_means --videos DIR --vgg-weights FILE

Takes one frame, the 17th, from `--frames` videos spread evenly over the sorted list of files.
"""

import contextlib
from itertools import islice
from pathlib import Path
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from tyro.conf import arg

from vqvae_jax.command_line import parse
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.losses.perceptual import LAYERS
from vqvae_jax.losses.vgg import features
from vqvae_jax.losses.vgg_weights import require_vgg
from vqvae_jax.precision import normalise
from vqvae_jax.video.read import VideoError
from vqvae_jax.video.video_reader import VideoReader

FRAME = 16
BATCH = 32
Weights = Annotated[str | None, arg(help="VGG-16 weights (.npz or .safetensors); default $VQVAE_JAX_WEIGHTS")]


def main(videos: Path, vgg_weights: Weights = None, frames: int = 512) -> None:
    """Measures the mean activations that normalise the perceptual loss.

    Args:
      videos: folder of training videos of the model's frame size.
      frames: how many videos give a frame each.
    """
    trunk = require_vgg(vgg_weights)
    files = sorted(path for path in videos.rglob("*") if path.suffix in (".avi", ".mp4", ".mkv"))
    if not files:
        raise UserError(f"{videos} has no .avi, .mp4 or .mkv file")
    chosen = [files[i] for i in np.linspace(0, len(files) - 1, min(frames, len(files))).round().astype(int)]
    found = [frame for file in chosen if (frame := read_frame(file)) is not None]
    if len({frame.shape for frame in found}) != 1:
        raise UserError(f"{videos}: expected videos of one frame size with more than {FRAME} frames each")
    frames_NHWC = np.stack(found)

    means = jax.jit(lambda trunk, x: jnp.stack([jnp.mean(layer) for layer in features(trunk, normalise(x))]))
    batches = [frames_NHWC[i : i + BATCH] for i in range(0, len(frames_NHWC), BATCH)]
    total = np.sum([np.asarray(means(trunk, batch), np.float64) * len(batch) for batch in batches], axis=0)
    print(f"trunk   {trunk.provenance}\ndigest  {trunk.digest}")
    print(f"frames  {len(frames_NHWC)} of {frames_NHWC.shape[1:]}, {len(chosen) - len(frames_NHWC)} videos too short")
    print("means   " + "  ".join(f"{n} {m:.4f}" for n, m in zip(LAYERS, total / len(frames_NHWC), strict=True)))


def read_frame(file: Path) -> np.ndarray | None:
    """The frame of index `FRAME`, uint8 RGB; None if the video is shorter."""
    try:
        with contextlib.closing(VideoReader(file)) as video:
            frame = next(islice(video.frames(), FRAME, None), None)
    except VideoError as error:
        raise UserError(f"{file}: {error}") from error
    return None if frame is None else frame.image


if __name__ == "__main__":
    run_command("benchmarks.vgg_layer_means", lambda: parse(main, "python -m benchmarks.vgg_layer_means"))
