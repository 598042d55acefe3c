"""Decodes a file with a bundle and nothing else: latents and references of its frames, for another process to compare.

python -m tests.envc.codec.decode_alone BUNDLE FILE OUT.npz
"""

import sys

import numpy as np

from tests.envc.codec.coded_envc import Seen
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.families import load_model


def main(bundle: str, path: str, out: str) -> None:
    seen, found = Seen(), {}
    with Decoder(load_model(bundle), path) as decoder:
        found["shown"] = np.stack(list(decoder.frames()))
        frames = [latents for chunk in range(decoder.reader.chunk_count) for latents, _ in decoder.content(chunk)[0]]
    for number, latents in enumerate(frames):
        found |= {f"{number}_{part}": values for part, values in latents._asdict().items()}
    np.savez(out, references=np.concatenate(seen.references), **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
