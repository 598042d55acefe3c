"""A trained model in one `.safetensors` file: weights, codebooks, entropy model, configuration and a digest of all."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from vqvae_jax.config import check_choice, from_dict, to_dict
from vqvae_jax.errors import UserError
from vqvae_jax.files import refuse_existing, write_atomically
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.indices.context_model import ContextArrays, ContextModel
from vqvae_jax.msvqvae.indices.index_coder import LevelModel
from vqvae_jax.msvqvae.indices.tables import LevelTables, TableArrays
from vqvae_jax.msvqvae.model import Codebooks
from vqvae_jax.msvqvae.start import empty_codebooks, init_params
from vqvae_jax.quantization.codebook import Codebook
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.state import PyTree

FORMAT = "vqvae_jax bundle"
#: By what the entropy coder gets; version 1 is read for ever.
PAIR_TABLES, CONTEXT_MODELS = "1", "2"
MAX_BYTES = 4 * 2**30
#: Fields of the model that came after the first bundles: written only where they are not at their default, so that the
#: bundle of an unchanged model stays what it was, digest and all.
LATER_FIELDS = ("unit_codes",)
WeightType = Literal["bfloat16", "float32"]


class Bundle(NamedTuple):
    """A model ready to code with."""

    name: str  # of the experiment it comes from
    model: ModelConfig
    params: PyTree  # float32
    codebooks: Codebooks
    tables: dict[str, LevelModel]  # of the entropy coder, by level
    digest: str  # SHA-256, hexadecimal
    origin: dict[str, Any]  # step, checkpoint and data digests: what it was made from

    @property
    def identity(self) -> bytes:
        """The eight bytes by which a coded file names its bundle."""
        return bytes.fromhex(self.digest[:16])


def save_bundle(
    path: str | Path,
    name: str,
    model: ModelConfig,
    params: PyTree,
    codebooks: Codebooks,
    tables: Mapping[str, ContextArrays] | Mapping[str, TableArrays],
    origin: Mapping[str, Any],
    weights: WeightType = "bfloat16",
    overwrite: bool = False,
) -> str:
    """Writes a bundle in one rename; returns its digest.

    Args:
      weights: how parameters are stored, "bfloat16" (as uint16, which safetensors can hold) or "float32".
      tables: one per level.
      origin: JSON values that say where the model comes from.

    Raises:
      UserError: if the file exists and `overwrite` is not given, or it cannot be written.
    """
    from safetensors.numpy import save

    path = Path(path)
    refuse_existing(path, overwrite)
    check_choice("weights", weights, get_args(WeightType))
    tensors: dict[str, np.ndarray] = {}
    for leaf, value in named_leaves(params).items():
        array = np.asarray(value, np.float32)
        tensors[f"weights/{leaf}"] = (
            array.astype(ml_dtypes.bfloat16).view(np.uint16) if weights == "bfloat16" else array
        )
    for level in model.levels:
        tensors[f"codebooks/{level}/embeddings"] = np.asarray(codebooks[level].embeddings, np.float32)
        tensors[f"codebooks/{level}/counts"] = np.asarray(codebooks[level].counts, np.float32)
        tensors |= {f"tables/{level}/{field}": value for field, value in tables[level]._asdict().items()}
    tensors = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    version = CONTEXT_MODELS if isinstance(next(iter(tables.values())), ContextArrays) else PAIR_TABLES
    metadata = {
        "format": FORMAT,
        "format_version": version,
        "name": name,
        "model": json.dumps(_model_fields(model), sort_keys=True),
        "weights": weights,
        "origin": json.dumps(dict(origin), sort_keys=True),
        "tensors": json.dumps({key: _signature(value) for key, value in tensors.items()}, sort_keys=True),
    }
    digest = _digest(metadata, tensors)
    write_atomically(path, save(tensors, metadata | {"digest": digest}))
    return digest


def _model_fields(model: ModelConfig) -> dict[str, Any]:
    usual = ModelConfig()
    unchanged = {name for name in LATER_FIELDS if getattr(model, name) == getattr(usual, name)}
    return {name: value for name, value in to_dict(model).items() if name not in unchanged}


def context_models(bundle: Bundle) -> dict[str, ContextModel]:
    """By level, what the entropy coder of a bundle of format 2 gets.

    Raises:
      UserError: if the bundle is of format 1, whose tables are for reading old files.
    """
    models = {level: tables for level, tables in bundle.tables.items() if isinstance(tables, ContextModel)}
    if len(models) < len(bundle.tables):
        raise UserError(
            f"rate weights need a bundle of format {CONTEXT_MODELS}; {bundle.name!r} is of format {PAIR_TABLES}, "
            "export it again"
        )
    return models


def stored(params: PyTree, weights: WeightType) -> PyTree:
    """Weights as a bundle gives them back: float32, rounded to bfloat16 if they are stored so."""
    if weights == "float32":
        return params
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16).astype(jnp.float32), params)


def load_bundle(path: str | Path) -> Bundle:
    """Reads and verifies a bundle.

    Raises:
      UserError: names what is wrong: no bundle, another format version, a tensor missing or of another shape, a digest
        that does not fit.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    if metadata.get("format") != FORMAT:
        raise UserError(f"{path}: is not a bundle of vqvae_jax; make one with `vqvae-jax export`")
    version = metadata.get("format_version")
    if version is None or version not in (PAIR_TABLES, CONTEXT_MODELS):
        readable = f"{PAIR_TABLES} and {CONTEXT_MODELS}"
        raise UserError(f"{path}: bundle format {version!r}; this program reads {readable}; update it or export again")
    listed = _json(path, metadata, "tensors")
    for key, signature in listed.items():
        if key not in tensors:
            raise UserError(f"{path}: tensor {key} is missing; the file is damaged, export it again")
        if _signature(tensors[key]) != signature:
            raise UserError(f"{path}: tensor {key} is {_signature(tensors[key])}, not {signature}; export it again")
    if _digest(metadata, tensors) != metadata.get("digest"):
        raise UserError(f"{path}: the digest does not fit the content; the file is damaged, export it again")

    fields = _json(path, metadata, "model")
    with _named(path):
        model = from_dict(ModelConfig, fields, "model")
    weights = {key: _weight(value) for key, value in tensors.items() if key.startswith("weights/")}
    params = _filled(path, jax.eval_shape(lambda: init_params(model, jax.random.key(0))), weights, "weights/")
    codebooks, tables = {}, {}
    for level, shape in jax.eval_shape(lambda: empty_codebooks(model)).items():
        embeddings = _tensor(path, tensors, f"codebooks/{level}/embeddings", shape.embeddings.shape)
        counts = _tensor(path, tensors, f"codebooks/{level}/counts", shape.counts.shape)
        one = jnp.ones((), jnp.float32)
        codebooks[level] = Codebook(embeddings, counts, embeddings * counts[:, None], one)
        tables[level] = _level_model(path, tensors, level, version, model)
    return Bundle(
        metadata.get("name", ""), model, params, codebooks, tables, metadata["digest"], _json(path, metadata, "origin")
    )


