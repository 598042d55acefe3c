"""The transform for one unit at a time: what `codec.model` runs, imported only where it must be compiled."""

import jax
import jax.numpy as jnp
from jax import Array

from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.ntc.codec.model import Carried
from vqvae_jax.ntc.config import NtcConfig
from vqvae_jax.ntc.model import NTC, Carry, Context, seen_motion
from vqvae_jax.precision import normalise
from vqvae_jax.training.state import PyTree


def encode(
    config: NtcConfig,
    params: PyTree,
    unit_THWC: Array,
    anchor_HWC: Array,
    known: Array,
    carried: Carried,
    rate_B: Array,
) -> Array:
    """Latents before rounding: float32 [h, w, M].

    Args:
      config: of the model.
      params: of its transform.
      unit_THWC: four frames, uint8.
      anchor_HWC: the frame before them.
      known: whether there was a unit before, whose `carried` counts.
      carried: of the unit before.
      rate_B: rate number, [1].
    """
    model = NTC(config).bind({"params": params})
    x = 2.0 * normalise(unit_THWC[None]) - 1.0
    seen = seen_motion(config, x, 2.0 * normalise(anchor_HWC[None]) - 1.0)
    seen = seen.at[:, 0].set(jnp.where(known, seen[:, 0], 0.0))
    return model.encode(model.analyse(x, seen), _context(model, known, carried), rate_B)[0]


def decode(
    config: NtcConfig, params: PyTree, q_hwM: Array, known: Array, carried: Carried, rate_B: Array
) -> tuple[Array, Array, Array]:
    """Frames uint8 [4, H, W, 3] of whole latents, and what is carried on; arguments as for `encode`."""
    model = NTC(config).bind({"params": params})
    decoded, carry = model.decode(q_hwM[None], _context(model, known, carried), rate_B)
    return to_uint8((decoded.frames + 1.0) / 2.0)[0], *carry


def _context(model: NTC, known: Array, carried: Carried) -> Context:
    carry = Carry(*carried)
    start = model.start(*carry.last.shape[:3])
    return model.context(jax.tree.map(lambda new, old: jnp.where(known, old, new), start, carry))
