"""`envc` with the context model, whose latents are decoded one position after another.

Not run yet: `python -m experiments.count envc_ar` counts it; training is not there.
"""

from dataclasses import replace

from experiments.configs import envc

config = replace(envc.config, name="envc_ar", model=replace(envc.config.model, ar=True))
