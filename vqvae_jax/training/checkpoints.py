"""Checkpoints of a run: which steps exist, which are kept, saving without stopping the training, falling back.

All use of Orbax is in `checkpoint_format` (one step) and `checkpoint_writer` (the folder). A step appears under its
number by one rename, when it is whole, and leaves by one: a reader, or a run that was killed, never meets half a step.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax

from vqvae_jax.errors import UserError
from vqvae_jax.training.checkpoint_format import (
    DamagedCheckpointError,
    Record,
    finite_or_none,
    read_record,
    read_state,
    save_arguments,
    to_host,
)
from vqvae_jax.training.checkpoint_writer import CheckpointWriter, best_of
from vqvae_jax.training.digests import leaf_digest

FOLDER = "checkpoints"  # inside a run's folder
SCORE = "score"  # the figure of a checkpoint that ranks it
DAMAGED = "damaged"  # inside the checkpoints' folder: steps that were put aside


class Restored(NamedTuple):
    """A checkpoint, verified against its digests."""

    step: int
    state: Any  # the structure of `like`, or nested dictionaries; NumPy arrays on the host
    stream_state: dict[str, Any]
    config: dict[str, Any]
    metrics: dict[str, float | None]
    damaged: tuple[str, ...]  # later steps that could not be read, with the reason


class Checkpoints:
    """The checkpoints in one folder.

    Keeps the latest `keep_latest`, every step divisible by `keep_every`, and the one with the highest finite score.
    With several processes the state is replicated: each calls the same methods, the first one writes, and all read
    from the folder, which they share.

    Args:
      folder: made on the first save.
      keep_latest: at least 1.
      keep_every: None keeps none besides.
      read_only: never writes, moves or removes anything; safe while another process trains.
    """

    def __init__(
        self, folder: str | Path, keep_latest: int = 2, keep_every: int | None = None, read_only: bool = False
    ) -> None:
        if keep_latest < 1 or (keep_every is not None and keep_every < 1):
            raise ValueError(f"keep_latest={keep_latest} and keep_every={keep_every} must be at least 1")
        self.folder = Path(folder).absolute()
        self._read_only = read_only
        self._writes = not read_only and jax.process_index() == 0
        self._writer = CheckpointWriter(self.folder, keep_latest, keep_every)
        self._known_scores: dict[int, float | None] = {}

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def steps(self) -> list[int]:
        """Complete steps, ascending."""
        if not self.folder.is_dir():
            return []
        names = (p.name for p in self.folder.iterdir() if p.is_dir())
        return sorted(int(name) for name in names if name.isascii() and name.isdecimal() and str(int(name)) == name)

    def best_step(self) -> int | None:
        """The step with the highest finite score, the first of equals; None if no step has one."""
        return best_of(self._scores())

    def record(self, step: int) -> Record:
        """Config, metrics, data-stream state and digests of a step, without its arrays.

        Raises:
          UserError: if the step does not exist or is damaged.
        """
        self._check_exists(step)
        try:
            return read_record(self.folder / str(step))
        except DamagedCheckpointError as error:
            raise UserError(f"checkpoint of step {step} is damaged: {error}") from error

    def save(
        self,
        step: int,
        state: Any,
        stream_state: Mapping[str, Any],
        config: Mapping[str, Any],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Copies the state to the host and writes it in the background; waits for the save before it.

        Saving a step again is accepted if it holds the same state (a run that is stopped right after a save).

        Args:
          step: number of the step.
          state: any pytree of arrays; may be donated as soon as this returns.
          stream_state: of the data stream, JSON values.
          config: the resolved configuration, JSON values.
          metrics: `score` decides which step is the best, greater is better.

        Raises:
          UserError: if the folder cannot be written (also for the save before this one), or if the step exists with
            another state.
        """
        if self._read_only:
            raise ValueError(f"{self.folder} was opened read-only")
        if not self._writes:
            return
        self.wait()
        leaves = to_host(state)
        if (self.folder / str(step)).exists():
            if self._holds(step, {name: leaf_digest(leaf) for name, leaf in leaves.items()}):
                return
            raise UserError(
                f"checkpoint {self.folder / str(step)} exists with another state; resume from the latest step, or "
                "train into another run folder"
            )
        arguments = save_arguments(step, leaves, stream_state, config, metrics)
        score = finite_or_none((metrics or {}).get(SCORE, float("nan")))
        self._writer.start(step, arguments, self._scores() | ({} if score is None else {step: score}))

    def wait(self) -> None:
        """Waits until the save under way is on disk.

        Raises:
          UserError: if it could not be written.
        """
        self._writer.wait()

    def close(self) -> None:
        """Waits and lets go of threads; the object may be used again.

        Raises:
          UserError: as `wait`.
        """
        self._writer.close()

    def restore(self, step: int | Literal["latest"] = "latest", like: Any = None) -> Restored:
        """Reads a step and verifies every leaf.

        A damaged *latest* step is put aside (into `damaged/`, unless read-only), named in `Restored.damaged` and in a
        warning, and the one before is taken. Any other step is taken as it is or not at all.

        Args:
          step: a number, or `latest`.
          like: pytree of arrays or `jax.ShapeDtypeStruct` that gives structure, shapes and dtypes; None for nested
            dictionaries.

        Raises:
          UserError: if there is no such step, if it is damaged, or if it does not fit `like`; names step and leaf.
        """
        self.wait()
        if step != "latest":
            self._check_exists(step)
            try:
                return self._read(step, like, ())
            except DamagedCheckpointError as error:
                self._check_exists(step)  # a training run may have removed it meanwhile
                raise UserError(
                    f"checkpoint of step {step} is damaged: {error}; readable by number: {self._others(step)}"
                ) from error
        damaged: dict[int, str] = {}
        while candidates := [s for s in self.steps() if s not in damaged]:
            number = candidates[-1]
            try:
                restored = self._read(number, like, tuple(damaged.values()))
            except DamagedCheckpointError as error:
                if (self.folder / str(number)).is_dir():  # else removed meanwhile, and not listed again
                    damaged[number] = f"step {number}: {error}"
                continue
            for aside in damaged if self._writes else ():  # the run is going to write these steps again
                self._put_aside(aside)
            for reason in damaged.values():
                warnings.warn(f"damaged checkpoint, taking step {number} instead: {reason}", stacklevel=2)
            return restored
        if damaged:
            raise UserError(f"every checkpoint in {self.folder} is damaged; {next(iter(damaged.values()))}")
        raise UserError(f"no checkpoint in {self.folder}")

    def _read(self, step: int, like: Any, damaged: tuple[str, ...]) -> Restored:
        folder = self.folder / str(step)
        record = read_record(folder)
        state = read_state(folder, record, like)
        return Restored(step, state, record.stream_state, record.config, record.metrics, damaged)

    def _put_aside(self, step: int) -> None:
        target = self.folder / DAMAGED
        target.mkdir(exist_ok=True)
        name = next(n for k in range(10**6) if not (target / (n := f"{step}.{k}")).exists())
        (self.folder / str(step)).rename(target / name)
        self._known_scores.pop(step, None)
        self._writer.reload()

    def _scores(self) -> dict[int, float]:
        """Scores of the steps that are there, where finite. A step is read once: it never changes."""
        for step in self.steps():
            if step not in self._known_scores:
                try:
                    metrics = read_record(self.folder / str(step)).metrics
                    # Runs from before there were scores were ranked by PSNR.
                    self._known_scores[step] = metrics.get(SCORE, metrics.get("psnr"))
                except DamagedCheckpointError:
                    continue  # put aside on restore, or just removed by the run
        return {s: score for s in self.steps() if (score := self._known_scores.get(s)) is not None}

    def _holds(self, step: int, digests: Mapping[str, str]) -> bool:
        try:
            leaves = read_record(self.folder / str(step)).leaves
        except DamagedCheckpointError:
            return False
        return {name: entry["digest"] for name, entry in leaves.items()} == digests

    def _check_exists(self, step: int) -> None:
        if not (self.folder / str(step)).is_dir():
            raise UserError(f"no checkpoint of step {step} in {self.folder}; steps: {self._others(step)}")

    def _others(self, step: int) -> str:
        return ", ".join(str(s) for s in self.steps() if s != step) or "none"


def read_config(run_dir: str | Path) -> dict[str, Any]:
    """The resolved configuration out of a run's latest readable checkpoint.

    Raises:
      UserError: if the run has no readable checkpoint.
    """
    folder = Path(run_dir) / FOLDER
    checkpoints = Checkpoints(folder, read_only=True)
    for step in reversed(checkpoints.steps()):
        try:
            return read_record(folder / str(step)).config
        except DamagedCheckpointError:
            continue
    raise UserError(f"{run_dir} is not a run with a checkpoint: nothing readable in {folder}")
