"""The model families: the only file that names them.

A family is a package with a module `family` that satisfies `Family`. What needs one asks here, by the name that a
configuration, a bundle or a coded file carries.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from vqvae_jax.config import from_dict, to_dict
from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError
from vqvae_jax.files import refuse_existing

if TYPE_CHECKING:  # NumPy, JAX, Orbax: not for commands that only look a file's family up
    import numpy as np

    from vqvae_jax.codec.bundle import Bundle, WeightType
    from vqvae_jax.codec.interface import FitWish, Model, TokenModel
    from vqvae_jax.data.source import ClipSet
    from vqvae_jax.training.checkpoints import Checkpoints
    from vqvae_jax.training.snapshot import Snapshot
    from vqvae_jax.training.state import PyTree
    from vqvae_jax.training.task import Cost, Purpose, Start, Task, Triple

#: By name, the module that says what a family is; imported when it is asked for.
FAMILIES: dict[str, str] = {
    "msvqvae": "vqvae_jax.msvqvae.family",
    "ntc": "vqvae_jax.ntc.family",
    "envc": "vqvae_jax.envc.family",
    "mvc": "vqvae_jax.mvc.family",
}
#: Of configurations, bundles and files written before they named their family.
FIRST = "msvqvae"
Show = Callable[[str, int, int], None]  # what is done, how much of it, of how much


class Family(Protocol):
    """What the rest of the house asks of every family; its module also has what one of the next two classes lists.

    Most of a module is a table of where these are (`vqvae_jax.deferred`): nothing is imported before it is used.
    """

    #: Frozen dataclass with at least `name`, `model`, `data`, `training`, and the class variable `family`.
    Experiment: type
    #: The family's part of a file's header: `Layout.parse(header)`, or a `UserError`; `describe()`, as JSON values.
    Layout: Any

    def task(self, experiment: Any, steps: int, weights: Path | None = None, purpose: "Purpose" = "training") -> "Task":
        """What the training loop and the evaluation ask.

        Args:
          experiment: the run's configuration.
          steps: of the whole run.
          weights: file of a frozen network that training needs.
          purpose: training alone needs frozen networks; planning it, their shapes.
        """

    def cost(self, model: Any, clip: "Triple") -> "Cost":
        """Parameters and multiply-accumulates of an experiment's `model` for a clip of (frames, height, width)."""


class TrainedFamily(Family, Protocol):
    """A family whose models are trained on a data set and stored in bundles. `onnx_decoder`, a bundle's decoder as one
    graph, and `arrays`, a checkpoint's model for arrays alone, without entropy model and digest, are not everybody's.
    """

    def start(self, bundle: "Bundle") -> "tuple[PyTree, dict[str, Any]]":
        """Params and extras that a run may start from, or a `UserError` that says what in the bundle does not fit."""

    def model(self, bundle: "Bundle") -> "Model":
        """A bundle ready to code with, or a `UserError` that says what in it does not fit."""

    def fit(
        self, snapshot: "Snapshot", clips: "ClipSet", most_clips: int, weights: "WeightType", show: Show
    ) -> "Bundle":
        """A checkpoint's bundle, its entropy model fitted on training clips."""


class FittedFamily(Family, Protocol):
    """A family whose files bring their model along: a video is coded by fitting a model to it, and no bundle is looked
    for.
    """

    def carried(self) -> "Model":
        """What decodes its files."""

    def fit_video(self, clip_THWC: "np.ndarray", wish: "FitWish", run: Path) -> "Model":
        """A model of this video, ready to code it.

        Its `origin` has "scenes", "parameters" and "weight_bits" of each, "formula_bpp" and "entropy_bpp", which count
        bits without a file, and "psnr" of what a decoder shows.

        Args:
          clip_THWC: uint8 RGB frames.
          wish: what is asked for.
          run: folder for the runs of its scenes; a fit that was stopped goes on from there.

        Raises:
          UserError: if what is asked for cannot be had, or the run is of another video or another wish.
        """


