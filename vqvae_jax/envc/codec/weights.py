"""What a bundle of this family holds: configuration, weights, tables of the factorized latents."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np

from vqvae_jax.codec.bundle import NAMED, Bundle, WeightType, make_bundle
from vqvae_jax.codec.tensors import BELOW, any_tensor, on_device, pack_tree, unpack_tree
from vqvae_jax.config import check, from_dict, to_dict
from vqvae_jax.envc.codec.layout import FAMILY
from vqvae_jax.envc.codec.tables import channel_tables, check_tables
from vqvae_jax.envc.coding import init_params
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.errors import UserError
from vqvae_jax.training.digests import named_leaves
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
    tensors = pack_tree(params, weights, exact=tuple("/".join((*path, "")) for path in PRIORS.values()))
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
    named = unpack_tree(bundle.tensors, weight_shapes(config))
    tables = {
        name: check_tables(f"tables/{name}", any_tensor(bundle.tensors, f"tables/{name}"), len(named[f"{path}/bias_0"]))
        for name, path in ((name, "/".join(path)) for name, path in _priors(config).items())
    }
    known = {f"{BELOW}{name}" for name in named} | {f"tables/{name}" for name in tables}
    if others := set(bundle.tensors) - known:
        raise UserError(f"tensor {min(others)}: no part of this model")
    return Weights(replace(config, dtype="float32"), on_device(named), tables)


def start(bundle: Bundle) -> tuple[PyTree, dict[str, Any]]:
    """Weights to go on training from.

    Raises:
      UserError: as `unpack_weights`.
    """
    return unpack_weights(bundle).params, {}


@cache
def weight_shapes(config: EnvcConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of `coding.init_params` by path."""
    shapes = jax.eval_shape(lambda: init_params(config, jax.random.key(0)))
    return {name: leaf.shape for name, leaf in named_leaves(shapes).items()}


def _priors(config: EnvcConfig) -> dict[str, tuple[str, str]]:
    return {name: path for name, path in PRIORS.items() if not (config.ar and name == "inter_m")}
