"""The evaluation job: chosen checkpoints of a run, measured on a split, written as each one is done."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from vqvae_jax.data.few import few
from vqvae_jax.data.source import open_split, read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Batches
from vqvae_jax.evaluation.clip_figures import measure_baselines, measure_h264
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.describe import describe_baselines, describe_checkpoint
from vqvae_jax.evaluation.header import data_entry, perceptual_entry, run_entry
from vqvae_jax.evaluation.model_figures import ModelFigures, ModelMeasurement
from vqvae_jax.evaluation.result_file import check_continues, find_checkpoint, read_result, write_result
from vqvae_jax.evaluation.schema import SCHEMA, VERSION, CheckpointResult, Result
from vqvae_jax.evaluation.side_files import grid_picture, refuse_foreign_side_files, write_side_files
from vqvae_jax.evaluation.snapshot import Snapshot, awaited_run, checkpoint_digest, load_snapshot, open_run
from vqvae_jax.evaluation.surroundings import hardware, versions
from vqvae_jax.files import make_folder
from vqvae_jax.losses.vgg_weights import find_vgg_weights, load_vgg
from vqvae_jax.msvqvae.experiment import Experiment, experiment_from_dict
from vqvae_jax.progress import Progress, working

Say = Callable[[str], None]


def evaluate(config: EvaluateConfig, say: Say = print) -> Result:
    """Measures the chosen checkpoints and writes the files; what `config.out` holds already is not measured again.

    Args:
      config: what to measure.
      say: told a line for every checkpoint.

    Raises:
      UserError: if run, checkpoints, data set or split are missing, if clips and model do not fit, or if `config.out`
        holds something else.
      EvaluationInterrupt: if interrupted; checkpoints measured until then are in the file.
    """
    job = EvaluationJob(config, say)
    try:
        result, done = job.measure()
        if result is None or (config.watch and not done):
            say(job.waiting)
        while result is None or (config.watch and not done):
            time.sleep(config.watch_seconds)
            result, done = job.measure()
    except KeyboardInterrupt as stop:
        raise EvaluationInterrupt(job.kept, job.measured_steps) from stop
    return result


class EvaluationInterrupt(KeyboardInterrupt):
    """Ctrl-C during an evaluation. The message says what the file holds; `steps` are those measured."""

    def __init__(self, message: str, steps: list[int]) -> None:
        super().__init__(message)
        self.steps = steps


class EvaluationJob:
    """One run on one clip set. `measure` may be called again and again while the run goes on.

    Raises:
      UserError: if the run, the data set, the split or the trunk that was named are missing.
    """

    def __init__(self, config: EvaluateConfig, say: Say) -> None:
        self._config, self._say = config, say
        self._said: set[str] = set()
        self._told: set[int] = set()  # steps whose figures were said
        clips = few(open_split(config.data, config.split), config.clips)
        self._batches = Batches(clips, len(clips), config.batch_size)
        weights = find_vgg_weights(config.vgg_weights)
        self._trunk = None if weights is None else load_vgg(weights)
        self._opened: tuple[Result, ModelMeasurement] | None = None
        self._last_step: int | None = None  # of the whole run, once known
        if not config.force:
            refuse_foreign_side_files(config.out)
        self._checkpoints = awaited_run(config.run, config.watch_seconds, say) if config.watch else open_run(config.run)

    def measure(self) -> tuple[Result | None, bool]:
        """Measures the chosen steps that are not in the file yet.

        Returns:
          What the file holds (None while a watched run has no checkpoint), and whether nothing more is to come.

        Raises:
          UserError: see `evaluate`.
        """
        present = self._checkpoints.steps()
        steps = self._chosen(present)
        failures: list[_UnreadableStepError] = []
        measured: Snapshot | None = None
        for step in steps:
            try:
                measured = self._measure_step(step) or measured
            except _UnreadableStepError as error:
                failures.append(error)
                continue
            if self._config.steps == "latest":
                break  # the others stand by in case that the latest cannot be read
        if steps and len(failures) == len(steps) and not self._config.watch:
            raise UserError(str(failures[0]))
        for failure in failures:
            self._say_once(f"skipped: {failure}")
        if self._opened is None:
            return None, False
        result, _ = self._opened
        if result["checkpoints"]:
            write_side_files(self._config.out, result, measured is not None, lambda: self._grid(measured))
        over = self._last_step is not None and bool(present) and present[-1] >= self._last_step
        return result, over or (self._config.steps.isdecimal() and bool(steps))

    @property
    def measured_steps(self) -> list[int]:
        """Steps that the file holds, as far as this job has opened it."""
        return [] if self._opened is None else [entry["step"] for entry in self._opened[0]["checkpoints"]]

    @property
    def waiting(self) -> str:
        """What a watching job waits for, in a line."""
        config, steps = self._config, self.measured_steps
        wanted = f"step {config.steps}" if config.steps.isdecimal() else "new checkpoints"
        done = f"measured so far: {_listed(steps)}" if steps else "none is measured yet"
        end = "" if self._last_step is None else f" of {self._last_step}"
        return (
            f"waiting for {wanted} of run {config.run}; {done}{end}; a look every {config.watch_seconds:g} s, "
            "Ctrl-C ends it"
        )

    @property
    def kept(self) -> str:
        """What is in the file if the job ends here, in a line."""
        out, steps = self._config.out, self.measured_steps
        go_on = "the same command goes on" + (" without --force" if self._config.force else "")
        if steps:
            return f"{out} holds {_listed(steps)}; {go_on}"
        if self._opened is not None:
            return f"no checkpoint was measured; {out} holds the baselines, {go_on}"
        return f"nothing was measured; {out} is as it was" if out.exists() else "nothing was measured or written"

    def _chosen(self, present: list[int]) -> list[int]:
        """The steps to look at, in order; for `latest`, those before it too, should it turn out to be damaged."""
        wanted, watch = self._config.steps, self._config.watch
        if not present and not watch:
            raise UserError(f"run {self._config.run} has no checkpoint yet; wait for the first one, or pass --watch")
        if wanted == "best":
            best = self._checkpoints.best_step()
            if best is None and not watch:
                raise UserError(f"no checkpoint of {self._config.run} has a finite PSNR; pass --steps latest or all")
            return [] if best is None else [best]
        if wanted.isdecimal():
            return [] if watch and int(wanted) not in present else [int(wanted)]
        return present[::-1] if wanted == "latest" else present

    def _measure_step(self, step: int) -> Snapshot | None:
        """The snapshot that was measured; None if the file holds its figures already."""
        with _unreadable():
            record = self._checkpoints.record(step)
        experiment = experiment_from_dict(record.config, f"checkpoint {self._checkpoints.folder / str(step)}: config")
        result, measurement = self._opened = self._opened or self._open(experiment)
        records = record.stream_state.get("records", 0)
        if experiment.training.steps or records:
            self._last_step = experiment.training.total_steps(records, experiment.data.batch_size)
        known = find_checkpoint(result, step)
        if known is not None:
            if known["digest"] != checkpoint_digest(record):
                raise UserError(
                    f"{self._config.out} holds step {step} of another run with the same configuration; write to "
                    "another --out, or pass --force to begin it anew"
                )
            if step not in self._told:
                self._told.add(step)
                self._say(f"{describe_checkpoint(known)}  (measured before)")
            return None
        with _unreadable():
            snapshot = load_snapshot(self._checkpoints, step)
        started = time.monotonic()
        with Progress(f"step {step}", self._batches.count, "clips") as progress:
            figures = measurement.measure(snapshot, result["h264"]["clip_bytes"], progress.advance)
        entry = self._entry(snapshot, figures, time.monotonic() - started)
        result["checkpoints"] = sorted([*result["checkpoints"], entry], key=lambda e: e["step"])
        write_result(self._config.out, result)
        self._told.add(step)
        self._say(describe_checkpoint(entry))
        return snapshot

    def _open(self, experiment: Experiment) -> tuple[Result, ModelMeasurement]:
        """Header, H.264 and baselines: once, from the file or measured."""
        config, batches = self._config, self._batches
        divisors = experiment.loss.layer_means
        measurement = ModelMeasurement(experiment.model, batches, self._trunk, divisors)
        if batches.clips.clip_shape[:3] != tuple(experiment.model.clip):
            shape, made_for = (
                "x".join(map(str, size)) for size in (batches.clips.clip_shape[:3], experiment.model.clip)
            )
            self._say_once(f"clips are {shape} (frames x height x width), but the model is made for {made_for}")
        result: Result = {
            "schema": SCHEMA,
            "version": VERSION,
            "run": run_entry(config.run, experiment),
            "data": data_entry(batches.clips, batches.count, read_card(config.data)),
            "perceptual": perceptual_entry(self._trunk, divisors),
            "h264": {"settings": "", "encoder": None, "bpp": None, "clip_bytes": None, "reason": None},
            "baselines": {},
            "checkpoints": [],
        }
        if config.out.exists() and not config.force:
            old = read_result(config.out)
            check_continues(config.out, old, result)
            self._say_once(describe_baselines(old))
            return old, measurement
        make_folder(config.out.parent)  # before hours of work depend on it
        with working("coding the clips with H.264"):
            result["h264"] = measure_h264(batches, result["data"]["fps"])
        with Progress("baselines", batches.count, "clips") as progress:
            result["baselines"] = measure_baselines(batches, self._trunk, divisors, progress.advance)
        write_result(config.out, result)
        self._say_once(describe_baselines(result))
        return result, measurement

    def _entry(self, snapshot: Snapshot, figures: ModelFigures, seconds: float) -> CheckpointResult:
        return {
            "step": snapshot.step,
            "digest": snapshot.digest,
            "weights": "moving average" if snapshot.moving_average else "parameters",
            "trained_on": snapshot.stream_state.get("digest"),
            "quality": figures.quality,
            "rate": figures.rate,
            "levels": figures.levels,
            "batch_size": self._batches.size,
            "seconds": round(seconds, 3),
            "hardware": hardware(),
            "versions": versions(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _grid(self, measured: Snapshot | None) -> bytes | None:
        """The picture of the file's last step, or of the one just measured if the run has removed that one."""
        assert self._opened is not None
        result, measurement = self._opened
        last = result["checkpoints"][-1]["step"]
        if (measured is None or measured.step != last) and last in self._checkpoints.steps():
            measured = load_snapshot(self._checkpoints, last)
        return None if measured is None else grid_picture(result, measurement, measured, self._batches)

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._say(line)


def _listed(steps: list[int]) -> str:
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(map(str, steps))}"


class _UnreadableStepError(Exception):
    """A step that is damaged, has values that are not finite, or was removed by the run since it was listed."""


@contextlib.contextmanager
def _unreadable() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise _UnreadableStepError(str(error)) from error
