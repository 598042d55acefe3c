"""What the model costs: parameters and multiply-accumulates. Counted, not estimated."""

from dataclasses import replace

import jax
import jax.numpy as jnp

from vqvae_jax.layers.kinds import Triple
from vqvae_jax.ntc.coding import code, init_params, latent_bits, synthesise
from vqvae_jax.ntc.config import UNIT, NtcConfig
from vqvae_jax.training.macs import macs
from vqvae_jax.training.state import parameter_count
from vqvae_jax.training.task import Cost


class NtcCost(Cost):
    """The encoder runs the decoder: its operations hold the decoder's."""

    @property
    def forward_macs(self) -> int:
        return self.encoder_macs


def cost(config: NtcConfig, clip: Triple | None = None) -> NtcCost:
    """Counts a model without running it; the encoder's operations include its decoder's, the prior counts in both.

    Args:
      config: the model.
      clip: frames, height, width; the configuration's training clip by default.
    """
    frames, height, width = clip or config.clip
    config.check_size((frames, height, width), "count")
    plain = replace(config, lowering="direct", dtype="float32", recurrence="unroll")
    params = jax.eval_shape(lambda: init_params(plain, jax.random.key(0)))
    x = jax.ShapeDtypeStruct((1, frames, height, width, 3), jnp.float32)
    q = jax.ShapeDtypeStruct((1, frames // UNIT, height // 8, width // 8, config.latents), jnp.float32)
    rate = jax.ShapeDtypeStruct((1,), jnp.int32)
    prior = macs(lambda params, q, rate: latent_bits(plain, params, q, q, rate), params, q, rate)
    return NtcCost(
        parameters=parameter_count(params),
        encoder_macs=prior + macs(lambda params, x, rate: code(plain, params, x, rate).q, params, x, rate),
        decoder_macs=prior + macs(lambda params, q, rate: synthesise(plain, params, q, rate), params, q, rate),
    )
