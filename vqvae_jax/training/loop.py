"""A training run from its first batch, or its last checkpoint, to its end; the same for every family."""

import contextlib
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.mixed import sources_of
from vqvae_jax.data.open import open_stream
from vqvae_jax.data.source import ClipSet
from vqvae_jax.data.stream import spread_clips
from vqvae_jax.errors import UserError
from vqvae_jax.progress import Progress
from vqvae_jax.report.pictures import comparison_grid, write_png
from vqvae_jax.training.checkpoints import FOLDER, SCORE, Checkpoints, read_config
from vqvae_jax.training.claim import claimed
from vqvae_jax.training.compiled import check_state_fits, compile_step, explain_out_of_memory
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.guard import FiniteGuard
from vqvae_jax.training.interrupt import Agreement, Interruption
from vqvae_jax.training.logs import RunLog
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.resume import (
    CONFIG_FILE,
    DATA_FILE,
    check_resumable,
    check_same_frozen,
    frozen_file,
    note_machine,
    write_json,
)
from vqvae_jax.training.stages import Program, seen, stage_at
from vqvae_jax.training.state import TrainState
from vqvae_jax.training.task import Start, Task
from vqvae_jax.training.validate import Validation
from vqvae_jax.training.window import Window

LOG_WINDOW = "log_window"  # beside the data stream's state in a checkpoint


