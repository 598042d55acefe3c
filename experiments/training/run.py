"""A training run from its first batch, or its last checkpoint, to its end."""

import contextlib
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.training.command import TrainCommand
from vqvae_jax.codec.bundle import load_bundle
from vqvae_jax.config import to_dict
from vqvae_jax.data.source import open_split, open_stream
from vqvae_jax.data.stream import spread_clips
from vqvae_jax.errors import UserError
from vqvae_jax.losses.vgg_weights import require_vgg
from vqvae_jax.msvqvae.count import cost
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.initialise import Weights, fitting_weights, weights_from_checkpoint
from vqvae_jax.msvqvae.start import abstract_state, new_state
from vqvae_jax.msvqvae.step import make_train_step
from vqvae_jax.msvqvae.validate import Validation
from vqvae_jax.progress import Progress
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints, read_config
from vqvae_jax.training.claim import claimed
from vqvae_jax.training.compiled import compile_step, explain_out_of_memory
from vqvae_jax.training.guard import FiniteGuard
from vqvae_jax.training.interrupt import Agreement, Interruption
from vqvae_jax.training.logs import RunLog
from vqvae_jax.training.machines import note_machine
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.optimizer import learning_rate_schedule, make_optimizer
from vqvae_jax.training.pictures import comparison_grid, write_png
from vqvae_jax.training.resume import (
    CONFIG_FILE,
    DATA_FILE,
    TRUNK_FILE,
    check_resumable,
    check_same_trunk,
    write_json,
)
from vqvae_jax.training.state import TrainState
from vqvae_jax.training.window import Window

LOG_WINDOW = "log_window"  # beside the data stream's state in a checkpoint


def train(command: TrainCommand, experiment: Experiment) -> int:
    """Runs the training; returns the exit code (128 + signal if it was interrupted).

    Raises:
      UserError: before anything is written, if the command, the data set or the run does not allow it; later if the
        loss is not finite, memory runs out, or the disk is full.
    """
    first = jax.process_index() == 0
    with (
        Progress("step", unit="clips", every_seconds=30.0, chatty=True, speaks=first) as progress,
        claimed(command.run),
    ):
        return _train(command, experiment, progress)


