"""Figures of docs/results/speed.md: `python -m tests.web.decoder_figures VIDEO`, for every bundle of the package.

The first 96 frames of a video, coded by Python at 64x64, decoded by Python and by `msv.mjs` in Node: bytes of the
packed model, pixel values that differ, seconds of the processor.
"""

import sys
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np

from tests.web.in_node import WEB, done, node
from tests.web.playable import playable
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.families import load_model
from vqvae_jax.packaged import packaged
from vqvae_jax.video.resize import resizer
from vqvae_jax.video.source import open_source
from vqvae_jax.web.pack import pack_model

FRAMES, SIDE = 96, 64


def main(video: Path) -> None:
    """Prints a line for every bundle."""
    with open_source(video) as source:
        scale, rate = resizer(SIDE, SIDE), source.info.rate
        clip = np.stack([scale(frame) for frame in islice(source.frames(rate), FRAMES)])
    with tempfile.TemporaryDirectory() as folder:
        for name in playable():
            bundle = packaged()[name]
            file, model, pictures = (Path(folder) / f"{name}.{ending}" for ending in ("msv", "packed", "rgb"))
            model.write_bytes(pack_model(bundle))
            loaded = load_model(bundle)
            Encoder(loaded).encode(clip, file, rate)
            with Decoder(loaded, file) as decoder:
                expected = np.stack(list(decoder.frames()))
            done({"file": file, "model": model, "pictures": pictures})
            difference = np.abs(np.fromfile(pictures, np.uint8).reshape(expected.shape).astype(int) - expected)
            print(f"{name}: packed {model.stat().st_size:,} bytes; {len(clip)} frames at {rate} fps, ", end="")
            print(f"{np.count_nonzero(difference)} of {difference.size:,} values differ, by {difference.max()} at most")
            for _ in range(3):
                said = node(WEB / "msv.mjs", file, file.with_suffix(".y4m"), "--model", model, "--force", "--time")
                print(f"  {said.stderr.decode().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