class Job(NamedTuple):
    """What is trained, on what, and where it goes."""

    name: str  # of the experiment
    config: dict[str, Any]  # the whole experiment, as JSON values
    data: PipelineConfig
    training: TrainingConfig
    clips: ClipSet  # the train split
    validation: ClipSet | None
    run: Path
    start: Start | None = None  # of another run
    start_name: str = ""  # where it is from

    @property
    def exists(self) -> bool:
        """Whether the run has a checkpoint to go on from."""
        return bool(Checkpoints(self.run / FOLDER, read_only=True).steps())

    @property
    def steps(self) -> int:
        """In all."""
        return self.training.total_steps(len(self.clips), self.data.batch_size)

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3) of what a step sees."""
        height, width = self.data.crop or self.clips.clip_shape[1:3]
        return self.data.frames, height, width, 3


class Began(NamedTuple):
    """Where a run starts, or goes on."""

    state: TrainState
    saved: int | None  # step of the checkpoint
    changes: list[str]  # options that differ from the checkpoint's
    window: Window


def train(job: Job, task: Task) -> int:
    """Runs the training; returns the exit code (128 + signal if it was interrupted).

    Raises:
      UserError: before anything is written, if data, model and run do not go together; later if the loss is not
        finite, memory runs out, or the run's folder cannot be written.
    """
    first = jax.process_index() == 0
    with (
        Progress("step", unit="clips", every_seconds=30.0, chatty=True, speaks=first) as progress,
        claimed(job.run),
    ):
        return _train(job, task, progress)


def _train(job: Job, task: Task, progress: Progress) -> int:
    settings, batch_size, total = job.training, job.data.batch_size, job.steps
    progress.doing("opening the data and making the state")

    # ---------------------------------------------------------------------------------------------- devices and data
    devices = DeviceMap(settings.mapping)
    devices.check_batch(batch_size, "data.batch_size")
    parts = batch_size // len(devices.devices)
    if parts % settings.microbatches:
        raise UserError(f"config: training.microbatches={settings.microbatches} must divide a device's {parts} clips")
    frames, height, width, _ = job.clip_shape
    task.check_clips((frames, height, width), f"data set {job.clips.data_dir}")
    counted = task.cost((frames, height, width))
    check_state_fits(counted.parameters, jax.local_devices()[0])
    validation = None
    if job.validation is not None:
        per_device = max(batch_size // jax.device_count(), 1)
        validation = Validation(task, settings.mapping, job.validation, settings.validation_clips, per_device)
    stream = open_stream(job.clips, job.data, jax.process_index(), jax.process_count())

    # ------------------------------------------------------------------------------- state: new, or where the run was
    checkpoints = Checkpoints(job.run / FOLDER, keep_latest=2, keep_every=settings.keep_every or None)
    root = jax.random.key(settings.seed)
    with explain_out_of_memory():
        began = begin(job, task, checkpoints, stream, jax.random.fold_in(root, 0))
        state, saved, window = devices.replicate(began.state), began.saved, began.window
    start = int(began.state.step)

    # --------------------------------------------------------------------------------------- the step, once for a stage
    key = devices.replicate(jax.random.fold_in(root, 1))
    constants = devices.replicate(task.constants)

    def program_at(done: int) -> Program:
        stage, end = stage_at(task.stages, done, total)
        part = (stage.frames or frames, height, width)
        macs = task.cost(part).forward_macs if stage.forward_macs is None else stage.forward_macs(part)
        clock = time.perf_counter()
        local = batch_size // jax.process_count()
        shapes = seen(stage, np.zeros((local, *part, 3), np.uint8), np.zeros(local, np.int64))
        mapped = devices.map(stage.step, (False, True, False, False), (False, False), donate=(0,))
        step = compile_step(mapped, state, jax.tree.map(devices.split, shapes), key, constants)
        return Program(stage, end, step, 6.0 * macs * batch_size, time.perf_counter() - clock)

    progress.begin(total, start, batch_size)
    progress.doing("compiling")
    progress.note(f"{job.name}: {counted.summary}; {len(job.clips)} training clips of {frames}x{height}x{width}")
    program = program_at(start)

    # ------------------------------------------------------------------------------------------------------- the loop
    note_run(job, task, new_steps=start < total)
    log = RunLog(job.run, resume_step=start)
    for line in head(job, task, began, devices, program):
        progress.note(line)
    guard, agreement = FiniteGuard(job.clips.ids), Agreement(devices)
    window.start_clock()
    figures: dict[str, float] | None = None
    number = start

    def save() -> None:
        nonlocal saved
        guard.settle(saved)
        metrics = None if figures is None else figures | {SCORE: task.best(figures)}
        # The log's open window is part of the whole: without it a resumed run would draw other curves.
        stream_state = stream.get_state() | {LOG_WINDOW: window.get_state()}
        checkpoints.save(number, state, stream_state, job.config, metrics)
        saved = number

    with (
        Interruption() as interruption,
        log,
        checkpoints,
        contextlib.closing(stream),
        explain_out_of_memory(),
    ):
        while number < total and not interruption.agreed(agreement):
            if number == program.end:
                progress.doing("compiling")
                program = program_at(number)
                progress.note(f"{program.steps}: {program.cost}")
                window.start_clock()
            batch = next(stream)
            share = jax.tree.map(devices.split, seen(program.stage, batch.clips, batch.records))
            state, metrics = program.step.call(state, share, key, constants)
            number += 1
            guard.watch(number, metrics.finite, batch.records.tolist(), saved)
            window.add(metrics)
            last = number == total
            figures = None

            paused = time.perf_counter()
            if number % settings.log_every == 0 or number == program.end:  # stages report different things
                values = window.close(batch_size, program.flops)
                values["learning_rate"] = task.learning_rate(number - 1)
                log.scalars(number, values)
                shown = {"loss": values["loss"], "PSNR": values["psnr"], "GFLOP/s": values["flops_per_second"] / 1e9}
                progress.update(number, shown)
                paused = time.perf_counter()
            else:
                progress.update(number)
            if validation is not None and (number % settings.validate_every == 0 or last):
                guard.settle(saved)
                figures = validation.figures(state)
                log.scalars(number, {f"validation/{name}": value for name, value in figures.items()})
                clips = len(validation.records)
                progress.note(f"step {number}: validation {figures['psnr']:.2f} dB on {clips} clips")
            if number % settings.checkpoint_every == 0 or figures is not None:
                save()
            if settings.picture_every and validation is not None and (number % settings.picture_every == 0 or last):
                write_picture(job.run, log, number, *validation.reconstructions(state, 4))
            if (elapsed := time.perf_counter() - paused) > 0.05:
                window.skip_time(elapsed)
                progress.pause()
        if saved != number:
            save()
        checkpoints.wait()
        if stream.skipped:
            progress.note(
                f"{len(stream.skipped)} unreadable records were replaced: {list(stream.skipped.values())[:3]}"
            )
        if interruption.signal is not None:
            progress.note(
                f"{interruption.signal.name}: saved step {number} and left; the same training command resumes"
            )
        else:
            progress.note(f"done: {number} steps, best checkpoint {checkpoints.best_step()} in {job.run}")
    return interruption.exit_code


def begin(job: Job, task: Task, checkpoints: Checkpoints, stream: Any, key: jax.Array) -> Began:
    """The state of the run's latest checkpoint, with the data stream set to it; a new one if there is none.

    Raises:
      UserError: if the run cannot be gone on with as the job says.
    """
    if not checkpoints.steps():
        first = jnp.asarray(spread_clips(job.clips, job.data))
        return Began(task.init(key, first, job.start), None, [], Window(task.health))
    changes = check_resumable(read_config(job.run), job.config, job.run)
    longer = [change for change in changes if change.startswith(("training.steps:", "training.epochs:"))]
    if longer and len(task.stages) > 1:
        raise UserError(
            f"run {job.run} is trained in stages, which are shares of its length ({longer[0]}); go on with the same "
            "length, or start another --run"
        )
    check_same_frozen(task.frozen, job.run)
    restored = checkpoints.restore("latest", like=task.abstract())
    if restored.step > job.steps:
        raise UserError(f"run {job.run} is at step {restored.step} already; --steps {job.steps} is fewer, give more")
    stream.set_state(restored.stream_state)
    window = Window(task.health, restored.stream_state.get(LOG_WINDOW))
    return Began(restored.state, restored.step, changes, window)


def note_run(job: Job, task: Task, new_steps: bool) -> None:
    """Writes down beside the checkpoints what the run is."""
    write_json(job.run / CONFIG_FILE, job.config)
    write_json(job.run / DATA_FILE, sources_of(job.clips))
    if new_steps:
        note_machine(job.run)
    for name, network in task.frozen.items():
        write_json(frozen_file(job.run, name), network._asdict())


def head(job: Job, task: Task, began: Began, devices: DeviceMap, program: Program) -> list[str]:
    """What stands above the first step."""
    at = "new" if began.saved is None else f"resumed at step {began.saved}"
    lines = [
        f"{len(devices.devices)} x {devices.devices[0].device_kind}, {devices.kind}, {program.cost}",
        f"run {job.run}: {at}, {job.steps} steps in all",
    ]
    if program.steps:
        lines.append(program.steps)
    if job.start is not None and began.saved is None:
        lines.append(f"weights from {job.start_name}")
    return [*lines, *(f"changed: {change}" for change in began.changes), *task.notes(began.state)]


def write_picture(run: Path, log: RunLog, step: int, originals: np.ndarray, estimates: np.ndarray) -> None:
    """Originals above reconstructions, (N, T, H, W, 3) uint8, into TensorBoard and `pictures/`."""
    grid = comparison_grid(originals, estimates)
    log.picture(step, "reconstructions", grid)
    if jax.process_index() == 0:
        write_png(run / "pictures" / f"step_{step:07d}.png", grid)
