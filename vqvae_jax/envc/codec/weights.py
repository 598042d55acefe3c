"""What a bundle of this family holds: configuration, weights, tables of the factorized latents."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np

from vqvae_jax.codec.bundle import (
    NAMED,
    Bundle,
    WeightType,
    any_tensor,
    checked_tensor,
    make_bundle,
    pack_weight,
    unpack_weight,
)
from vqvae_jax.config import check, from_dict, to_dict
from vqvae_jax.envc.codec.layout import FAMILY
from vqvae_jax.envc.codec.tables import channel_tables, check_tables
from vqvae_jax.envc.coding import init_params
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.errors import UserError
from vqvae_jax.training.digests import named_leaves, nested
from vqvae_jax.training.state import PyTree

#: Of each factorized prior, by the name of its tables: where its weights are.
PRIORS = {"intra_z": ("intra", "prior_z"), "inter_z": ("inter", "prior_rz"), "inter_m": ("inter", "prior_m")}

#: Channels, heads, samples: before shapes of weights are made of what a file says.
MOST = 4096


class Weights(NamedTuple):
    """A model's parts as the codec uses them."""

    config: EnvcConfig  # that computes in float32, whatever it was trained in
    params: PyTree  # float32
    tables: dict[str, np.ndarray]  # see `PRIORS`; m has none with a context model


def pack_weights(
    name: str, config: EnvcConfig, params: PyTree, origin: Mapping[str, Any], weights: WeightType
) -> Bundle:
    """The bundle of a model. Weights of factorized priors are few, and stored as they are."""
    leaves, priors = named_leaves(params), tuple("/".join((*path, "")) for path in PRIORS.values())
    tensors = {
        f"weights/{leaf}": pack_weight(value, "float32" if leaf.startswith(priors) else weights)
        for leaf, value in leaves.items()
    }
    for table, (model, prior) in _priors(config).items():
        tensors[f"tables/{table}"] = channel_tables(params[model][prior])
    return make_bundle(name, FAMILY, NAMED, {"model": to_dict(config)}, tensors, origin, weights)


def unpack_weights(bundle: Bundle) -> Weights:
    """The model that a bundle holds.

    Raises:
      UserError: if its configuration is none of this family, or a tensor does not fit it; names the field or tensor.
    """
    if set(bundle.config) != {"model"}:
        raise UserError(f"its configuration is no {FAMILY} model's")
    config = from_dict(EnvcConfig, bundle.config["model"], "model")
    for field in ("intra_width", "intra_latents", "width", "latents", "heads", "points"):
        check(getattr(config, field) <= MOST, f"model.{field}", getattr(config, field), f"at most {MOST} in a bundle")
    expected = {f"weights/{name}": shape for name, shape in weight_shapes(config).items()}
    leaves = {key: unpack_weight(bundle.tensors[key]) for key in expected if key in bundle.tensors}
    named = {key.removeprefix("weights/"): checked_tensor(leaves, key, shape) for key, shape in expected.items()}
    tables = {
        name: check_tables(f"tables/{name}", any_tensor(bundle.tensors, f"tables/{name}"), len(named[f"{path}/bias_0"]))
        for name, path in ((name, "/".join(path)) for name, path in _priors(config).items())
    }
    if others := set(bundle.tensors) - set(expected) - {f"tables/{name}" for name in tables}:
        raise UserError(f"tensor {min(others)}: no part of this model")
    return Weights(replace(config, dtype="float32"), jax.device_put(nested(named)), tables)


@cache
def weight_shapes(config: EnvcConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of `coding.init_params` by path."""
    shapes = jax.eval_shape(lambda: init_params(config, jax.random.key(0)))
    return {name: leaf.shape for name, leaf in named_leaves(shapes).items()}


def _priors(config: EnvcConfig) -> dict[str, tuple[str, str]]:
    return {name: path for name, path in PRIORS.items() if not (config.ar and name == "inter_m")}
