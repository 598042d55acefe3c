"""ENVC for lambda 3072 and 4096: `envc` with more channels.

Not run yet; trained as `envc` is.
"""

from dataclasses import replace

from experiments.configs import envc
from vqvae_jax.envc.config import HIGH_RATE

config = replace(envc.config, name="envc_high", model=HIGH_RATE, loss=replace(envc.config.loss, lagrangian=3072.0))
