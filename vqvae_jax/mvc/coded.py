"""Weights and embeddings as a decoder will have them, and their bits, while a fit goes on."""

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.context import embed
from vqvae_jax.mvc.experiment import FitConfig
from vqvae_jax.mvc.quantise import Axis, density_bits, range_bits, through_range, through_step
from vqvae_jax.mvc.weights import Params, decoder_shapes


def axis_of(fit: FitConfig, x: Array) -> Axis:
    """What shares a range in a tensor: a vector has one."""
    return fit.axis if x.ndim > 1 else "tensor"


def rounded(fit: FitConfig, params: Params) -> dict[str, Array]:
    """Weights on the grids of their ranges."""
    return {name: through_range(x, fit.weight_bits, axis_of(fit, x)) for name, x in params.decoder.items()}


def rounded_bits(fit: FitConfig, params: Params) -> Array:
    """Their bits, by the entropies of their numbers: [] float32."""
    return range_bits([(x, axis_of(fit, x)) for x in params.decoder.values()], fit.weight_bits)


def stepped(config: MvcConfig, params: Params) -> dict[str, Array]:
    """Weights on the grids of learned steps."""
    assert params.learned is not None
    steps = zip(decoder_shapes(config), params.learned.log_step, strict=True)
    return {name: through_step(params.decoder[name], log_step) for name, log_step in steps}


def stepped_bits(config: MvcConfig, fit: FitConfig, params: Params, key: Array | None = None) -> Array:
    """Their bits under their densities; with a key, of noise in place of rounding: [] float32."""
    assert params.learned is not None
    tensors = [params.decoder[name] for name in decoder_shapes(config)]

    def each(values_K: Array) -> Array:
        """Of the weights, all in one row: programs that treat tensors one by one take minutes to compile."""
        return jnp.concatenate([jnp.broadcast_to(v, (x.size,)) for v, x in zip(values_K, tensors, strict=True)])

    row = jnp.concatenate([x.reshape(-1) for x in tensors])
    return density_bits(row, jax.tree.map(each, params.learned), fit.density, key)


def scene_embeddings(
    config: MvcConfig, fit: FitConfig, params: Params, context_Thw3: Array
) -> tuple[Array, Array] | None:
    """Of all frames, each channel on the grid of its range, [T, h, w, c]; and their bits by entropy, [] float32."""
    found = embed(config, params.training, context_Thw3, jnp.arange(context_Thw3.shape[0]))
    if found is None:
        return None
    bits = range_bits([(found, "out")], fit.embed_bits)
    return through_range(found, fit.embed_bits, "out"), bits
