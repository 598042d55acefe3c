"""The paper's tables in one command: `python -m experiments.tables 1 2 3 --data DIR --out DIR --budget short`.

Trains what is missing, evaluates, and writes the tables with our numbers beside the paper's. Interrupted, the same
command goes on where it was. docs/tables.md explains the files.
"""

import shlex
import sys

from experiments.runs.program import Programs
from experiments.tables.config import TablesCommand
from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command
from vqvae_jax.stopping import stoppable


def main() -> None:
    """Parses the command line and makes the tables."""
    command = parse(TablesCommand, "python -m experiments.tables")
    line = shlex.join(["python", "-m", "experiments.tables", *sys.argv[1:]])
    kept = "nothing was begun" if command.plan else "the same command goes on where it was"
    with stoppable("tables", lambda: kept):
        from experiments.tables.make import make_tables  # JAX takes seconds to import: not for --help

        make_tables(command, line, Programs().run)


if __name__ == "__main__":
    run_command("tables", main)
