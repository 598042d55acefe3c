"""The model families: the only file that names them.

A family is a package with a module `family` that satisfies `Family`. What needs one asks here, by the name that a
configuration, a bundle or a coded file carries.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

from vqvae_jax.codec.bundle import Bundle, WeightType, read_bundle, refuse_existing, save_bundle
from vqvae_jax.codec.interface import Model, TokenModel
from vqvae_jax.container.header import Header
from vqvae_jax.data.source import ClipSet
from vqvae_jax.errors import UserError

#: By name, the module that says what a family is; imported when it is asked for.
FAMILIES: dict[str, str] = {"msvqvae": "vqvae_jax.msvqvae.family"}
#: Of configurations, bundles and files written before they named their family.
FIRST = "msvqvae"
Progress = Callable[[int, int], None]  # done, in all


class Family(Protocol):
    """What the rest of the house asks of a family."""

    #: Frozen dataclass: the configuration of a training run.
    Experiment: type

    def model(self, bundle: Bundle) -> Model:
        """A bundle ready to code with, or a `UserError` that says what in it does not fit."""

    def fit(
        self,
        snapshot: Any,
        clips: ClipSet,
        most_clips: int,
        weights: WeightType,
        on_chunk: Progress | None,
        on_fit: Progress | None,
    ) -> Bundle:
        """A checkpoint's bundle, its entropy model fitted on training clips."""

    def describe(self, header: Header) -> dict[str, Any]:
        """What the family's part of a file's header says, as JSON values, or a `UserError`."""


def family(name: str, where: str = "families") -> Family:
    """A family by its name; the empty name stands for the first one.

    Raises:
      UserError: if there is none; begins with `where`.
    """
    module = FAMILIES.get(name or FIRST)
    if module is None:
        raise UserError(f"{where}: unknown family {name!r}; this program knows {', '.join(FAMILIES)}")
    return cast(Family, importlib.import_module(module))


def load_model(path: str | Path) -> Model:
    """Reads a bundle and makes it ready to code with.

    Raises:
      UserError: if there is none, or it cannot be read; names the file and what is wrong.
    """
    bundle = read_bundle(path)
    of_bundle = family(bundle.family, str(path))
    try:
        return of_bundle.model(bundle)
    except UserError as error:
        raise UserError(f"{path}: {error}; export the bundle again") from error


def token_model(model: Model) -> TokenModel:
    """The same model, if its chunks are grids of indices.

    Raises:
      UserError: if they are not.
    """
    if not hasattr(model, "levels"):
        raise UserError(f"model {model.name!r} is of family {model.family}, which has no tokens")
    return cast(TokenModel, model)


def export_bundle(
    snapshot: Any,
    clips: ClipSet,
    path: str | Path,
    weights: WeightType = "bfloat16",
    most_clips: int = 2000,
    overwrite: bool = False,
    on_chunk: Progress | None = None,
    on_fit: Progress | None = None,
) -> Bundle:
    """Writes the bundle of a checkpoint and returns it.

    Args:
      snapshot: of `load_snapshot`.
      clips: the split that the run was trained on; about `most_clips` of them are used to fit the entropy model.
      path: file to write.
      weights: how they are stored.
      on_chunk: called with chunks coded so far and in all.
      on_fit: called with steps of fitting done and in all.

    Raises:
      UserError: if the data are not those the run was trained on, too few, or the file exists or cannot be written.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    trained_on = snapshot.stream_state.get("digest")
    if clips.digest != trained_on:
        raise UserError(
            f"{clips.data_dir} ({clips.split}, digest {clips.digest[:8]}) is not what the run was trained on "
            f"({str(trained_on)[:8]}); the tables must be fitted on its training clips: --data"
        )
    of_run = next(found for found in map(family, FAMILIES) if isinstance(snapshot.experiment, found.Experiment))
    bundle = of_run.fit(snapshot, clips, most_clips, weights, on_chunk, on_fit)
    save_bundle(path, bundle, overwrite)
    return bundle
