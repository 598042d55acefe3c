"""Weights of modules, found without tracing how they were made."""

import flax.linen as nn
from flax.errors import ScopeParamShapeError
from jax import Array

from vqvae_jax.precision import PARAM_DTYPE


def weight(module: nn.Module, name: str, init: nn.initializers.Initializer, shape: tuple[int, ...]) -> Array:
    """`module.param(name, init, shape)`, but its shape is compared without tracing the initialiser once more, which
    takes longer than to trace the convolution.

    Raises:
      ScopeParamShapeError: if the weight is there in another shape.
    """
    if not module.has_variable("params", name):
        return module.param(name, init, shape, PARAM_DTYPE)
    found: Array = module.get_variable("params", name)
    if found.shape != shape:
        raise ScopeParamShapeError(name, "/".join(module.path), found.shape, shape)
    return found
