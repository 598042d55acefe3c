"""The evaluation job: chosen checkpoints of a run, measured on a split, written as each one is done."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import evenly_spread, few
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Batches
from vqvae_jax.evaluation.bundles import bundles_folder, evaluate_bundle, fitted_bundle
from vqvae_jax.evaluation.clip_files import curve_missing, measure_curve, measure_files
from vqvae_jax.evaluation.coder import ModelCoder, coders_at
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.model_figures import ModelMeasurement
from vqvae_jax.evaluation.opening import DEFAULT_FPS, Say, layer_means, open_result, run_entry, surroundings
from vqvae_jax.evaluation.overview import describe_checkpoint
from vqvae_jax.evaluation.quality import ClipMeasure
from vqvae_jax.evaluation.result_file import find_checkpoint, write_result
from vqvae_jax.evaluation.schema import CheckpointResult, Files, RatePoint, Result
from vqvae_jax.evaluation.side_files import grid_picture, refuse_foreign_side_files, write_side_files
from vqvae_jax.families import experiment_from, load_snapshot, task_of
from vqvae_jax.losses.vgg_weights import find_vgg_weights, load_vgg
from vqvae_jax.progress import Progress
from vqvae_jax.training.snapshot import Snapshot, awaited_run, checkpoint_digest, open_run

NOT_ASKED = "files=0: not asked for"


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
    if config.run.is_file():
        return evaluate_bundle(config, say)
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
        there = None if config.watch else open_run(config.run)
        clips = few(open_split(config.data, config.split), config.clips)
        self._batches = Batches(clips, len(clips), config.batch_size)
        weights = find_vgg_weights(config.vgg_weights)
        self._trunk = None if weights is None else load_vgg(weights)
        self._opened: tuple[Result, ModelMeasurement] | None = None
        self._clip_measure = ClipMeasure()
        self._tried: set[int] = set()  # steps whose files were measured now, or could not be
        self._last_step: int | None = None  # of the whole run, once known
        if not config.force:
            refuse_foreign_side_files(config.out)
        self._checkpoints = there or awaited_run(config.run, config.watch_seconds, say)

    def measure(self) -> tuple[Result | None, bool]:
        """Measures the chosen steps that are not in the file yet.

        Returns:
          What the file holds (None while a watched run has no checkpoint), and whether nothing more is to come.

        Raises:
          UserError: see `evaluate`.
        """
        present = self._checkpoints.steps()
        wishes = self._wishes(present)
        failures: list[_UnreadableStepError] = []
        measured: Snapshot | None = None
        fulfilled = 0
        for wish in wishes:
            for step in wish:
                try:
                    measured = self._measure_step(step) or measured
                    fulfilled += 1
                    break
                except _UnreadableStepError as error:
                    failures.append(error)
        if failures and not fulfilled and not self._config.watch:
            raise UserError(str(failures[0]))
        for failure in failures:
            self._say_once(f"skipped: {failure}")
        if self._opened is None:
            return None, False
        result, _ = self._opened
        if result["checkpoints"]:
            write_side_files(self._config.out, result, measured is not None, lambda: self._grid(measured))
        over = self._last_step is not None and bool(present) and present[-1] >= self._last_step
        numbers = all(step.isdecimal() for step in self._config.steps)
        return result, over or (numbers and fulfilled == len(self._config.steps))

    @property
    def measured_steps(self) -> list[int]:
        """Steps that the file holds, as far as this job has opened it."""
        return [] if self._opened is None else [entry["step"] for entry in self._opened[0]["checkpoints"]]

    @property
    def waiting(self) -> str:
        """What a watching job waits for, in a line."""
        config, steps = self._config, self.measured_steps
        numbers = [int(step) for step in config.steps if step.isdecimal()]
        wanted = _listed(numbers) if len(numbers) == len(config.steps) else "new checkpoints"
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

    def _wishes(self, present: list[int]) -> list[list[int]]:
        """For each step that is wanted those that will do: for `latest` also the ones before, should it be damaged."""
        config = self._config
        if not present and not config.watch:
            raise UserError(f"run {config.run} has no checkpoint yet; wait for the first one, or pass --watch")
        wishes: list[list[int]] = []
        for wanted in config.steps:
            if wanted == "best":
                best = self._checkpoints.best_step()
                if best is None and not config.watch:
                    raise UserError(f"no checkpoint of {config.run} has a finite PSNR; pass --steps latest or all")
                wishes += [] if best is None else [[best]]
            elif wanted.isdecimal():
                wishes += [] if config.watch and int(wanted) not in present else [[int(wanted)]]
            else:
                wishes += [present[::-1]] if wanted == "latest" else [[step] for step in present]
        return [wish for number, wish in enumerate(wishes) if wish not in wishes[:number]]

    def _measure_step(self, step: int) -> Snapshot | None:
        """The snapshot that was measured; None if the file holds its figures already."""
        with _unreadable():
            record = self._checkpoints.record(step)
        experiment = experiment_from(record.config, f"checkpoint {self._checkpoints.folder / str(step)}: config")
        result, measurement = self._opened = self._opened or self._open(experiment)
        records = record.stream_state.get("records", 0)
        if experiment.training.steps or records:
            self._last_step = experiment.training.total_steps(records, experiment.data.batch_size)
        known = find_checkpoint(result, step)
        if known is not None and known["digest"] != checkpoint_digest(record):
            raise UserError(
                f"{self._config.out} holds step {step} of another run with the same configuration; write to "
                "another --out, or pass --force to begin it anew"
            )
        if known is not None and (step in self._tried or not self._files_missing(known)):
            if step not in self._told:
                self._told.add(step)
                self._say(f"{describe_checkpoint(known)}  (measured before)")
            return None
        with _unreadable():
            snapshot = load_snapshot(self._checkpoints, step)
        started = time.monotonic()
        entry = known or self._entry(snapshot, measurement)
        self._tried.add(step)
        files, reason, curve = self._files(snapshot)
        if known is not None and files is None:
            self._say_once(f"{describe_checkpoint(known)}  (measured before; files still not: {reason})")
            return None
        entry["files"], entry["files_reason"], entry["curve"] = files, reason, curve
        entry["seconds"] = round(entry["seconds"] + time.monotonic() - started, 3)
        others = [e for e in result["checkpoints"] if e["step"] != step]
        result["checkpoints"] = sorted([*others, entry], key=lambda e: e["step"])
        write_result(self._config.out, result)
        self._told.add(step)
        self._say(describe_checkpoint(entry))
        if entry["files"] is None and self._config.files != 0:
            self._say_once(f"files not measured: {entry['files_reason']}")
        return snapshot

    def _open(self, experiment: Any) -> tuple[Result, ModelMeasurement]:
        """Header, H.264 and baselines: once, from the file or measured."""
        config, batches, divisors = self._config, self._batches, layer_means(experiment)
        measurement = ModelMeasurement(task_of(experiment), batches, self._trunk, divisors)
        if batches.clips.clip_shape[:3] != tuple(experiment.model.clip):
            shapes = batches.clips.clip_shape[:3], experiment.model.clip
            found, made_for = ("x".join(map(str, shape)) for shape in shapes)
            self._say_once(f"clips are {found} (frames x height x width), but the model is made for {made_for}")
        run = run_entry(config.run, experiment, batches.clips.clip_shape)
        return open_result(config, run, batches, self._trunk, divisors, self._say_once), measurement

    def _entry(self, snapshot: Snapshot, measurement: ModelMeasurement) -> CheckpointResult:
        with Progress(f"step {snapshot.step}", self._batches.count, "clips") as progress:
            figures = measurement.measure(snapshot, progress.advance)
        return {
            "step": snapshot.step,
            "digest": snapshot.digest,
            "weights": "moving average" if snapshot.moving_average else "parameters",
            "trained_on": snapshot.stream_state.get("digest"),
            "quality": figures.quality,
            "files": None,
            "files_reason": None,
            "curve": [],
            "estimates": figures.estimates,
            "without": figures.without,
            "diagnostics": figures.diagnostics,
            "batch_size": self._batches.size,
            "seconds": 0.0,
            **surroundings(),
        }

    def _file_records(self) -> list[int]:
        count, files = self._batches.count, self._config.files
        return evenly_spread(count, count if files == "all" else files)

    def _files_missing(self, entry: CheckpointResult) -> bool:
        """Whether files are wanted that the entry has not, though they could be measured."""
        wanted = self._batches.clips.ids(self._file_records())
        found = entry["files"]
        have = None if found is None else (found["clip_ids"], found["fitted_on"])
        same = have == (wanted, self._config.fit_clips) and not curve_missing(entry, self._config.qualities)
        return bool(wanted) and not same

    def _files(self, snapshot: Snapshot) -> tuple[Files | None, str | None, list[RatePoint]]:
        """Files of the checkpoint's bundle, or why there are none; and those at the other qualities."""
        config, clips, records = self._config, self._batches.clips, self._file_records()
        if not records:
            return None, NOT_ASKED, []
        assert self._opened is not None
        fps = self._opened[0]["data"]["fps"] or DEFAULT_FPS
        try:
            path = fitted_bundle(snapshot, config.run, config.data, bundles_folder(config.out), config.fit_clips)
            coder, others = ModelCoder(path, fps), coders_at(path, fps, config.qualities)
            with Progress(f"step {snapshot.step}: files", len(records) * (1 + len(others)), "clips") as progress:
                wanted = clips, records, self._clip_measure, config.fit_clips, progress.advance
                return measure_files(coder, *wanted)[0], None, measure_curve(others, *wanted)
        except UserError as error:
            return None, str(error), []

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
