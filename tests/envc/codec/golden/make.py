"""How the files in this folder were made: `python -m tests.envc.codec.golden.make NEW_FOLDER` makes others like them.

They are never made again, not even when the encoder changes: files written today must open for ever. What a file holds
is in golden.json: SHA-256 of its latents (frame by frame, part by part, little-endian int32) and the mean of every
decoded frame. Beside each file are the distributions, float32, by which its latents are coded: what a network computes
differs from machine to machine, what is made of it must not. Written under the XLA flags of tests/conftest.py.

"""

import hashlib
import json
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from tests.envc.codec.coded_envc import SMALL, small_bundle, video
from vqvae_jax.codec.bundle import save_bundle
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.envc.codec.model import EnvcModel
from vqvae_jax.envc.mixture import Mixture
from vqvae_jax.families import load_model

MODEL = replace(SMALL, width=4)
#: Name: frames, height, width, frames of a chunk.
FILES = {"groups": (5, 64, 64, 3), "odd_size": (2, 50, 70, 12)}


def latents_of(decoder: Decoder) -> str:
    """Of all latents of an open file."""
    digest = hashlib.sha256()
    for chunk in range(decoder.reader.header.chunks):
        for latents, _ in decoder.content(chunk)[0]:
            for part in latents:
                digest.update(part.astype("<i4").tobytes())
    return digest.hexdigest()


def describe(decoder: Decoder) -> dict[str, Any]:
    """What golden.json keeps of an open file."""
    header = decoder.reader.header
    return {
        "size": [header.frames, header.height, header.width],
        "rate": str(header.rate),
        "latents": latents_of(decoder),
        "frame_means": [round(float(np.mean(frame)), 3) for frame in decoder.frames()],
    }


def distributions(decoder: Decoder, model: EnvcModel) -> dict[str, np.ndarray]:
    """Those of all latents that are coded by mixtures, in their order: weights, means and scales [N, 1, h, w, 3, M]."""
    found, mixture = [], model.programs.mixture

    def noted(*arguments: Any) -> Mixture:
        found.append(mixture(*arguments))
        return found[-1]

    model.programs.mixture = noted
    latents_of(decoder)
    del model.programs.mixture
    return Mixture(*map(np.stack, zip(*found, strict=True)))._asdict()


def make(folder: Path) -> None:
    """Writes the bundle, files, distributions and golden.json into a new folder."""
    folder.mkdir()
    save_bundle(folder / "model.safetensors", small_bundle(MODEL, "bfloat16"))
    model, facts = load_model(folder / "model.safetensors"), {}
    for name, (frames, height, width, chunk_frames) in FILES.items():
        path, encoder = folder / f"{name}.msv", Encoder(model, chunk_frames=chunk_frames)
        encoder.encode(video(frames, height, width), path, Fraction(30000, 1001), source_size=(320, 240))
        with Decoder(model, path) as decoder:
            facts[name] = describe(decoder)
            np.savez_compressed(folder / f"{name}.npz", **distributions(decoder, model))
    (folder / "golden.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
