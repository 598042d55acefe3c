"""`envc` with the context model, whose latents are decoded one position after another.

Not run yet; trained as `envc` is.
"""

from dataclasses import replace

from experiments.configs import envc

config = replace(envc.config, name="envc_ar", model=replace(envc.config.model, ar=True))