def _level_model(
    path: Path, tensors: Mapping[str, np.ndarray], level: str, version: str, model: ModelConfig
) -> LevelModel:
    """What the entropy coder gets for a level."""
    fields = ContextArrays._fields if version == CONTEXT_MODELS else TableArrays._fields
    arrays = {field: _array(path, tensors, f"tables/{level}/{field}") for field in fields}
    with _named(path):
        found: LevelModel
        if version == PAIR_TABLES:
            found = LevelTables(TableArrays(**arrays))
        else:
            coarser = model.top.codes if model.top is not None and level == "bottom" else 0
            found = ContextModel(ContextArrays(**arrays))
            if found.coarse_codes != coarser:
                raise UserError(f"tables of level {level} lean on {found.coarse_codes} coarser codes, not {coarser}")
        if found.codes != model.levels[level].codes:
            raise UserError(f"tables of {found.codes} codes for level {level}, which has others")
    return found


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        state = "is not a file" if path.exists() else "does not exist"
        raise UserError(f"bundle {path} {state}; make one with `vqvae-jax export --run DIR {path.name}`")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: {path.stat().st_size} bytes is no bundle of ours")
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: is no readable .safetensors file ({error})") from error


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Puts the file's name before what is wrong with a part of it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}; export the bundle again") from error


def _json(path: Path, metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        value = json.loads(metadata.get(key, ""))
    except ValueError as error:
        raise UserError(f"{path}: metadata {key} is no JSON ({error}); export the bundle again") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: metadata {key} is no JSON object; export the bundle again")
    return value


def _digest(metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over configuration and every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(f"{metadata.get('format_version')} {metadata.get('model')} ".encode())
    for key in sorted(tensors):
        digest.update(f"{key} {_signature(tensors[key])} ".encode())
        digest.update(np.ascontiguousarray(tensors[key]).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _signature(array: np.ndarray) -> str:
    return f"{array.dtype.name}{list(array.shape)}"


def _weight(array: np.ndarray) -> np.ndarray:
    return array.view(ml_dtypes.bfloat16).astype(np.float32) if array.dtype == np.uint16 else array


def _filled(path: Path, like: PyTree, leaves: Mapping[str, np.ndarray], prefix: str) -> PyTree:
    """The tree `like` with the leaves of these names."""
    names = list(named_leaves(like))
    values = [_tensor(path, leaves, prefix + n, leaf.shape) for n, leaf in named_leaves(like).items()]
    extra = sorted(set(leaves) - {prefix + n for n in names})
    if extra:
        raise UserError(f"{path}: tensor {extra[0]} is none of this model's; export the bundle again")
    return jax.tree.unflatten(jax.tree.structure(like), values)


def _tensor(path: Path, tensors: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> jax.Array:
    array = _array(path, tensors, key)
    if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
        raise UserError(f"{path}: tensor {key} is not float32{list(shape)} of finite values; export the bundle again")
    return jnp.asarray(array)


def _array(path: Path, tensors: Mapping[str, Any], key: str) -> Any:
    if key not in tensors:
        raise UserError(f"{path}: tensor {key} is missing; export the bundle again")
    return tensors[key]
