"""ENVC for lambda 3072 and 4096: `envc` with more channels.

Not run yet: `python -m experiments.count envc_high` counts it; training is not there.
"""

from dataclasses import replace

from experiments.configs import envc
from vqvae_jax.envc.config import HIGH_RATE

config = replace(envc.config, name="envc_high", model=HIGH_RATE)
