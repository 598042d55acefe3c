"""What a bundle of this family holds: configuration, weights, codebooks and the entropy coder's tables.

Format 1 has pair tables, which are for reading old files and no longer fitted; format 2 has context models.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from vqvae_jax.codec.bundle import Bundle, WeightType, make_bundle
from vqvae_jax.codec.tensors import any_tensor, checked_tensor, fitting, on_device, pack_tree, unpack_tree
from vqvae_jax.config import from_dict, to_dict
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.indices.context_arrays import ContextArrays
from vqvae_jax.msvqvae.indices.context_model import ContextModel
from vqvae_jax.msvqvae.indices.index_coder import LevelModel
from vqvae_jax.msvqvae.indices.pair_tables import LevelTables, TableArrays
from vqvae_jax.quantization.codebook import Codebook, Codebooks
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.state import PyTree

PAIR_TABLES, CONTEXT_MODELS = "1", "2"  # versions of the bundle
#: Fields of the model that came after the first bundles: written only where they are not at their default, so that the
#: bundle of an unchanged model stays what it was, digest and all.
LATER_FIELDS = ("unit_codes",)


class Weights(NamedTuple):
    """A model's parts as the codec uses them."""

    config: ModelConfig
    params: PyTree  # float32
    codebooks: Codebooks
    tables: Mapping[str, LevelModel]  # of the entropy coder, by level


def pack_weights(
    name: str,
    config: ModelConfig,
    params: PyTree,
    codebooks: Codebooks,
    tables: Mapping[str, ContextArrays] | Mapping[str, TableArrays],
    origin: Mapping[str, Any],
    weights: WeightType = "bfloat16",
) -> Bundle:
    """The bundle of a model.

    Args:
      tables: one per level.
      origin: JSON values that say where the model comes from.
      weights: how parameters are stored; codebooks are float32 always.
    """
    tensors = pack_tree(params, weights)
    for level in config.levels:
        tensors[f"codebooks/{level}/embeddings"] = np.asarray(codebooks[level].embeddings, np.float32)
        tensors[f"codebooks/{level}/counts"] = np.asarray(codebooks[level].counts, np.float32)
        tensors |= {f"tables/{level}/{field}": value for field, value in tables[level]._asdict().items()}
    version = CONTEXT_MODELS if isinstance(next(iter(tables.values())), ContextArrays) else PAIR_TABLES
    usual = ModelConfig()
    unchanged = {field for field in LATER_FIELDS if getattr(config, field) == getattr(usual, field)}
    fields = {field: value for field, value in to_dict(config).items() if field not in unchanged}
    return make_bundle(name, "", version, fields, tensors, origin, weights)


def unpack_weights(bundle: Bundle) -> Weights:
    """The model that a bundle holds.

    Raises:
      UserError: if its configuration is none of this family, or a tensor does not fit it; names the field or tensor.
    """
    config = from_dict(ModelConfig, bundle.config, "model")
    tensors = bundle.tensors
    params = on_device(unpack_tree(tensors))
    codebooks, tables = {}, {}
    for level, shape in config.levels.items():
        path = f"codebooks/{level}"
        embeddings = checked_tensor(tensors, f"{path}/embeddings", (shape.codes, shape.dim))
        counts = checked_tensor(tensors, f"{path}/counts", (shape.codes,))
        # In NumPy: each operation of JAX's is a program that every start would load.
        arrays = embeddings, counts, embeddings * counts[:, None], np.float32(1)
        codebooks[level] = Codebook(*jax.device_put(arrays))
        tables[level] = _level_model(bundle, level, config)
    return Weights(config, params, codebooks, tables)


def start(bundle: Bundle) -> tuple[PyTree, dict[str, Any]]:
    """Weights and codebooks to go on training from.

    Raises:
      UserError: as `unpack_weights`.
    """
    weights = unpack_weights(bundle)
    return weights.params, {"codebooks": weights.codebooks}


def check_weights(weights: Weights) -> None:
    """Compares weights with those that the model has; takes a tenth of a second or two, for the model is traced.

    `unpack_weights` leaves it out: what a digest vouches for fits unless whoever wrote it was mistaken, and a model
    says itself, when it is compiled, that it lacks a weight.

    Raises:
      UserError: names the first tensor that is missing, of another shape, or one too many.
    """
    from vqvae_jax.msvqvae.start import init_params

    shapes = jax.eval_shape(lambda: init_params(weights.config, jax.random.key(0)))
    fitting(named_leaves(weights.params), {name: leaf.shape for name, leaf in named_leaves(shapes).items()})


def _level_model(bundle: Bundle, level: str, config: ModelConfig) -> LevelModel:
    """What the entropy coder gets for a level."""
    fields = TableArrays._fields if bundle.version == PAIR_TABLES else ContextArrays._fields
    arrays = {field: any_tensor(bundle.tensors, f"tables/{level}/{field}") for field in fields}
    found: LevelModel
    if bundle.version == PAIR_TABLES:
        found = LevelTables(TableArrays(**arrays))
    else:
        coarser = config.top.codes if config.top is not None and level == "bottom" else 0
        found = ContextModel(ContextArrays(**arrays))
        if found.coarse_codes != coarser:
            raise UserError(f"tables of level {level} lean on {found.coarse_codes} coarser codes, not {coarser}")
    if found.codes != config.levels[level].codes:
        raise UserError(f"tables of {found.codes} codes for level {level}, which has others")
    return found


def context_models(tables: Mapping[str, LevelModel], name: str) -> dict[str, ContextModel]:
    """By level, what the entropy coder of a bundle of format 2 gets.

    Raises:
      UserError: if the bundle `name` is of format 1, whose tables say too little of what a symbol costs.
    """
    models = {level: table for level, table in tables.items() if isinstance(table, ContextModel)}
    if len(models) < len(tables):
        raise UserError(
            f"rate weights need a bundle of format {CONTEXT_MODELS}; {name!r} is of format {PAIR_TABLES}, "
            "export it again"
        )
    return models
