"""Which codes to send: those with the least distortion + weight x bits, not simply the nearest.

An index that repeats the one a step earlier costs a fraction of a bit, another one several; a vector between two
codes flickers from one to the other for no gain in quality. For every position of a grid the cheapest path through time
among a few candidates is found by dynamic programming (Viterbi 1967; for video Ramchandran et al. 1994, "trellis
quantisation"). It is the optimum for one position with everything around it, and the distribution of a changed index,
as they were in the pass before; positions do not bargain with each other. A decoder knows nothing of this.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.codec.interface import Indices
from vqvae_jax.codec.pictures import check_frames
from vqvae_jax.msvqvae.codec.tokenizer import pad_to_multiple
from vqvae_jax.msvqvae.codec.weights import Weights
from vqvae_jax.msvqvae.indices.bit_costs import bit_costs
from vqvae_jax.msvqvae.indices.context_model import ContextModel
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.precision import EXACT, normalise
from vqvae_jax.quantization.codebook import Codebook, Codebooks, first_least, lookup, quantize
from vqvae_jax.training.state import PyTree

NEAR = 8  # candidates at each step: so many nearest codes ...
STEPS = 16  # ... and the nearest codes of so many steps around it, so that memory does not grow with a chunk's length
PASSES = 2  # contexts are those of the grid before the pass
AT_ONCE = 4096  # positions


def choose(
    codebook: Codebook, model: ContextModel, z_THWD: Array, coarse_THW: np.ndarray | None, weight: float
) -> np.ndarray:
    """Indices of one chunk's level.

    Args:
      codebook: of the level.
      model: by which the indices will be coded.
      z_THWD: vectors before quantisation.
      coarse_THW: indices of the coarser level, as they will be sent.
      weight: of a bit, above 0; in units of the chunk's mean squared distance between vectors and nearest codes.

    Returns:
      int32 [T, H, W].
    """
    shape = steps, *picture = z_THWD.shape[:3]
    positions = picture[0] * picture[1]
    nearest, codes, errors = candidates(codebook.embeddings, z_THWD.reshape(steps, positions, codebook.dim))
    grid = np.asarray(nearest).reshape(shape)
    offered = np.asarray(codes).transpose(1, 0, 2).reshape(*shape, -1)
    for _ in range(PASSES):
        bits = bit_costs(model, grid, coarse_THW, offered)
        repeat, change = (flag.reshape(steps - 1, positions).T for flag in (bits.repeat, bits.change))
        symbol = bits.symbol.reshape(steps, positions, -1).transpose(1, 0, 2)
        grid = np.asarray(best_paths(codes, errors, symbol, repeat, change, jnp.float32(weight))).T.reshape(shape)
    return grid


@jax.jit
def candidates(embeddings_KD: Array, z_TPD: Array) -> tuple[Array, Array, Array]:
    """Codes that a position may send at each step.

    Returns:
      nearest: [T, P] int32.
      codes: [P, T, C] int32: the `NEAR` nearest of the step, and the nearest of `STEPS` steps around it.
      errors: [P, T, C] float32, squared distances in units of their mean over nearest codes.
    """
    steps, positions, dim = z_TPD.shape
    # As `quantize`: seen from the codebook's mean, so that near-ties are not lost in rounding.
    mean = jnp.mean(embeddings_KD, axis=0)
    embeddings, z = embeddings_KD - mean, z_TPD.astype(jnp.float32) - mean
    squares = jnp.sum(jnp.square(embeddings), axis=-1)
    count = min(NEAR, len(embeddings))

    def near(vector: Array) -> Array:
        return lax.top_k(2.0 * jnp.einsum("d,kd->k", vector, embeddings, precision=EXACT) - squares, count)[1]

    def distances(vector_and_codes: tuple[Array, Array]) -> Array:
        vector, codes = vector_and_codes
        return jnp.sum(jnp.square(vector - embeddings[codes]), axis=-1)

    found = lax.map(near, z.reshape(-1, dim), batch_size=AT_ONCE).reshape(steps, positions, count)
    nearest = found[..., 0]
    around = min(STEPS, steps)
    begin = jnp.clip(jnp.arange(steps) - around // 2, 0, steps - around)
    of_other_steps = nearest.T[:, begin[:, None] + jnp.arange(around)]
    codes = jnp.concatenate([found.transpose(1, 0, 2), of_other_steps], axis=-1)
    flat = z.transpose(1, 0, 2).reshape(-1, dim), codes.reshape(-1, codes.shape[-1])
    errors = lax.map(distances, flat, batch_size=AT_ONCE).reshape(codes.shape)
    return nearest, codes, errors / jnp.maximum(jnp.mean(errors[..., 0]), 1e-12)


@jax.jit
def best_paths(
    codes_PTC: Array,
    errors_PTC: Array,
    symbol_PTC: Array,
    repeat_PT: Array,
    change_PT: Array,
    weight: Array,
) -> Array:
    """For each position the codes with the least sum of error + weight x bits over time.

    Args:
      codes_PTC, errors_PTC: candidates and their errors.
      symbol_PTC: bits of the candidates where they do not repeat; in the first step none does.
      repeat_PT, change_PT: bits of saying that a later step repeats, or not; [P, T - 1].

    Returns:
      [P, T] int32.
    """

    def path(position: tuple[Array, ...]) -> Array:
        codes, errors, symbol, repeat, change = position

        def forward(cost: Array, now: tuple[Array, ...]) -> tuple[Array, Array]:
            before, after, error, symbol, repeat, change = now
            bits = jnp.where(before[:, None] == after[None], repeat, change + symbol[None])
            total = cost[:, None] + weight * bits
            return jnp.min(total, axis=0) + error, first_least(total.T)

        begin = errors[0] + weight * symbol[0]
        cost, origins = lax.scan(forward, begin, (codes[:-1], codes[1:], errors[1:], symbol[1:], repeat, change))
        last = first_least(cost)

        def backward(chosen: Array, origin: Array) -> tuple[Array, Array]:
            return origin[chosen], origin[chosen]

        _, earlier = lax.scan(backward, last, origins, reverse=True)
        chosen = jnp.append(earlier, last)
        return jnp.take_along_axis(codes, chosen[:, None], axis=1)[:, 0]

    return lax.map(path, (codes_PTC, errors_PTC, symbol_PTC, repeat_PT, change_PT), batch_size=AT_ONCE)


class RateWeighted:
    """An encoder that trades distortion for bits.

    Args:
      weights: of the model.
      models: of the entropy coder, by level (`context_models`).
      weight: of a bit, above 0, in units of the mean squared distance between a chunk's vectors and their nearest
        codes. 0 would be the nearest codes, which `Tokenizer.encode` gives at less cost.
    """

    def __init__(self, weights: Weights, models: Mapping[str, ContextModel], weight: float) -> None:
        self.weights, self.models, self.weight = weights, models, weight
        model = MSVQVAE(replace(weights.config, dtype="float32"))
        self._first = jax.jit(partial(_first_vectors, model))
        self._bottom = jax.jit(partial(_bottom_vectors, model))

    def encode(self, window_THWC: np.ndarray, own: dict[str, slice]) -> Indices:
        """Indices of a window's own steps; those before and after are only looked at.

        Args:
          window_THWC: (T, H, W, 3) uint8 RGB; edges are repeated up to the model's multiple.
          own: by level, the steps to choose.

        Returns:
          By level, coarse first, int32 [t, h, w].

        Raises:
          UserError: if the array is not of that form.
        """
        check_frames(window_THWC)
        config, params, books, _ = self.weights
        models = self.models
        padded = pad_to_multiple(window_THWC, config.multiple)
        features, z_t = self._first(params, jnp.asarray(padded)[None])
        indices: Indices = {}
        top = coarse = None
        if z_t is not None:
            coarse = choose(books["top"], models["top"], z_t[0, own["top"]], None, self.weight)
            indices["top"] = coarse
            # Beyond the chunk its neighbours' codes are not known; the nearest stand for them.
            top = quantize(books["top"], z_t).indices.at[0, own["top"]].set(coarse)
        z_b = self._bottom(params, books, features, top)
        indices["bottom"] = choose(books["bottom"], models["bottom"], z_b[0, own["bottom"]], coarse, self.weight)
        return indices


def _first_vectors(model: MSVQVAE, params: PyTree, clips_BTHWC: Array) -> tuple[Array, Array | None]:
    """Features, and the top's vectors if there is a top."""
    bound = model.bind(params)
    h_b = bound.encode_features(normalise(clips_BTHWC))
    return h_b, bound.encode_top(h_b) if model.config.top is not None else None


def _bottom_vectors(model: MSVQVAE, params: PyTree, codebooks: Codebooks, h_b: Array, top_BTHW: Array | None) -> Array:
    """The bottom's vectors beside the top that is sent."""
    bound = model.bind(params)
    d_t = None if top_BTHW is None else bound.decode_top(lookup(codebooks["top"], top_BTHW))
    return bound.encode_bottom(h_b, d_t)
