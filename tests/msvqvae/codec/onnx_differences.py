"""How far ONNX files of bundles are from JAX: `python -m tests.msvqvae.codec.onnx_differences NAME...`."""

import sys

import numpy as np
import onnxruntime

from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.msvqvae.codec.model import CodecModel
from vqvae_jax.msvqvae.codec.onnx_decoder import onnx_decoder
from vqvae_jax.packaged import packaged


def main(names: list[str]) -> None:
    """Prints a line for each bundle: frames of the clip's size, blocks of random colours."""
    blocks = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), np.uint8)
    frames = np.kron(blocks, np.ones((2, 8, 8, 1), np.uint8))
    for name in names:
        bundle = read_bundle(packaged()[name])
        content, model = onnx_decoder(bundle), CodecModel(bundle)
        indices = model.encode(frames)
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {level: grid.astype(np.int64) for level, grid in indices.items()})
        apart = np.abs(found - model.decode(indices).astype(int))
        print(f"{name}: {len(content):,} bytes; {np.sum(apart > 0)} of {apart.size:,} values differ, by {apart.max()}")


if __name__ == "__main__":
    main(sys.argv[1:])
