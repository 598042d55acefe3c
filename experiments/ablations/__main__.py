"""Short equal runs that differ in one thing each: `python -m experiments.ablations --data DIR --out DIR`.

Trains what is missing, measures on validation clips, and writes one table. Interrupted, the same command goes on where
it was; several commands with different `--only` may share an `--out` while they train (`--no-measure`). The result is
in docs/results/ablations.md.
"""

import shlex
import sys

from experiments.ablations.config import AblationsCommand
from experiments.runs.program import Programs
from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command
from vqvae_jax.stopping import stoppable


def main() -> None:
    """Parses the command line and makes the table."""
    command = parse(AblationsCommand, "python -m experiments.ablations")
    line = shlex.join(["python", "-m", "experiments.ablations", *sys.argv[1:]])
    with stoppable("ablations", lambda: "the same command goes on where it was"):
        from experiments.ablations.make import make_ablations  # JAX takes seconds to import: not for --help

        make_ablations(command, line, Programs().run)


if __name__ == "__main__":
    run_command("ablations", main)
