"""Weights as tensors of a bundle, and back: trees of float32 arrays, stored as they are or as bfloat16."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from vqvae_jax.codec.bundle import WeightType
from vqvae_jax.errors import UserError
from vqvae_jax.training.digests import named_leaves, nested
from vqvae_jax.training.state import PyTree

BELOW = "weights/"  # paths of a bundle's weights


def pack_tree(params: PyTree, weights: WeightType, exact: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """The leaves of nested dictionaries as a bundle's tensors; below paths that begin like `exact`, as they are."""
    return {
        f"{BELOW}{name}": pack_weight(leaf, "float32" if name.startswith(exact) else weights)
        for name, leaf in named_leaves(params).items()
    }


def unpack_tree(
    tensors: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> dict[str, np.ndarray]:
    """All weights among a bundle's tensors as float32, by their path in the tree.

    Args:
      tensors: of the bundle.
      shapes: of the model's weights, by path; without them any will do.

    Raises:
      UserError: names one that is no float, not finite, or none of the model's.
    """
    found = {name.removeprefix(BELOW): unpack_weight(t) for name, t in tensors.items() if name.startswith(BELOW)}
    return fitting(found, {name: array.shape for name, array in found.items()} if shapes is None else shapes)


def fitting(named: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights by their path, if they are those of a model.

    Raises:
      UserError: names the first that is missing, of another shape, or one too many.
    """
    found = {f"{BELOW}{name}": array for name, array in named.items()}
    checked = {name: checked_tensor(found, f"{BELOW}{name}", shape) for name, shape in shapes.items()}
    if others := [name for name in named if name not in checked]:
        raise UserError(f"tensor {BELOW}{others[0]}: no part of this model")
    return checked


def on_device(named: Mapping[str, np.ndarray]) -> PyTree:
    """The tree of weights by their path.

    Raises:
      UserError: if one path goes on where another one ends.
    """
    try:
        return jax.device_put(nested(named))
    except ValueError as error:
        raise UserError(f"tensor {BELOW}{error}") from error


def rounded_tree(params: PyTree, weights: WeightType) -> PyTree:
    """Weights as a bundle gives them back."""
    return jax.tree.map(lambda leaf: jnp.asarray(unpack_weight(pack_weight(leaf, weights))), params)


def pack_weight(leaf: Any, weights: WeightType) -> np.ndarray:
    """A float array as a bundle stores it: float32, or bfloat16 as the uint16 that safetensors can hold."""
    array = np.asarray(leaf, np.float32)
    return array.astype(ml_dtypes.bfloat16).view(np.uint16) if weights == "bfloat16" else array


def unpack_weight(array: np.ndarray) -> np.ndarray:
    """The inverse: bfloat16 becomes float32; any other array is returned as it is."""
    return array.view(ml_dtypes.bfloat16).astype(np.float32) if array.dtype == np.uint16 else array


def checked_tensor(tensors: Mapping[str, np.ndarray], key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor `key`.

    Raises:
      UserError: if it is missing, or not float32 of `shape` with finite values.
    """
    array = any_tensor(tensors, key)
    if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
        raise UserError(f"tensor {key} is not float32{list(shape)} of finite values")
    return array


def any_tensor(tensors: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    """The tensor `key`, or a `UserError` that it is missing."""
    if key not in tensors:
        raise UserError(f"tensor {key} is missing")
    return tensors[key]
