"""The model families: the only file that names them.

A family is a package with a module `family` that satisfies `Family`. What needs one asks here, by the name that a
configuration, a bundle or a coded file carries.
"""

import importlib
from pathlib import Path
from typing import Any, Protocol, cast

from vqvae_jax.config import from_dict, to_dict
from vqvae_jax.errors import UserError

#: By name, the module that says what a family is; imported when it is asked for.
FAMILIES: dict[str, str] = {"msvqvae": "vqvae_jax.msvqvae.family"}
#: Of configurations written before they named their family.
FIRST = "msvqvae"


class Family(Protocol):
    """What the rest of the house asks of a family."""

    #: Frozen dataclass with at least `name`, `data`, `training`, and the class variable `family`.
    Experiment: type

    def task(self, experiment: Any, steps: int, weights: Path | None = None, train: bool = True) -> Any:
        """A `training.task.Task`.

        Args:
          experiment: the run's configuration.
          steps: of the whole run.
          weights: file of a frozen network that training needs.
          train: without it the task is for reconstructing alone, and needs no frozen network.
        """
        ...


def family(name: str, where: str = "families") -> Family:
    """A family by its name.

    Raises:
      UserError: if there is none; begins with `where`.
    """
    if name not in FAMILIES:
        raise UserError(f"{where}: unknown family {name!r}; this program knows {', '.join(FAMILIES)}")
    return cast(Family, importlib.import_module(FAMILIES[name]))


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


def task_of(experiment: Any, steps: int = 1) -> Any:
    """The experiment's task, for reconstructing alone."""
    return family(experiment.family).task(experiment, steps, train=False)


def start_from(source: Path, task: Any) -> Any:
    """What a new run takes over of a run's best checkpoint, or of a bundle: a `training.task.Start`.

    Raises:
      UserError: if there is nothing, or it is of another model.
    """
    from vqvae_jax.training.start import fitting_start, start_from_run

    if source.suffix != ".safetensors":
        return start_from_run(source, task)
    from vqvae_jax.codec.bundle import load_bundle

    bundle = load_bundle(source)
    return fitting_start(source, bundle.params, {"codebooks": bundle.codebooks}, task)


def load_snapshot(checkpoints: Any, step: int) -> Any:
    """A `training.snapshot.Snapshot` of one step.

    Raises:
      UserError: if it does not exist, is damaged, is of another kind of model, or holds values that are not finite.
    """
    from vqvae_jax.training.snapshot import read_snapshot

    record = checkpoints.record(step)
    experiment = experiment_from(record.config, f"checkpoint {checkpoints.folder / str(step)}: config")
    return read_snapshot(checkpoints, record, experiment, task_of(experiment))