def family(name: str, where: str = "families") -> Family:
    """A family by its name; the empty name stands for the first one.

    Raises:
      UserError: if there is none; begins with `where`.
    """
    module = FAMILIES.get(name or FIRST)
    if module is None:
        raise UserError(f"{where}: unknown family {name!r}; this program knows {', '.join(FAMILIES)}")
    return cast(Family, importlib.import_module(module))


def _able(found: Family, ability: str, refusal: str) -> Any:
    """The family, if it has what not every family has.

    Raises:
      UserError: with `refusal`, if it has not.
    """
    if not hasattr(found, ability):
        raise UserError(refusal)
    return found


def _trained(name: str, what: str) -> TrainedFamily:
    """The family of `what`, a run or a bundle; refusals begin with it.

    Raises:
      UserError: if there is no such family, or it has no bundles.
    """
    refusal = f"{what}: is of family {name}, whose files bring their model along: vqvae-jax encode --family {name}"
    return cast(TrainedFamily, _able(family(name, what), "model", refusal))


def config_of(experiment: Any) -> dict[str, Any]:
    """An experiment as the JSON values that a run and its checkpoints carry."""
    return {"family": experiment.family} | to_dict(experiment)


def experiment_from(config: dict[str, Any], where: str) -> Any:
    """The inverse of `config_of`; `where` names the file in errors.

    Raises:
      UserError: if the family is unknown, or a field is.
    """
    fields = dict(config)
    return from_dict(family(str(fields.pop("family", FIRST)), where).Experiment, fields, where)


def task_of(experiment: Any, steps: int = 1) -> "Task":
    """The experiment's task, for reconstructing alone."""
    return family(experiment.family).task(experiment, steps, purpose="reconstructing")


def planned_task(experiment: Any, steps: int = 1) -> "Task":
    """The experiment's task with shapes in place of frozen networks, for compiling where nothing is trained."""
    return family(experiment.family).task(experiment, steps, purpose="planning")


def cost_of(experiment: Any, clip_shape: "Triple") -> "Cost":
    """What the experiment's model costs for a clip of (frames, height, width); needs no task.

    Raises:
      UserError: if the clip does not fit the model.
    """
    return family(experiment.family).cost(experiment.model, clip_shape)


def load_snapshot(checkpoints: "Checkpoints", step: int) -> "Snapshot":
    """A run's model at one step.

    Raises:
      UserError: if it does not exist, is damaged, is of another kind of model, or holds values that are not finite.
    """
    from vqvae_jax.training.snapshot import read_snapshot

    record = checkpoints.record(step)
    experiment = experiment_from(record.config, f"checkpoint {checkpoints.folder / str(step)}: config")
    return read_snapshot(checkpoints, record, experiment, task_of(experiment))


def start_from(source: Path, task: "Task") -> "Start":
    """What a new run takes over of a run's best checkpoint, or of a bundle.

    Raises:
      UserError: if there is nothing, or it is of another model.
    """
    from vqvae_jax.codec.bundle import read_bundle
    from vqvae_jax.training.snapshot import fitting_start, start_from_run

    if source.suffix != ".safetensors":
        return start_from_run(source, task)
    bundle = read_bundle(source)
    return fitting_start(source, *_trained(bundle.family, str(source)).start(bundle), task)


def load_model(path: str | Path) -> "Model":
    """Reads a bundle and makes it ready to code with.

    Raises:
      UserError: if there is none, or it cannot be read; names the file and what is wrong.
    """
    from vqvae_jax.codec.bundle import read_bundle

    bundle = read_bundle(path)
    of_bundle = _trained(bundle.family, str(path))
    try:
        return of_bundle.model(bundle)
    except UserError as error:
        raise UserError(f"{path}: {error}; export the bundle again") from error


def fits_videos(name: str) -> bool:
    """Whether a family codes a video by fitting a model to it.

    Raises:
      UserError: if there is no such family.
    """
    return hasattr(family(name), "fit_video")


