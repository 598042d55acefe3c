"""ENVC for lambda 512, 1024 and 2048, without a context model.

Not run yet: `python -m experiments.count envc` counts it; training is not there.
"""

from vqvae_jax.envc.experiment import Experiment

config = Experiment()
