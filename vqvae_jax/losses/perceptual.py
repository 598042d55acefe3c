"""Perceptual loss and distance: l1 between VGG-16 activations (Johnson et al. 2016, with l1 as in arXiv 2512.24547)."""

import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.errors import UserError
from vqvae_jax.losses.vgg import VggFeatures, VggTrunk, features
from vqvae_jax.precision import DType

LAYERS = ("relu1_2", "relu2_2", "relu3_3")


def layer_distances(trunk: VggTrunk, x_BTHWC: Array, x_hat_BTHWC: Array, dtype: DType = jnp.float32) -> Array:
    """Mean |phi(x) - phi(x_hat)| of every layer and clip, over all frames and elements of the layer.

    Args:
      trunk: from `load_vgg`.
      x_BTHWC: RGB in [0, 1]; the target: no gradient flows into it.
      x_hat_BTHWC: same shape, in [0, 1]; gradients flow into it.
      dtype: type of the trunk's convolutions; differences and means are float32 whatever it is.

    Returns:
      [B, 3] float32: relu1_2, relu2_2, relu3_3.

    Raises:
      UserError: if the shapes differ or are not (B, T, H, W, 3).
    """
    if x_BTHWC.shape != x_hat_BTHWC.shape or x_BTHWC.ndim != 5:
        raise UserError(
            f"perceptual: expected two videos of one shape (B, T, H, W, 3), found {x_BTHWC.shape}, {x_hat_BTHWC.shape}"
        )
    target = clip_features(trunk, lax.stop_gradient(x_BTHWC), dtype)
    return feature_distances(lax.stop_gradient(target), clip_features(trunk, x_hat_BTHWC, dtype), x_BTHWC.shape[0])


def clip_features(trunk: VggTrunk, x_BTHWC: Array, dtype: DType = jnp.float32) -> VggFeatures:
    """The trunk's activations for every frame, [B * T, ...]: computed once where many estimates share a target.

    Args:
      x_BTHWC: RGB in [0, 1].
      Others as `layer_distances`.
    """
    return features(trunk, x_BTHWC.reshape(-1, *x_BTHWC.shape[2:]), dtype)


def feature_distances(target: VggFeatures, estimate: VggFeatures, clips: int) -> Array:
    """Mean |target - estimate| of every layer and clip; `layer_distances` of what `clip_features` gave.

    Args:
      clips: B.

    Returns:
      [B, 3] float32: relu1_2, relu2_2, relu3_3.
    """
    distances = []
    for a, b in zip(target, estimate, strict=True):
        error = jnp.abs(b.astype(jnp.float32) - a.astype(jnp.float32))
        distances.append(jnp.mean(error.reshape(clips, -1), axis=1))
    return jnp.stack(distances, axis=-1)


def perceptual_distance(
    trunk: VggTrunk,
    x_BTHWC: Array,
    x_hat_BTHWC: Array,
    layer_divisors: tuple[float, float, float],
    dtype: DType = jnp.float32,
) -> Array:
    """Sum over layers of `layer_distances`, each divided by its divisor, per clip. Smaller is closer; 0 is identical.

    With the layers' mean activations as divisors, 1 a layer means an error as large as the activations themselves.
    The numbers belong to one trunk and one set of divisors: store `trunk.digest` and the divisors beside them, and
    never compare across either.

    Args:
      layer_divisors: of relu1_2, relu2_2, relu3_3; `LossConfig.layer_means` for a reported distance.
      Others as `layer_distances`.

    Returns:
      [B] float32.
    """
    return weighted_sum(layer_distances(trunk, x_BTHWC, x_hat_BTHWC, dtype), layer_divisors)


def weighted_sum(layers: Array, layer_divisors: tuple[float, float, float]) -> Array:
    """[B, 3] of `layer_distances` -> [B]: each layer divided by its divisor, summed."""
    return jnp.sum(layers / jnp.asarray(layer_divisors), axis=-1)


def perceptual_loss(
    trunk: VggTrunk,
    x_BTHWC: Array,
    x_hat_BTHWC: Array,
    layer_divisors: tuple[float, float, float],
    dtype: DType = jnp.float32,
) -> Array:
    """Mean over clips of `perceptual_distance`, [] float32: the unweighted L_perc of training.

    Args:
      layer_divisors: `LossConfig.layer_divisors`: mean activations, or 1 with `gamma_rule="literal"`.
    """
    return jnp.mean(perceptual_distance(trunk, x_BTHWC, x_hat_BTHWC, layer_divisors, dtype))


def frame_sample(x_BTHWC: Array, count: int, step: Array | int) -> Array:
    """`count` evenly spread frames of each clip; T / count steps in a row see every frame once.

    Args:
      count: divides T; 0 for all frames.
      step: [] int, of training.

    Returns:
      [B, count, H, W, C]
    """
    batch, frames = x_BTHWC.shape[:2]
    if count in (0, frames):
        return x_BTHWC
    groups = x_BTHWC.reshape(batch, count, frames // count, *x_BTHWC.shape[2:])
    return lax.dynamic_index_in_dim(groups, step % (frames // count), axis=2, keepdims=False)