def fitted_family(name: str) -> FittedFamily:
    """A family that codes a video by fitting a model to it.

    Raises:
      UserError: if there is no such family, or it is none of these.
    """
    if name not in FAMILIES:
        raise UserError(f"family={name}: unknown; expected {', '.join(filter(fits_videos, FAMILIES))}")
    refusal = f"family={name}: codes with a trained model; give its bundle with --bundle"
    return cast(FittedFamily, _able(family(name), "fit_video", refusal))


def carried_model(header: Header, where: object) -> "Model":
    """What decodes a file that brings its model along.

    Raises:
      UserError: if its family is unknown, or has no such files; begins with `where`.
    """
    refusal = f"{where}: names no bundle, and files of family {header.family or FIRST} need one; it is damaged"
    return cast(FittedFamily, _able(family(header.family, str(where)), "carried", refusal)).carried()


def run_model(run: Path, step: int | str) -> "Model":
    """A run's model for arrays alone, at its step `best` (the latest, if none was validated), `latest` or a number.

    Raises:
      UserError: if there is no such run or step, or it cannot be read.
    """
    from vqvae_jax.training.snapshot import chosen_step, open_run

    checkpoints = open_run(run)
    snapshot = load_snapshot(checkpoints, chosen_step(checkpoints, run, step))
    name = snapshot.experiment.family
    refusal = f"{run}: is of family {name}, which codes nothing before it is exported (vqvae-jax export)"
    return _able(_trained(name, str(run)), "arrays", refusal).arrays(snapshot)


def token_model(model: "Model") -> "TokenModel":
    """The same model, if its chunks are grids of indices.

    Raises:
      UserError: if they are not.
    """
    if not hasattr(model, "levels"):
        raise UserError(f"model {model.name!r} is of family {model.family}, which has no tokens; edge and edge4 have")
    return cast("TokenModel", model)


def onnx_decoder(path: Path, called: str) -> "tuple[Bundle, bytes]":
    """A bundle and its decoder as an ONNX file, of families whose decoder is one graph.

    Args:
      path: the bundle's file.
      called: what messages call it.

    Raises:
      UserError: if the bundle cannot be read, its family has none, or the package onnx is not installed.
    """
    from vqvae_jax.codec.bundle import read_bundle

    bundle = read_bundle(path)
    refusal = f"bundle {called} is of family {bundle.family}, which has no ONNX decoder; edge and edge4 have"
    of_bundle = _able(family(bundle.family, called), "onnx_decoder", refusal)
    try:
        return bundle, of_bundle.onnx_decoder(bundle)
    except UserError as error:
        raise UserError(f"bundle {called}: {error}") from error


def export_bundle(
    snapshot: "Snapshot",
    clips: "ClipSet",
    path: str | Path,
    weights: "WeightType" = "bfloat16",
    most_clips: int = 2000,
    overwrite: bool = False,
    show: Show = lambda what, done, total: None,
) -> "Bundle":
    """Writes the bundle of a checkpoint and returns it.

    Args:
      snapshot: of `load_snapshot`.
      clips: the split that the run was trained on; about `most_clips` of them are used to fit the entropy model.
      path: of the file.
      weights: how they are stored.
      overwrite: replace an existing file.
      show: told how far it is.

    Raises:
      UserError: if the data are not those the run was trained on, or too few, or the file exists or cannot be written.
    """
    from vqvae_jax.codec.bundle import save_bundle

    refuse_existing(Path(path), overwrite)
    of_run = _trained(snapshot.experiment.family, f"the run of {snapshot.experiment.name!r}")
    trained_on = snapshot.stream_state.get("digest")
    if clips.digest != trained_on:
        raise UserError(
            f"{clips.data_dir} ({clips.split}, digest {clips.digest[:8]}) is not what the run was trained on "
            f"({str(trained_on)[:8]}); the tables must be fitted on its training clips: --data"
        )
    bundle = of_run.fit(snapshot, clips, most_clips, weights, show)
    save_bundle(path, bundle, overwrite)
    return bundle
