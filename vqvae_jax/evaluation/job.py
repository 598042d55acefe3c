"""The evaluation job: chosen checkpoints of a run, measured on a split, written as each one is done."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from tqdm import tqdm

from vqvae_jax.data.source import open_split, read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Batches, Progress
from vqvae_jax.evaluation.clip_figures import measure_baselines, measure_h264
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.grid import chosen_records, grid_png
from vqvae_jax.evaluation.header import data_entry, perceptual_entry, run_entry
from vqvae_jax.evaluation.model_figures import ModelMeasurement
from vqvae_jax.evaluation.plot import plot_png
from vqvae_jax.evaluation.result_file import (
    check_continues,
    find_checkpoint,
    read_result,
    write_atomically,
    write_result,
)
from vqvae_jax.evaluation.schema import SCHEMA, VERSION, CheckpointResult, Result
from vqvae_jax.evaluation.side_files import clip_table, refuse_foreign_side_files, side_files
from vqvae_jax.evaluation.snapshot import Snapshot, checkpoint_digest, load_snapshot, open_run
from vqvae_jax.evaluation.surroundings import hardware, versions
from vqvae_jax.losses.vgg_weights import find_vgg_weights, load_vgg
from vqvae_jax.msvqvae.experiment import Experiment, experiment_from_dict

Say = Callable[[str], None]


def evaluate(config: EvaluateConfig, say: Say = print) -> Result:
    """Measures the chosen checkpoints and writes the files; what `config.out` holds already is not measured again.

    Args:
      config: what to measure.
      say: told a line for every checkpoint.

    Raises:
      UserError: if run, checkpoints, data set or split are missing, if clips and model do not fit, or if `config.out`
        holds something else.
      KeyboardInterrupt: if interrupted; checkpoints measured until then are in the file.
    """
    job = EvaluationJob(config, say)
    while not job.measure() and config.watch:
        time.sleep(config.watch_seconds)
    if job.result is None:
        raise UserError(f"run {config.run} has no checkpoint yet; wait for the first one, or pass --watch")
    return job.result


class EvaluationJob:
    """One run on one clip set. `measure` may be called again and again while the run goes on."""

    def __init__(self, config: EvaluateConfig, say: Say) -> None:
        self.result: Result | None = None
        self._config, self._say = config, say
        self._checkpoints = open_run(config.run)
        clips = open_split(config.data, config.split)
        count = min(config.clips, len(clips)) if config.clips else len(clips)
        self._batches = Batches(clips, count, config.batch_size)
        weights = find_vgg_weights(config.vgg_weights)
        self._trunk = None if weights is None else load_vgg(weights)
        self._measurement: ModelMeasurement | None = None
        self._last_step: int | None = None  # of the whole run, once known
        if not config.force:
            refuse_foreign_side_files(config.out)

    def measure(self) -> bool:
        """Measures what is chosen and not in the file yet. Returns whether the run's last step is done.

        Raises:
          UserError: see `evaluate`.
        """
        steps, last, failures = self._chosen(), None, []
        for step in steps:
            try:
                snapshot = self._measure_step(step)
            except _UnreadableStepError as error:
                failures.append(str(error))
                continue
            last = snapshot or last
            if self._config.steps == "latest":
                break  # the others are there in case that the latest cannot be read
        if steps and len(failures) == len(steps) and not self._config.watch:
            raise UserError(failures[0])
        for failure in failures:
            self._say(f"skipped: {failure}")
        if self.result is not None and self.result["checkpoints"]:
            self._write_side_files(last)
        return self._finished(steps)

    def _chosen(self) -> list[int]:
        steps = self._checkpoints.steps()
        if not steps and not self._config.watch:
            raise UserError(f"run {self._config.run} has no checkpoint yet; wait for the first one, or pass --watch")
        if self._config.steps == "latest":
            return steps[::-1]
        if self._config.steps == "best":
            best = self._checkpoints.best_step()
            if best is None and not self._config.watch:
                raise UserError(f"no checkpoint of {self._config.run} has a finite PSNR; pass --steps latest or all")
            return [] if best is None else [best]
        if self._config.steps == "all":
            return steps
        step = int(self._config.steps)
        return [] if self._config.watch and step not in steps else [step]

    def _measure_step(self, step: int) -> Snapshot | None:
        """The snapshot that was measured; None if the file holds its figures already."""
        try:
            record = self._checkpoints.record(step)
        except UserError as error:
            raise _UnreadableStepError(str(error)) from error
        where = f"checkpoint {self._checkpoints.folder / str(step)}: config"
        experiment = experiment_from_dict(record.config, where)
        self._prepare(experiment)
        records = record.stream_state.get("records", 0)
        if experiment.training.steps or records:
            self._last_step = experiment.training.total_steps(records, experiment.data.batch_size)
        assert self.result is not None and self._measurement is not None
        entry = find_checkpoint(self.result, step)
        if entry is not None:
            if entry["digest"] != checkpoint_digest(record):
                raise UserError(
                    f"{self._config.out} holds step {step} of another run with the same configuration; write to "
                    "another --out, or pass --force to begin it anew"
                )
            self._say(f"{describe(entry)}  (in {self._config.out.name} already)")
            return None
        try:
            snapshot = load_snapshot(self._checkpoints, step)
        except UserError as error:
            raise _UnreadableStepError(str(error)) from error
        started = time.monotonic()
        with _bar(self._batches.count, f"step {step}") as progress:
            figures = self._measurement.measure(snapshot, self.result["h264"]["clip_bytes"], progress)
        entry = CheckpointResult(
            step=step,
            digest=snapshot.digest,
            weights="moving average" if snapshot.moving_average else "parameters",
            trained_on=snapshot.stream_state.get("digest"),
            **figures._asdict(),
            batch_size=self._batches.size,
            seconds=round(time.monotonic() - started, 3),
            hardware=hardware(),
            versions=versions(),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self.result["checkpoints"] = sorted([*self.result["checkpoints"], entry], key=lambda e: e["step"])
        write_result(self._config.out, self.result)
        self._say(describe(entry))
        return snapshot

    def _prepare(self, experiment: Experiment) -> None:
        """Header, baselines and H.264: once, from the file or measured."""
        if self.result is not None:
            return
        config, batches = self._config, self._batches
        divisors = experiment.loss.layer_means
        self._measurement = ModelMeasurement(experiment.model, batches, self._trunk, divisors)
        card = read_card(config.data)
        result: Result = {
            "schema": SCHEMA,
            "version": VERSION,
            "run": run_entry(config.run, experiment),
            "data": data_entry(batches.clips, batches.count, card),
            "perceptual": perceptual_entry(self._trunk, divisors),
            "h264": {"settings": "", "encoder": None, "bpp": None, "clip_bytes": None, "reason": None},
            "baselines": {},
            "checkpoints": [],
        }
        if config.out.exists() and not config.force:
            old = read_result(config.out)
            check_continues(config.out, old, result)
            self.result = old
            self._say(describe_baselines(old))
            return
        config.out.parent.mkdir(parents=True, exist_ok=True)
        result["h264"] = measure_h264(batches, result["data"]["fps"])
        with _bar(batches.count, "baselines") as progress:
            result["baselines"] = measure_baselines(batches, self._trunk, divisors, progress)
        write_result(config.out, result)
        self.result = result
        self._say(describe_baselines(result))

    def _write_side_files(self, last: Snapshot | None) -> None:
        """Brings table, plot and grid up to date."""
        assert self.result is not None and self._measurement is not None
        files = side_files(self._config.out)
        if last is None and all(path.exists() for path in files.values()):
            return
        write_atomically(files["table"], clip_table(self.result).encode())
        write_atomically(files["plot"], plot_png(self.result))
        step = self.result["checkpoints"][-1]["step"]
        if last is None and step in self._checkpoints.steps():
            last = load_snapshot(self._checkpoints, step)
        if last is not None and (last.step == step or not files["grid"].exists()):
            write_atomically(files["grid"], self._grid(last))

    def _grid(self, snapshot: Snapshot) -> bytes:
        assert self.result is not None and self._measurement is not None
        records = chosen_records(self._batches.count)
        entry = find_checkpoint(self.result, snapshot.step)
        assert entry is not None
        psnr = entry["quality"]["clips"]["psnr"]
        run, split = self.result["run"]["name"], self.result["data"]["split"]
        return grid_png(
            f"{run}, step {snapshot.step}, {split} clips, {entry['rate']['formula_bpp']:.3f} bpp",
            [self.result["data"]["clip_ids"][record] for record in records],
            self._batches.clips.read(records),
            self._measurement.reconstruct(snapshot, records),
            [f"{psnr[record]:.2f} dB" for record in records],
        )

    def _finished(self, steps: list[int]) -> bool:
        return bool(steps) and self._last_step is not None and max(steps) >= self._last_step


class _UnreadableStepError(Exception):
    """A step that is damaged, has values that are not finite, or was removed by the run since it was listed."""


def describe(entry: CheckpointResult) -> str:
    """One line for a terminal."""
    mean, rate = entry["quality"]["mean"], entry["rate"]
    perceptual = "" if mean["perceptual"] is None else f"  perceptual {mean['perceptual']:.4f}"
    usage = "  ".join(f"{name} {level['usage']:.0%} used" for name, level in entry["levels"].items())
    return (
        f"step {entry['step']}  PSNR {mean['psnr']:.2f} dB  SSIM {mean['ssim']:.4f}{perceptual}  "
        f"{rate['formula_bpp']:.4f} bpp, {rate['deflate_bpp']:.4f} by DEFLATE  {usage}  {entry['seconds']:.0f} s"
    )


def describe_baselines(result: Result) -> str:
    """One line with the PSNR of the reconstructions without learning."""
    figures = {name: baseline["quality"] for name, baseline in result["baselines"].items()}
    known = [f"{name.replace('_', ' ')} {q['mean']['psnr']:.2f} dB" for name, q in figures.items() if q is not None]
    h264 = result["h264"]["bpp"]
    size = f"{h264:.4f} bpp" if h264 is not None else f"not measured ({result['h264']['reason']})"
    return f"without learning: {', '.join(known)}; H.264 at its defaults: {size}"


@contextlib.contextmanager
def _bar(total: int, name: str) -> Iterator[Progress]:
    """A progress bar over clips on a terminal, nothing elsewhere."""
    with tqdm(total=total, desc=name, unit=" clips", disable=None, leave=False) as bar:
        yield bar.update
