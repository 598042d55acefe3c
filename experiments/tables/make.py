"""The whole job: look at the runs, train what is missing, measure, write."""

from pathlib import Path

from experiments.runs.evaluations import Evaluation, Evaluator
from experiments.runs.training import Launch, Run, TrainingData, inspect_run, train_missing, training_data
from experiments.tables.build import build_table
from experiments.tables.config import TablesCommand
from experiments.tables.figure import write_figure
from experiments.tables.paper import BUDGETS, TABLES, Budget, Role, roles_of
from experiments.tables.plan import plan
from experiments.tables.write import write_table
from vqvae_jax.data.open import open_split
from vqvae_jax.errors import say

RUNS = "runs"


def make_tables(command: TablesCommand, line: str, launch: Launch, budget: Budget | None = None) -> list[Path]:
    """Makes the tables that `command` asks for.

    Args:
      command: what to make.
      line: the command as typed, for the record.
      launch: runs a program; raises `SystemExit` unless it succeeds.
      budget: another one than the command names.

    Returns:
      The files written.

    Raises:
      UserError: before anything is trained, if data, weights or a run do not fit.
      SystemExit: if a training failed or was interrupted.
    """
    budget = budget or BUDGETS[command.budget]
    data = training_data(command.data)
    folders = {"validation": command.data, "test": command.test_data or command.data}
    splits = [split for split in folders if any(TABLES[number].split == split for number in command.tables)]
    for split in splits:
        open_split(folders[split], split)  # before hours of training depend on it
    roles = roles_of(command.tables)
    runs = _look(command.out, budget, roles, data)
    if command.plan:
        plan(list(runs.values()), data, command.vgg_weights, say)
        return []
    if not command.no_train:
        say(f"Budget {budget.name}: {budget.remark}")
        train_missing(runs.values(), command.data, command.vgg_weights, launch)
        runs = _look(command.out, budget, roles, data)

    clips = budget.clips if command.clips is None else command.clips
    evaluator = Evaluator(command.out, command.vgg_weights, clips, say)
    measured: dict[str, dict[Role, Evaluation]] = {
        split: {
            role: evaluator.measure(runs[role], folders[split], split)
            for role in roles_of(tuple(number for number in command.tables if TABLES[number].split == split))
            if runs[role].complete
        }
        for split in splits
    }
    files: list[Path] = []
    for number in command.tables:
        paper = TABLES[number]
        evaluations, folder = measured[paper.split], folders[paper.split]
        figure = write_figure(command.out, budget, evaluations, folder, paper.split) if number == 2 else None
        table = build_table(paper, budget, runs, evaluations, data, folder, command.out, line, figure)
        files += write_table(command.out, table)
        if figure is not None:
            files += [command.out / figure["picture"], command.out / figure["moving"]]
    for file in files:
        say(str(file))
    return files


def _look(out: Path, budget: Budget, roles: list[Role], data: TrainingData) -> dict[Role, Run]:
    experiments = {role: budget.experiment(role) for role in roles}
    return {role: inspect_run(out / RUNS / e.name, e, data) for role, e in experiments.items()}
