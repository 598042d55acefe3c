"""How the files in this folder were made: `python -m tests.codec.golden.make NEW_FOLDER` makes others like them.

They are never made again, not even when the encoder changes: files written today must open for ever. What a file holds
is in golden.json: SHA-256 of its indices (level by level, chunk by chunk, little-endian uint16) and the mean of every
decoded frame.
"""

import hashlib
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from tests.codec.example_bundle import moving, save_example
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import Mode
from vqvae_jax.families import load_model

#: Name: bundle, mode, frames, height, width. Chunks of 8 frames, so that 21 make two and a shorter one.
FILES: dict[str, tuple[str, Mode, int, int, int]] = {
    "range": ("levels2", "range", 21, 24, 32),
    "deflate": ("levels2", "deflate", 21, 24, 32),
    "fixed": ("levels2", "fixed", 21, 24, 32),
    "odd_size": ("levels2", "range", 10, 21, 35),
    "one_frame": ("levels2", "range", 1, 16, 16),
    "one_level": ("levels1", "range", 11, 24, 32),
    "one_level_fixed": ("levels1", "fixed", 8, 9, 7),
    "contexts": ("contexts2", "range", 21, 24, 32),
    "contexts_one_frame": ("contexts2", "range", 1, 21, 35),
    "contexts_one_level": ("contexts1", "range", 11, 24, 32),
}


def describe(decoder: Decoder) -> dict[str, Any]:
    """What golden.json keeps of an open file."""
    header = decoder.reader.header
    digest = hashlib.sha256()
    for level in header.parts:
        for chunk in range(header.chunks):
            digest.update(decoder.content(chunk).indices[level].astype("<u2").tobytes())
    return {
        "levels": len(header.parts),
        "size": [header.frames, header.height, header.width],
        "rate": str(header.rate),
        "indices": digest.hexdigest(),
        "frame_means": [round(float(np.mean(frame)), 3) for frame in decoder.frames()],
    }


def make(folder: Path) -> None:
    """Writes bundles, files and golden.json into a new folder."""
    folder.mkdir()
    facts = {}
    for levels in (1, 2):
        save_example(folder / f"levels{levels}.safetensors", levels, contexts=False)
        save_example(folder / f"contexts{levels}.safetensors", levels)
    for name, (of_bundle, mode, frames, height, width) in FILES.items():
        bundle, path = load_model(folder / f"{of_bundle}.safetensors"), folder / f"{name}.msv"
        clip = moving(frames, height, width)
        Encoder(bundle, mode, chunk_frames=8).encode(clip, path, Fraction(30000, 1001), source_size=(320, 240))
        with Decoder(bundle, path) as decoder:
            facts[name] = describe(decoder)
    (folder / "golden.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
