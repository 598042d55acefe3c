"""Trains a named experiment: `python -m experiments.train NAME --data DIR --run DIR`.

NAME is followed by the program's options and every field of the experiment as one. The run folder gets `config.json`,
`data.json`, `machines.json`, `metrics.jsonl`, `tensorboard/`, `pictures/` and `checkpoints/`. A run that exists is
resumed. SIGINT and SIGTERM save and leave. JAX is imported where it is needed: not before SIGINT is listened to, nor
for --help.
"""

import inspect
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from experiments import configs
from vqvae_jax.allocator import keep_freed_memory
from vqvae_jax.command_line import parse
from vqvae_jax.errors import UserError, run_command, say
from vqvae_jax.stopping import leave_at_once


@dataclass(frozen=True)
class TrainCommand:
    """Trains a named experiment on the train split of a data set, or resumes the run."""

    data: tuple[Path, ...]
    """Data set written by data_prep; several are trained on together."""
    run: Path
    """Folder of the run; one that exists is resumed."""
    steps: int | None = None
    """Steps in all; default: --training.steps."""
    batch_size: int | None = None
    """Clips per step over all devices; default: --data.batch-size."""
    weights: tuple[float, ...] = ()
    """How often each of several data sets is drawn from, as 2 1; default: as often as it has clips."""
    init_from: Path | None = None
    """Where weights and codebooks start from: a run's folder (its best checkpoint), a bundle's file, or the name of one
    of the package. The optimiser starts anew."""
    vgg_weights: Path | None = None
    """VGG-16 trunk of the perceptual loss, .npz or .safetensors; default: $VQVAE_JAX_WEIGHTS."""
    keep_memory: bool = True
    """On a CPU, keep freed memory for the next step: faster, with up to half as much memory again."""
    coordinator: str | None = None
    """HOST:PORT of the first of several processes; with --processes and --process-id."""
    processes: int = 1
    """Processes in all."""
    process_id: int = 0
    """Number of this one, from 0."""


def parse_named(
    arguments: list[str], command: type[Any] = TrainCommand, program: str = "python -m experiments.train"
) -> tuple[Any, Any]:
    """`NAME [options]` as typed; the experiment's own values are the defaults that `--help` shows.

    Args:
      arguments: as typed.
      command: the program's own options, a dataclass.
      program: its name.

    Raises:
      UserError: if NAME is missing or unknown.
    """
    import tyro

    listed = ", ".join(configs.names())
    if arguments and arguments[0] in ("-h", "--help"):
        print(f"usage: {program} NAME [options]\n\n{inspect.getdoc(command)}\n\nNAME is one of {listed}.")
        print(f"{program} NAME --help lists every option with that experiment's defaults.")
        sys.exit(0)
    if not arguments or arguments[0].startswith("-"):
        raise UserError(f"give the experiment's name first: one of {listed}")
    experiment = configs.load(arguments[0])

    def both(options: Any, experiment: Any = experiment) -> tuple[Any, Any]:
        return options, experiment

    # Without a prefix for either, so that `--data` and `--model.width` stand side by side.
    both.__annotations__ = {
        "options": Annotated[command, tyro.conf.arg(name="")],
        "experiment": Annotated[type(experiment), tyro.conf.arg(name="")],
    }
    both.__doc__ = inspect.getdoc(command)
    settings = (tyro.conf.FlagConversionOff, tyro.conf.AvoidSubcommands)
    return parse(both, f"{program} {arguments[0]}", arguments[1:], config=settings)


def parse_command(arguments: list[str]) -> tuple[TrainCommand, Any]:
    """What `parse_named` reads, with the short options in place; a run that exists keeps its length."""
    command, experiment = parse_named(arguments)
    _refuse_no_steps(command, experiment, arguments)
    if command.steps is not None:
        experiment = replace(experiment, training=replace(experiment.training, steps=command.steps))
    else:
        experiment = keep_length(experiment, configs.load(arguments[0]), command.run)
    if command.batch_size is not None:
        experiment = replace(experiment, data=replace(experiment.data, batch_size=command.batch_size))
    return command, experiment


def _refuse_no_steps(command: TrainCommand, experiment: Any, arguments: list[str]) -> None:
    """A configuration's 0 steps mean its epochs; one who types 0 expects none, unless epochs are typed as well.

    Raises:
      UserError: if 0 steps, or fewer, were typed.
    """
    typed = {word.partition("=")[0].replace("_", "-") for word in arguments if word.startswith("--")}
    if command.steps is not None and command.steps < 1:
        raise UserError(f"--steps {command.steps} is not allowed; expected a whole number of at least 1")
    if "--training.steps" in typed and experiment.training.steps == 0 and "--training.epochs" not in typed:
        raise UserError(
            f"--training.steps 0 would train for epochs, {experiment.training.epochs} of them; leave it out or give "
            "--training.epochs"
        )


def keep_length(experiment: Any, named: Any, run: Path) -> Any:
    """A run that exists keeps its own number of steps unless another one is asked for."""
    from vqvae_jax.families import experiment_from
    from vqvae_jax.training.checkpoints import FOLDER, Checkpoints, read_config

    settings, default = experiment.training, named.training
    asked = (settings.steps, settings.epochs) != (default.steps, default.epochs)
    if asked or not Checkpoints(run / FOLDER, read_only=True).steps():
        return experiment
    before = experiment_from(read_config(run), f"run {run}").training
    if before.steps and before.steps < default.steps:
        whole = f"{named.name} has {default.steps}: --steps {default.steps}"
        say(f"run {run}: goes on to the {before.steps} steps it was begun with; {whole}", file=sys.stderr)
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
    import jax

    from vqvae_jax.progress import working

    others = command.processes - 1
    how_many = others if others == 1 else f"up to {others}"  # who has come is not known before all have
    with working(f"waiting for {how_many} of {command.processes} processes at {command.coordinator}"):
        jax.distributed.initialize(command.coordinator, command.processes, command.process_id)


def train(command: TrainCommand, experiment: Any) -> int:
    """Runs the training; returns the exit code (128 + signal if it was interrupted).

    Raises:
      UserError: see `vqvae_jax.training.loop.train`; also if data, weights or what to start from are not to be found.
    """
    from vqvae_jax.data.open import open_sets
    from vqvae_jax.data.source import ClipSet
    from vqvae_jax.families import config_of, family, start_from
    from vqvae_jax.packaged import packaged
    from vqvae_jax.training.loop import Job
    from vqvae_jax.training.loop import train as run

    settings = experiment.training
    clips = open_sets(command.data, "train", command.weights or None)
    validation: ClipSet | None = None
    if settings.validation_clips:
        try:
            validation = open_sets(command.data, "validation")
        except UserError as error:
            raise UserError(f"{error}; --training.validation-clips 0 trains without validation") from error
    job = Job(experiment.name, config_of(experiment), experiment.data, settings, clips, validation, command.run)
    task = family(experiment.family).task(experiment, job.steps, command.vgg_weights)
    if command.init_from is not None and not job.exists:
        given = command.init_from
        source = given if given.exists() else packaged().get(str(given), given)
        job = job._replace(start=start_from(source, task), start_name=str(given))
    return run(job, task)


def main() -> None:
    """Parses the command line, joins the other processes if there are any, and trains."""
    command, experiment = parse_command(sys.argv[1:])
    if command.keep_memory:
        keep_freed_memory()
    join_processes(command)
    sys.exit(train(command, experiment))


if __name__ == "__main__":
    leave_at_once("train")  # until the loop's `Interruption`
    run_command("train", main)
