"""Measures the mean activations of relu1_2, relu2_2, relu3_3 that normalise the perceptual loss (`loss.layer_means`).

    python -m benchmarks.vgg_layer_means --videos DIR --vgg-weights FILE

Takes one frame, the 17th, from `--frames` videos spread evenly over the sorted list of files.
"""

import argparse
from itertools import islice
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.errors import UserError, run_command
from vqvae_jax.losses.perceptual import LAYERS
from vqvae_jax.losses.vgg import features
from vqvae_jax.losses.vgg_weights import require_vgg
from vqvae_jax.precision import normalise
from vqvae_jax.video.read import Video, VideoError

FRAME = 16
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.vgg_layer_means", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--videos", type=Path, required=True, help="folder of training videos of the model's frame size"
    )
    parser.add_argument("--vgg-weights", help="VGG-16 weights (.npz or .safetensors); default $VQVAE_JAX_WEIGHTS")
    parser.add_argument("--frames", type=int, default=512, help="how many videos give a frame each")
    arguments = parser.parse_args()
    trunk = require_vgg(arguments.vgg_weights)
    files = sorted(path for path in arguments.videos.rglob("*") if path.suffix in (".avi", ".mp4", ".mkv"))
    if not files:
        raise UserError(f"{arguments.videos} has no .avi, .mp4 or .mkv file")
    chosen = [files[i] for i in np.linspace(0, len(files) - 1, min(arguments.frames, len(files))).round().astype(int)]
    frames = [frame for file in chosen if (frame := read_frame(file)) is not None]
    if len({frame.shape for frame in frames}) != 1:
        raise UserError(f"{arguments.videos}: expected videos of one frame size with more than {FRAME} frames each")
    frames_NHWC = np.stack(frames)

    means = jax.jit(lambda trunk, x: jnp.stack([jnp.mean(layer) for layer in features(trunk, normalise(x))]))
    batches = [frames_NHWC[i : i + BATCH] for i in range(0, len(frames_NHWC), BATCH)]
    total = np.sum([np.asarray(means(trunk, batch), np.float64) * len(batch) for batch in batches], axis=0)
    print(f"trunk   {trunk.provenance}\ndigest  {trunk.digest}")
    print(f"frames  {len(frames_NHWC)} of {frames_NHWC.shape[1:]}, {len(chosen) - len(frames_NHWC)} videos too short")
    print("means   " + "  ".join(f"{n} {m:.4f}" for n, m in zip(LAYERS, total / len(frames_NHWC), strict=True)))


def read_frame(file: Path) -> np.ndarray | None:
    """The frame of index `FRAME`, uint8 RGB; None if the video is shorter."""
    try:
        with Video(file) as video:
            frame = next(islice(video.frames(), FRAME, None), None)
    except VideoError as error:
        raise UserError(f"{file}: {error}") from error
    return None if frame is None else frame.image[..., ::-1]


if __name__ == "__main__":
    run_command("benchmarks.vgg_layer_means", main)
