"""Trains a named experiment: `python -m experiments.train NAME --data DIR --run DIR`.

The run folder gets `config.json`, `data.json`, `machines.json`, `metrics.jsonl`, `tensorboard/`, `pictures/` and
`checkpoints/`. A run that exists is resumed. SIGINT and SIGTERM save and leave.
"""

import signal
import sys
from typing import TYPE_CHECKING, Any

from vqvae_jax.errors import UserError, run_command

if TYPE_CHECKING:
    from experiments.train_command import TrainCommand


def train(command: "TrainCommand", experiment: Any) -> int:
    """Runs the training; returns the exit code (128 + signal if it was interrupted).

    Raises:
      UserError: see `vqvae_jax.training.loop.train`; also if data, weights or what to start from are not to be found.
    """
    from vqvae_jax.data.open import open_split
    from vqvae_jax.data.source import ClipSet
    from vqvae_jax.families import config_of, family, start_from
    from vqvae_jax.training.loop import Job
    from vqvae_jax.training.loop import train as run

    settings = experiment.training
    clips = open_split(command.data, "train")
    validation: ClipSet | None = None
    if settings.validation_clips:
        try:
            validation = open_split(command.data, "validation")
        except UserError as error:
            raise UserError(f"{error}; --training.validation-clips 0 trains without validation") from error
    job = Job(experiment.name, config_of(experiment), experiment.data, settings, clips, validation, command.run)
    task = family(experiment.family).task(experiment, job.steps, command.vgg_weights)
    if command.init_from is not None and not job.exists:
        job = job._replace(start=start_from(command.init_from, task), start_name=str(command.init_from))
    return run(job, task)


def main() -> None:
    """Parses the command line, joins the other processes if there are any, and trains."""
    from experiments.train_command import join_processes, parse_command

    command, experiment = parse_command(sys.argv[1:])
    join_processes(command)
    sys.exit(train(command, experiment))


if __name__ == "__main__":
    # Until the loop's `Interruption` there is nothing to save. Python would hear of Ctrl-C only after compilation, lose
    # it in a callback of JAX, or crash XLA on unwinding; so it is left to the system before JAX is even imported.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run_command("train", main)
