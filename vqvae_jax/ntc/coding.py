"""A clip through the transform, unit by unit, and what its latents cost."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.ntc.config import SLICES, UNIT, NtcConfig
from vqvae_jax.ntc.model import NTC, Carry, Decoded, seen_motion
from vqvae_jax.ntc.prior import Belief, Prior, bits
from vqvae_jax.ntc.rounding import rounded
from vqvae_jax.target import platform
from vqvae_jax.training.state import PyTree


class Coded(NamedTuple):
    """A group of pictures on its way through the model."""

    frames: Array  # [B, T, H, W, 3] float32, nominally in [-1, 1], not clipped
    y: Array  # [B, U, h, w, M] float32, latents before rounding, in steps of the quantiser
    q: Array  # [B, U, h, w, M] float32, rounded; their gradient is that of `y`
    prediction: Array  # [B, T, H, W, 3], see `model.Decoded`
    flow: Array  # [B, T, H / 4, W / 4, 2], how
    hints: Array  # [B, T, H / 4, W / 4, K], of `seen_motion`


@partial(jax.jit, static_argnums=0)
def init_params(config: NtcConfig, key: Array) -> PyTree:
    """Fresh weights, {"transform": ..., "prior": ...}. They do not depend on the clip's size."""
    transform_key, prior_key = jax.random.split(key)
    x, rate = jnp.zeros((1, UNIT, 8, 8, 3)), jnp.zeros((1,), jnp.int32)
    q = jnp.zeros((1, 1, 1, config.latents))
    transform = NTC(config).init(transform_key, x, rate)["params"]
    return {"transform": transform, "prior": Prior(config).init(prior_key, q, q, q, rate)["params"]}


def code(config: NtcConfig, params: PyTree, x_BTHWC: Array, rate_B: Array) -> Coded:
    """One group of pictures, encoded and decoded.

    Args:
      config: the model.
      params: of `init_params`.
      x_BTHWC: frames in [-1, 1], whole units.
      rate_B: rate numbers.
    """
    bound = NTC(config).bind({"params": params["transform"]})
    seen = seen_motion(config, x_BTHWC)
    analysed = bound.analyse(x_BTHWC, seen)
    batch, slices, *grid = analysed.shape
    by_unit = jnp.moveaxis(analysed.reshape(batch, slices // SLICES, SLICES, *grid), 1, 0)

    def one(carry: Carry, analysed: Array) -> tuple[Carry, tuple[Decoded, Array, Array]]:
        model = NTC(config).bind({"params": params["transform"]})
        context = model.context(carry)
        y = model.encode(analysed, context, rate_B)
        q = rounded(y)
        decoded, carry = model.decode(q, context, rate_B)
        return carry, (decoded, y, q)

    _, found = each_unit(config, one, bound.start(batch, *x_BTHWC.shape[2:4]), by_unit)
    decoded, y, q = jax.tree.map(lambda part: jnp.moveaxis(part, 0, 1), found)
    frames, prediction, flow = (part.reshape(*x_BTHWC.shape[:2], *part.shape[3:]) for part in decoded)
    return Coded(frames, y, q, prediction, flow, seen)


def synthesise(config: NtcConfig, params: PyTree, q_BUhwM: Array, rate_B: Array) -> Array:
    """Frames of a group of pictures from its latents: [B, T, H, W, 3] float32, nominally in [-1, 1]."""
    batch, units, height, width, _ = q_BUhwM.shape

    def one(carry: Carry, q: Array) -> tuple[Carry, Array]:
        model = NTC(config).bind({"params": params["transform"]})
        decoded, carry = model.decode(q, model.context(carry), rate_B)
        return carry, decoded.frames

    start = NTC(config).bind({"params": params["transform"]}).start(batch, height * 8, width * 8)
    _, frames = each_unit(config, one, start, jnp.moveaxis(q_BUhwM, 1, 0))
    return jnp.moveaxis(frames, 0, 1).reshape(batch, units * UNIT, height * 8, width * 8, 3)


def each_unit(config: NtcConfig, one: Callable[[Any, Any], Any], carry: Any, units: Array) -> Any:
    """`lax.scan` over the leading axis of `units`, written out where a scan is slow."""
    if config.recurrence == "scan" or (config.recurrence == "auto" and platform() != "cpu"):
        return lax.scan(one, carry, units)
    found = []
    for unit in units:
        carry, out = one(carry, unit)
        found.append(out)
    return carry, jax.tree.map(lambda *parts: jnp.stack(parts), *found)


def latent_bits(config: NtcConfig, params: PyTree, q_BUhwM: Array, y_BUhwM: Array, rate_B: Array) -> Array:
    """Bits of every latent, [B, U, h, w, M] float32.

    Args:
      config: the model.
      params: of `init_params`.
      q_BUhwM: whole latents, the contexts.
      y_BUhwM: whose bits they are: the same, or with noise.
      rate_B: rate numbers.
    """
    return bits(beliefs(config, params, q_BUhwM, rate_B), y_BUhwM)


def beliefs(config: NtcConfig, params: PyTree, q_BUhwM: Array, rate_B: Array) -> Belief:
    """What the prior says of every latent of a group of pictures, each [B, U, h, w, M], by those coded before it."""
    batch, units, *grid = q_BUhwM.shape
    padded = jnp.pad(q_BUhwM, ((0, 0), (2, 0), (0, 0), (0, 0), (0, 0)))
    before, earlier = padded[:, 1:-1], padded[:, :-2]
    flat = [part.reshape(batch * units, *grid) for part in (before, earlier, q_BUhwM)]
    belief = Prior(config).apply({"params": params["prior"]}, *flat, jnp.repeat(rate_B, units))
    return jax.tree.map(lambda part: part.reshape(q_BUhwM.shape), cast(Belief, belief))
