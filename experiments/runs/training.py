"""The runs behind a page: how far they are, which may not be used, and training those that are not complete."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from vqvae_jax.data.source import read_card
from vqvae_jax.errors import UserError, say
from vqvae_jax.families import config_of, experiment_from
from vqvae_jax.losses.vgg_weights import ENVIRONMENT, find_vgg_weights, open_trunk_file
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints, read_config
from vqvae_jax.training.resume import DATA_FILE, MAY_CHANGE, flat_fields

#: What may differ from the named experiment without changing what the run computes. Its length is not among them.
IRRELEVANT = MAY_CHANGE - {"training.steps", "training.epochs"}

Launch = Callable[..., None]  # (module, *arguments); SystemExit unless the program succeeds


class TrainingData(NamedTuple):
    """The training split."""

    folder: Path
    clips: int
    digest: str


class Run(NamedTuple):
    """A run of a named experiment, as far as it is."""

    experiment: Any
    folder: Path
    total: int  # steps of a complete run
    step: int | None  # of its latest checkpoint
    options: tuple[str, ...] = ()  # what the command line adds to the named experiment

    @property
    def complete(self) -> bool:
        return self.step == self.total

    @property
    def to_go(self) -> int:
        """Steps still to train."""
        return self.total - (self.step or 0)

    @property
    def state(self) -> str:
        if self.complete:
            return "complete"
        return "missing" if self.step is None else f"part done, step {self.step} of {self.total}"


def training_data(folder: Path) -> TrainingData:
    """The training split by the data set's card.

    Raises:
      UserError: if there is none.
    """
    split = read_card(folder)["splits"].get("train", {"clips": 0})
    if not split["clips"]:
        raise UserError(f"data set {folder} has no training clips; --data names the data set to train on")
    return TrainingData(folder, split["clips"], split["digest"])


def inspect_run(folder: Path, experiment: Any, data: TrainingData, options: tuple[str, ...] = ()) -> Run:
    """Looks at the run in `folder`, which may not exist; reads only.

    Args:
      folder: of the run.
      experiment: what it should be, `options` applied.
      data: what it should be trained on.
      options: what a command line adds to the named experiment.

    Raises:
      UserError: if it is a run of another experiment, of a changed configuration, or of other data.
    """
    total = experiment.training.total_steps(data.clips, experiment.data.batch_size)
    steps = Checkpoints(folder / FOLDER, read_only=True).steps()
    if not steps:
        return Run(experiment, folder, total, None, options)
    remedy = "move it away to train it anew, or give another --out"
    found = experiment_from(read_config(folder), f"run {folder}")
    changed = differences(found, experiment)
    if changed:
        name, (theirs, ours) = next(iter(changed.items()))
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise UserError(
            f"run {folder} is not the experiment {experiment.name!r}: {name}={theirs!r}, not {ours!r}{more}; {remedy}"
        )
    trained_on = data_digest(folder)
    if trained_on != data.digest:
        raise UserError(
            f"run {folder} was trained on other clips (digest {trained_on[:12]}) than those of {data.folder} "
            f"({data.digest[:12]}); {remedy}"
        )
    return Run(experiment, folder, total, steps[-1], options)


def differences(found: Any, named: Any) -> dict[str, tuple[Any, Any]]:
    """Fields, as `section.field`, in which a run is another experiment: its value and the named one's."""
    theirs, ours = flat_fields(config_of(found)), flat_fields(config_of(named))
    # A missing level is one value where a present one is several fields.
    names = sorted((theirs.keys() | ours.keys()) - IRRELEVANT, key=lambda name: (name != "name", name))
    pairs = {name: (theirs.get(name), ours.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def data_digest(folder: Path) -> str:
    """Digest of the clips that a run was trained on.

    Raises:
      UserError: if the run does not say.
    """
    path = folder / DATA_FILE
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} should name the run's training data but cannot be read ({error})") from error


def train_missing(runs: Iterable[Run], data: Path, weights: Path | None, launch: Launch) -> None:
    """Says how far the runs are; trains or resumes those that are not complete, one after the other.

    Raises:
      UserError: before any is trained, if VGG-16 weights are missing that one needs, or those given do not fit.
      SystemExit: with a training's exit code if it failed or was interrupted.
    """
    runs = list(runs)
    waiting = [run for run in runs if not run.complete]
    needing = [run.folder.name for run in waiting if run.experiment.loss.gamma > 0]
    found = find_vgg_weights(weights)
    if found is not None:
        open_trunk_file(found)  # does not read the arrays
    elif needing:
        raise UserError(
            f"VGG weights: {', '.join(needing)} {'trains' if len(needing) == 1 else 'train'} with the perceptual loss; "
            f"pass --vgg-weights FILE or set ${ENVIRONMENT} (docs/training.md says where to get them), or --no-train"
        )
    for run in runs:
        say(f"{run.folder.name}: {run.state}")
    options = [] if weights is None else ["--vgg-weights", weights]
    for run in waiting:
        launch("experiments.train", run.experiment.name, "--data", data, "--run", run.folder, *options, *run.options)
