"""The whole job: look at the runs, train what is missing, measure, write."""

from pathlib import Path

from experiments.ablations.config import AblationsCommand
from experiments.ablations.rows import ROWS, Row
from experiments.ablations.table import build, write
from experiments.runs.evaluations import Evaluator
from experiments.runs.training import Launch, Run, TrainingData, inspect_run, train_missing, training_data
from experiments.train import parse_named
from vqvae_jax.data.open import open_split
from vqvae_jax.errors import say

#: The named experiment that every row changes.
EXPERIMENT = "ablation"
SPLIT = "validation"


def make_ablations(
    command: AblationsCommand, line: str, launch: Launch, rows: list[Row] = ROWS, experiment: str = EXPERIMENT
) -> list[Path]:
    """Makes the table that `command` asks for.

    Args:
      command: what to make.
      line: the command as typed, for the record.
      launch: runs a program; raises `SystemExit` unless it succeeds.
      rows: of the table.
      experiment: name of the one that they change.

    Returns:
      The files written.

    Raises:
      UserError: before anything is trained, if data, weights or a run do not fit.
      SystemExit: if a training failed or was interrupted.
    """
    data = training_data(command.data)
    open_split(command.data, SPLIT)  # before hours of training depend on it
    runs = _look(command.out, rows, experiment, data)
    if not command.no_train:
        wanted = [runs[row.name] for row in rows if not command.only or row.name in command.only]
        train_missing(wanted, command.data, command.vgg_weights, launch)
        runs = _look(command.out, rows, experiment, data)
    if command.no_measure:
        return []

    evaluator = Evaluator(command.out, command.vgg_weights, command.clips, say)
    measured = {name: evaluator.measure(run, command.data, SPLIT) for name, run in runs.items() if run.complete}
    files = write(command.out, build(rows, measured, data, line))
    for file in files:
        say(str(file))
    return files


def _look(out: Path, rows: list[Row], experiment: str, data: TrainingData) -> dict[str, Run]:
    found = {}
    for row in rows:
        folder = out / "runs" / row.name
        arguments = [experiment, "--data", str(data.folder), "--run", str(folder), *row.options]
        _, changed = parse_named(arguments)
        found[row.name] = inspect_run(folder, changed, data, row.options)
    return found
