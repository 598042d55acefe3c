"""What multiplies the perceptual loss so that gamma means the same for every trunk and every reduction."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.errors import UserError
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.perceptual import perceptual_loss
from vqvae_jax.losses.terms import RECONSTRUCTIONS
from vqvae_jax.losses.vgg import VggTrunk


class GradientNorms(NamedTuple):
    """Euclidean norms of the unweighted losses' gradients with respect to the reconstruction."""

    reconstruction: Array  # [] float32
    perceptual: Array  # [] float32


def gradient_norms(config: LossConfig, trunk: VggTrunk, x_BTHWC: Array, x_hat_BTHWC: Array) -> GradientNorms:
    """Norms of d L_recon / d x_hat and d L_perc / d x_hat. Their ratio does not depend on the batch size.

    Args:
      x_BTHWC: clips in [0, 1].
      x_hat_BTHWC: the model's reconstruction of them, same shape.
    """
    x_hat = x_hat_BTHWC.astype(jnp.float32)
    by_reconstruction = jax.grad(lambda y: RECONSTRUCTIONS[config.reconstruction](x_BTHWC, y))(x_hat)
    by_perceptual = jax.grad(lambda y: perceptual_loss(trunk, x_BTHWC, y, config.layer_divisors))(x_hat)
    return GradientNorms(jnp.linalg.norm(by_reconstruction.ravel()), jnp.linalg.norm(by_perceptual.ravel()))


def matched_weight(reconstruction_grad_norm: float, perceptual_grad_norm: float, gamma: float) -> float:
    """gamma |d L_recon / d x_hat| / |d L_perc / d x_hat|: with it the perceptual gradient is gamma times the other.

    A host function, called once at the start of a run; log its result and keep it in the training state.

    Raises:
      UserError: if a norm is zero or not finite while gamma > 0: no weight can then match the two.
    """
    if gamma == 0:
        return 0.0
    norms = {"reconstruction": float(reconstruction_grad_norm), "perceptual": float(perceptual_grad_norm)}
    for name, norm in norms.items():
        if not math.isfinite(norm) or norm <= 0:
            raise UserError(
                f"loss.gamma_rule=matched: the {name} gradient has norm {norm} at the start of training, so no weight "
                "matches the two; check data and weights, or use loss.gamma_rule=literal"
            )
    return gamma * norms["reconstruction"] / norms["perceptual"]


def perceptual_weight(config: LossConfig, norms: GradientNorms | None) -> float:
    """What multiplies L_perc in the objective: by `config.gamma_rule`; 0 if gamma is 0.

    Args:
      norms: needed for gamma_rule="matched" with gamma > 0, ignored otherwise.
    """
    if config.gamma == 0 or config.gamma_rule == "literal":
        return config.gamma
    if norms is None:
        raise ValueError("gamma_rule='matched' needs the gradient norms at the start of training")
    return matched_weight(float(norms.reconstruction), float(norms.perceptual), config.gamma)
