"""SFCM: what the last features say of motion, where the mask says that it counts (equations 9 to 11).

The mask may say that nothing counts: flow and entropy terms are then 0 at once, and the mechanism is off. `guard` has
ways against it; the mean of the mask tells.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.mvc.blocks import Weights, convolution

Guard = Literal["none", "normalise", "floor"]

FLOOR = 0.5  # of the mask's mean
LEAST_MEAN = 1e-3  # that a flow term is divided by


class FlowTerms(NamedTuple):
    """Of each frame, [B] float32; 0 of flow and guard at frame 0, which follows none."""

    flow: Array
    entropy: Array
    guard: Array
    mask: Array  # mean of W1


def flow_terms(
    training: Weights,
    features_BHWC: Array,
    targets_BHW4: Array,
    numbers_B: Array,
    guard: Guard,
    regularised: bool = True,
) -> FlowTerms:
    """The terms of frames with these features.

    Args:
      training: weights of the heads `flow` and `mask`.
      features_BHWC: Z_t.
      targets_BHW4: (dx, dy) from frame t - 1 to t, then from t to t - 1; in the unit of the head.
      numbers_B: t.
      guard: none, as in the paper; `normalise` divides by the mask's mean, so that nothing is gained by a small mask;
        `floor` asks for a mean of a half.
      regularised: without, the mask is 1 everywhere (equation 9).
    """
    follows = (numbers_B > 0).astype(jnp.float32)
    found = convolution(training, "flow", features_BHWC)
    if not regularised:
        ones = jnp.ones(found.shape[0])
        return FlowTerms(follows * masked_error(found, targets_BHW4, jnp.float32(1.0)), 0 * ones, 0 * ones, ones)
    weights = jax.nn.softmax(convolution(training, "mask", features_BHWC), axis=-1)
    mask = weights[..., 1:]
    mean = jnp.mean(mask, axis=(1, 2, 3))
    flow, extra = masked_error(found, targets_BHW4, mask), jnp.zeros_like(mean)
    if guard == "normalise":
        flow = flow / (mean + LEAST_MEAN)
    elif guard == "floor":
        extra = jax.nn.relu(FLOOR - mean)
    return FlowTerms(follows * flow, mask_entropy(weights), follows * extra, mean)


def masked_error(found_BHW4: Array, targets_BHW4: Array, mask_BHW1: Array) -> Array:
    """mean |W1 (O - target)| of the one direction and of the other, summed: [B]."""
    error = jnp.abs(mask_BHW1 * (found_BHW4 - targets_BHW4.astype(jnp.float32)))
    return 2.0 * jnp.mean(error, axis=(1, 2, 3))  # the mean over four channels is half of the sum of two means


def mask_entropy(weights_BHW2: Array) -> Array:
    """Mean entropy of the mask in nats: [B]."""
    return -jnp.mean(jnp.sum(weights_BHW2 * jnp.log(weights_BHW2 + 1e-8), axis=-1), axis=(1, 2))