def _train(command: TrainCommand, experiment: Experiment, progress: Progress) -> int:
    settings = experiment.training
    progress.doing("opening the data and making the state")

    # ---------------------------------------------------------------------------------------------- devices and data
    devices = DeviceMap(settings.mapping)
    devices.check_batch(experiment.data.batch_size, "data.batch_size")
    parts = experiment.data.batch_size // len(devices.devices)
    if parts % settings.microbatches:
        raise UserError(f"config: training.microbatches={settings.microbatches} must divide a device's {parts} clips")
    clips = open_split(command.data, "train")
    clip_shape = (experiment.data.frames, *clips.clip_shape[1:])
    experiment.model.check_size(clip_shape[:3], f"data set {command.data}")
    validation = make_validation(command, experiment)
    stream = open_stream(clips, experiment.data, jax.process_index(), jax.process_count())
    trunk = require_vgg(command.vgg_weights) if experiment.loss.gamma > 0 else None

    # ------------------------------------------------------------------------------- state: new, or where the run was
    total = settings.total_steps(len(clips), experiment.data.batch_size)
    optimizer = make_optimizer(experiment.optimizer, total, experiment.data.batch_size)
    schedule = learning_rate_schedule(experiment.optimizer, total, experiment.data.batch_size)
    config = to_dict(experiment)
    checkpoints = Checkpoints(command.run / FOLDER, keep_latest=2, keep_every=settings.keep_every or None)
    root = jax.random.key(settings.seed)
    saved: int | None = None
    changes: list[str] = []
    window = Window()
    with explain_out_of_memory():
        if checkpoints.steps():
            changes = check_resumable(read_config(command.run), config, command.run)
            check_same_trunk(None if trunk is None else trunk.digest, command.run)
            restored = checkpoints.restore("latest", like=abstract_state(experiment, optimizer))
            state, saved = restored.state, restored.step
            if saved > total:
                raise UserError(f"run {command.run} is at step {saved} already; --steps {total} is fewer, give more")
            stream.set_state(restored.stream_state)
            window = Window(restored.stream_state.get(LOG_WINDOW))
        else:
            weights = None
            if command.init_from is not None:
                weights = start_weights(command.init_from, abstract_state(experiment, optimizer))
            first = jnp.asarray(spread_clips(clips, experiment.data))
            state = new_state(experiment, optimizer, jax.random.fold_in(root, 0), first, trunk, weights)
        start = int(state.step)
        state = devices.replicate(state)

    # ------------------------------------------------------------------------------------------------- the step, once
    key = devices.replicate(jax.random.fold_in(root, 1))
    trunk_on_devices = devices.replicate(trunk) if trunk is not None else None
    mapped = devices.map(
        make_train_step(experiment, optimizer), (False, True, False, False), (False, False), donate=(0,)
    )
    counted = cost(experiment.model, clip_shape[:3])
    progress.begin(total, start, experiment.data.batch_size)
    progress.doing("compiling")
    progress.note(
        f"{experiment.name}: {counted.parameters:,} parameters + {counted.codebook_entries:,} codebook entries, "
        f"{counted.bpp:.4f} bpp by formula; {len(clips)} training clips of {'x'.join(map(str, clip_shape[:3]))}"
    )
    began = time.perf_counter()
    local_batch = np.zeros((experiment.data.batch_size // jax.process_count(), *clip_shape), np.uint8)
    step = compile_step(mapped, state, devices.split(local_batch), key, trunk_on_devices)
    flops = 6.0 * (counted.encoder_macs + counted.decoder_macs) * experiment.data.batch_size

    # ------------------------------------------------------------------------------------------------------- the loop
    write_json(command.run / CONFIG_FILE, config)
    write_json(command.run / DATA_FILE, {"folder": str(command.data.absolute()), "digest": clips.digest})
    if start < total:
        note_machine(command.run)
    if trunk is not None:
        write_json(command.run / TRUNK_FILE, {"digest": trunk.digest, "provenance": trunk.provenance})
    log = RunLog(command.run, resume_step=start)
    for line in [
        f"{len(devices.devices)} x {devices.devices[0].device_kind}, {devices.kind}, compiled in "
        f"{time.perf_counter() - began:.0f} s; a step: {flops / 1e9:.0f} GFLOP of the model, "
        f"{(step.argument_bytes + step.temporary_bytes) / 2**20:.0f} MiB per device",
        f"run {command.run}: " + ("new" if saved is None else f"resumed at step {saved}") + f", {total} steps in all",
        *([f"weights and codebooks from {command.init_from}"] if command.init_from and saved is None else []),
        *(f"changed: {change}" for change in changes),
        *([f"perceptual weight {float(state.perceptual_weight):.6g} ({experiment.loss.gamma_rule})"] if trunk else []),
    ]:
        progress.note(line)

    guard, agreement = FiniteGuard(clips.ids), Agreement(devices)
    window.start_clock()
    psnr: float | None = None
    number = start

    def save() -> None:
        nonlocal saved
        guard.settle(saved)
        metrics = None if psnr is None else {"psnr": psnr}
        # The log's open window is part of the whole: without it a resumed run would draw other curves.
        stream_state = stream.get_state() | {LOG_WINDOW: window.get_state()}
        checkpoints.save(number, state, stream_state, config, metrics)
        saved = number

    with (
        Interruption() as interruption,
        log,
        checkpoints,
        contextlib.closing(stream),
        explain_out_of_memory(),
    ):
        while number < total and not interruption.agreed(agreement):
            batch = next(stream)
            state, metrics = step.call(state, devices.split(batch.clips), key, trunk_on_devices)
            number += 1
            guard.watch(number, metrics.finite, batch.records.tolist(), saved)
            window.add(metrics.scalars, metrics.counts)
            last = number == total
            psnr = None

            paused = time.perf_counter()
            if number % settings.log_every == 0 or last:
                values = window.close(experiment.data.batch_size, flops)
                values["learning_rate"] = float(schedule(number - 1))
                log.scalars(number, values)
                shown = {"loss": values["loss"], "PSNR": values["psnr"], "GFLOP/s": values["flops_per_second"] / 1e9}
                progress.update(number, shown)
                paused = time.perf_counter()
            else:
                progress.update(number)
            if validation is not None and (number % settings.validate_every == 0 or last):
                guard.settle(saved)
                validated = validation.psnr(state.eval_params, state.codebooks)
                psnr = validated["psnr"]
                log.scalars(number, {f"validation/{name}": value for name, value in validated.items()})
                progress.note(f"step {number}: validation {psnr:.2f} dB on {len(validation.records)} clips")
            if number % settings.checkpoint_every == 0 or psnr is not None:
                save()
            if settings.picture_every and validation is not None and (number % settings.picture_every == 0 or last):
                write_picture(command.run, log, number, validation, state)
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
            progress.note(f"{interruption.signal.name}: saved step {number} and left; the same command resumes")
        else:
            progress.note(f"done: {number} steps, best checkpoint {checkpoints.best_step()} in {command.run}")
    return interruption.exit_code


def start_weights(source: Path, like: TrainState) -> Weights:
    """Weights and codebooks of a run's best checkpoint or of a bundle.

    Raises:
      UserError: if there are none, or they are of another model.
    """
    if source.suffix != ".safetensors":
        return weights_from_checkpoint(source, like)
    bundle = load_bundle(source)
    return fitting_weights(
        source, bundle.params, {name: book._asdict() for name, book in bundle.codebooks.items()}, like
    )


def make_validation(command: TrainCommand, experiment: Experiment) -> Validation | None:
    """The fixed validation clips, or none if the run was told to do without.

    Raises:
      UserError: if the data set has no validation clips.
    """
    count = experiment.training.validation_clips
    if count == 0:
        return None
    try:
        split = open_split(command.data, "validation")
    except UserError as error:
        raise UserError(f"{error}; --training.validation-clips 0 trains without validation") from error
    per_device = max(experiment.data.batch_size // jax.device_count(), 1)
    settings = experiment.training
    return Validation(settings.mapping, experiment.model, split, count, experiment.model.clip[0], per_device)


def write_picture(run: Path, log: RunLog, step: int, validation: Validation, state: Any) -> None:
    """Originals above reconstructions, into TensorBoard and `pictures/`."""
    originals, estimates = validation.reconstructions(state.eval_params, state.codebooks, 4)
    grid = comparison_grid(originals, estimates)
    log.picture(step, "reconstructions", grid)
    if jax.process_index() == 0:
        write_png(run / "pictures" / f"step_{step:07d}.png", grid)
