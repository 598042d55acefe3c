"""How the files in this folder were made: `python -m tests.ntc.codec.golden.make NEW_FOLDER` makes others like them.

They are never made again, not even when the encoder changes: files written today must open for ever. What a file holds
is in golden.json: SHA-256 of its latents (chunk by chunk, unit by unit, little-endian int32) and the mean of every
decoded frame.
"""

import hashlib
import json
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import numpy as np

from tests.codec.example_bundle import moving
from tests.ntc.narrow import NARROW
from vqvae_jax.codec.bundle import save_bundle
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.families import load_model
from vqvae_jax.ntc.codec.weights import pack_weights
from vqvae_jax.ntc.coding import init_params

MODEL = replace(NARROW, width=8, coarse_width=16, analysis_blocks=0, decoder_blocks=0)
#: Name: quality, frames, height, width, frames of a chunk.
FILES = {
    "low": (0.0, 21, 24, 32, 8),
    "high": (100.0, 21, 24, 32, 8),
    "between": (37.0, 12, 21, 35, 12),
    "one_frame": (60.0, 1, 16, 16, 8),
    "beyond_the_tables": (100.0, 8, 16, 16, 8),
}


def describe(decoder: Decoder) -> dict[str, Any]:
    """What golden.json keeps of an open file."""
    header, digest, largest = decoder.reader.header, hashlib.sha256(), 0
    for chunk in range(header.chunks):
        _, latents = decoder.content(chunk)
        digest.update(latents.astype("<i4").tobytes())
        largest = max(largest, int(np.abs(latents).max()))
    return {
        "size": [header.frames, header.height, header.width],
        "rate": str(header.rate),
        "largest": largest,
        "latents": digest.hexdigest(),
        "frame_means": [round(float(np.mean(frame)), 3) for frame in decoder.frames()],
    }


def save_models(folder: Path) -> None:
    """Two bundles that differ in how large their latents are: those of `wide` leave the tables' range."""
    for name, gain in (("usual", 2.0), ("wide", 7.0)):
        params = init_params(MODEL, jax.random.key(3))
        params["transform"]["gains"] = params["transform"]["gains"] + gain
        params["transform"]["inverse_gains"] = params["transform"]["inverse_gains"] - gain
        params["prior"]["out"] = 10 * params["prior"]["out"]
        save_bundle(folder / f"{name}.safetensors", pack_weights(name, MODEL, params, {"step": 7}, "bfloat16"))


def make(folder: Path) -> None:
    """Writes bundles, files and golden.json into a new folder."""
    folder.mkdir()
    save_models(folder)
    facts = {}
    for name, (quality, frames, height, width, chunk_frames) in FILES.items():
        which = "wide" if name == "beyond_the_tables" else "usual"
        model, path = load_model(folder / f"{which}.safetensors"), folder / f"{name}.msv"
        encoder = Encoder(model, quality=quality, chunk_frames=chunk_frames)
        encoder.encode(moving(frames, height, width), path, Fraction(30000, 1001), source_size=(320, 240))
        with Decoder(model, path) as decoder:
            facts[name] = {"bundle": which} | describe(decoder)
    (folder / "golden.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
