"""Which arithmetic is float32 and which may be bfloat16, said in one place.

`compute_dtype` is the type of convolutions and of the VGG trunk. Parameters, optimiser state, normalisation statistics,
losses and everything that touches a codebook stay float32 whatever the policy: EMA steps of 1 % vanish in bfloat16, and
TF32 or bfloat16 distances pick other codes.
"""

from typing import Any, Literal

import jax.numpy as jnp
from jax import Array, lax

DType = Any
DTypeName = Literal["float32", "bfloat16"]

#: Of parameters, optimiser state and codebooks, whatever the policy.
PARAM_DTYPE = jnp.float32

#: For the codebook path and for metrics. Accelerators otherwise round float32 operands to TF32 or bfloat16.
EXACT = lax.Precision.HIGHEST


def compute_dtype(name: DTypeName) -> DType:
    """Type of convolutions and of activations between layers."""
    return jnp.bfloat16 if name == "bfloat16" else jnp.float32


def normalise(clips_u8: Array) -> Array:
    """uint8 RGB [0, 255] -> float32 [0, 1]. The only place where pixels leave uint8; call it on the device."""
    return clips_u8.astype(jnp.float32) / 255.0
