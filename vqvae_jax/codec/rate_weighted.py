"""Windows of frames to the indices that are worth their bits (see `index_choice`)."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.codec.bundle import Bundle, context_models
from vqvae_jax.codec.index_choice import choose
from vqvae_jax.codec.payload import Indices
from vqvae_jax.codec.tokenizer import check_frames, pad_to_multiple
from vqvae_jax.msvqvae.model import MSVQVAE, Codebooks
from vqvae_jax.precision import normalise
from vqvae_jax.quantization.codebook import lookup, quantize
from vqvae_jax.training.state import PyTree


class RateWeighted:
    """A bundle's encoder that trades distortion for bits.

    Args:
      bundle: of `load_bundle`.
      weight: of a bit, above 0, in units of the mean squared distance between a chunk's vectors and their nearest
        codes. 0 would be the nearest codes, which `Tokenizer.encode` gives at less cost.

    Raises:
      UserError: if the bundle is of format 1, whose tables say too little of what a symbol costs.
    """

    def __init__(self, bundle: Bundle, weight: float) -> None:
        self.bundle, self.weight, self.models = bundle, weight, context_models(bundle)
        model = MSVQVAE(replace(bundle.model, dtype="float32"))
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
        params, books, models = self.bundle.params, self.bundle.codebooks, self.models
        padded = pad_to_multiple(window_THWC, self.bundle.model.multiple)
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
