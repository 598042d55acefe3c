"""Small models with weights and tables by an integer formula: a bundle made in a moment, the same for ever."""

import math
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from tests.msvqvae.indices.example_tables import formula_arrays, formula_contexts
from tests.msvqvae.narrow_models import narrow
from vqvae_jax.codec.bundle import WeightType, read_bundle, save_bundle
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import Mode
from vqvae_jax.msvqvae.codec.model import CodecModel
from vqvae_jax.msvqvae.codec.weights import pack_weights
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.indices.context_arrays import ContextArrays
from vqvae_jax.msvqvae.indices.pair_tables import TableArrays
from vqvae_jax.msvqvae.model import Codebooks
from vqvae_jax.msvqvae.start import init_params
from vqvae_jax.quantization.codebook import Codebook
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.state import PyTree

#: By the number of levels: `tiny` and `vqvae3d`, narrow, of clips of 4 frames of 16x16 and 16 codes a level.
MODELS = {1: narrow("vqvae3d"), 2: narrow("tiny")}


def formula(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """float32 of `shape` in [-1, 1): a multiplicative hash of the position (Knuth 6.4), exact in bfloat16."""
    position = np.arange(math.prod(shape), dtype=np.uint64) + np.uint64(1 + 1000 * seed)
    hashed = (position * np.uint64(2654435761)) % np.uint64(2**32) >> np.uint64(25)
    return (hashed.astype(np.float32) / 64 - 1).reshape(shape)


def example_params(model: ModelConfig) -> PyTree:
    """Weights of unit gain; norms at 1."""
    shapes = jax.eval_shape(lambda: init_params(model, jax.random.key(0)))
    leaves = []
    for number, (name, leaf) in enumerate(named_leaves(shapes).items()):
        # A power of two, so that products stay exact in bfloat16.
        gain = 2.0 ** -round(math.log2(max(math.prod(leaf.shape[:-1]), 1)) / 2) if len(leaf.shape) > 1 else 0.125
        leaves.append(
            np.ones(leaf.shape, np.float32) if name.endswith("scale") else gain * 2 * formula(leaf.shape, number)
        )
    return jax.tree.unflatten(jax.tree.structure(shapes), [jnp.asarray(leaf, jnp.float32) for leaf in leaves])


def example_codebooks(model: ModelConfig) -> Codebooks:
    """Codes spread over the cube [-1, 1); every count 1."""
    codebooks = {}
    for seed, (name, level) in enumerate(model.levels.items()):
        embeddings = jnp.asarray(formula((level.codes, level.dim), 7 + seed))
        codebooks[name] = Codebook(embeddings, jnp.ones(level.codes), embeddings.copy(), jnp.ones(()))
    return codebooks


def example_tables(model: ModelConfig) -> dict[str, TableArrays]:
    return {name: formula_arrays(level.codes) for name, level in model.levels.items()}


def example_contexts(model: ModelConfig) -> dict[str, ContextArrays]:
    coarser = dict(zip(model.levels, [0, *(level.codes for level in model.levels.values())], strict=False))
    return {name: formula_contexts(level.codes, coarser[name]) for name, level in model.levels.items()}


def save_example(
    path: Path, levels: int = 2, contexts: bool = True, weights: WeightType = "bfloat16", overwrite: bool = False
) -> str:
    """Writes a bundle, of format 1 without `contexts`; returns its digest."""
    model = MODELS[levels]
    tables = example_contexts(model) if contexts else example_tables(model)
    parts = example_params(model), example_codebooks(model), tables, {"step": 7}
    bundle = pack_weights(f"example-{levels}", model, *parts, weights)
    save_bundle(path, bundle, overwrite)
    return bundle.digest


@cache
def golden_model(levels: int = 2, contexts: bool = True) -> CodecModel:
    """Of the committed bundle, which `save_example` made (see golden/make.py); one for all tests of a process, since
    each compiles anew."""
    name = f"{'contexts' if contexts else 'levels'}{levels}.safetensors"
    return CodecModel(read_bundle(Path(__file__).parent / "golden" / name))


def example_encoder(levels: int = 2, mode: Mode = "range", chunk_frames: int = 8) -> Encoder:
    return Encoder(golden_model(levels), mode, chunk_frames)


def moving(frames: int, height: int = 24, width: int = 32, seed: int = 0) -> np.ndarray:
    """(T, H, W, 3) uint8 by integer arithmetic: blocks that drift over a gradient."""
    t, y, x, c = np.ogrid[:frames, :height, :width, :3]
    blocks = ((x + t // 2 + seed) // 8 * 89 + y // 8 * 57 + c * 31) % 224
    return (blocks + (x + y + t) % 32).astype(np.uint8)
