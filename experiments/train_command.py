"""The command line of `python -m experiments.train`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax

from experiments import configs
from experiments.command_line import parse_named
from vqvae_jax.errors import UserError
from vqvae_jax.families import experiment_from
from vqvae_jax.progress import working
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints, read_config


@dataclass(frozen=True)
class TrainCommand:
    """Trains a named experiment on the train split of a data set, or resumes the run."""

    data: Path
    """Data set written by data_prep."""
    run: Path
    """Folder of the run; one that exists is resumed."""
    steps: int | None = None
    """Steps in all (training.steps)."""
    batch_size: int | None = None
    """Clips per step over all devices (data.batch-size)."""
    init_from: Path | None = None
    """Where weights and codebooks start from: a run's folder (its best checkpoint) or a bundle, FILE.safetensors. The
    optimiser starts anew."""
    vgg_weights: Path | None = None
    """VGG-16 trunk of the perceptual loss, .npz or .safetensors; default: $VQVAE_JAX_WEIGHTS."""
    coordinator: str | None = None
    """host:port of the first of several processes; with --process-id and --processes."""
    processes: int = 1
    """Processes in all."""
    process_id: int = 0
    """Which of them this is, from 0."""


def parse_command(arguments: list[str]) -> tuple[TrainCommand, Any]:
    """NAME, then options: those of `TrainCommand`, and every field of the named experiment."""
    command, experiment = parse_named("experiments.train", TrainCommand, arguments)
    if command.steps is not None:
        experiment = replace(experiment, training=replace(experiment.training, steps=command.steps))
    else:
        experiment = keep_length(experiment, configs.load(arguments[0]), command.run)
    if command.batch_size is not None:
        experiment = replace(experiment, data=replace(experiment.data, batch_size=command.batch_size))
    return command, experiment


def keep_length(experiment: Any, named: Any, run: Path) -> Any:
    """A run that exists keeps its own number of steps unless another one is asked for."""
    settings, default = experiment.training, named.training
    asked = (settings.steps, settings.epochs) != (default.steps, default.epochs)
    if asked or not Checkpoints(run / FOLDER, read_only=True).steps():
        return experiment
    before = experiment_from(read_config(run), f"run {run}").training
    return replace(experiment, training=replace(settings, steps=before.steps, epochs=before.epochs))


def join_processes(command: TrainCommand) -> None:
    """Makes this process one of several, if the command says so.

    Raises:
      UserError: if the numbers of the processes make no sense.
    """
    if command.coordinator is None:
        if command.processes != 1 or command.process_id != 0:
            raise UserError("--processes and --process-id need --coordinator host:port, the address of process 0")
        return
    if not 0 <= command.process_id < command.processes:
        raise UserError(f"--process-id {command.process_id} must be one of 0 ... {command.processes - 1} (--processes)")
    others = command.processes - 1
    how_many = others if others == 1 else f"up to {others}"  # who has come is not known before all have
    with working(f"waiting for {how_many} of {command.processes} processes at {command.coordinator}"):
        jax.distributed.initialize(command.coordinator, command.processes, command.process_id)
