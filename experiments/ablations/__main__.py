"""Short equal runs that differ in one thing each: `python -m experiments.ablations --data DIR --out DIR`.

Trains what is missing, measures on validation clips, and writes one table. Interrupted, the same command goes on where
it was; several commands with different `--only` may share an `--out` while they train (`--no-measure`). The result is
in docs/ablations.md.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments.ablations.rows import ROWS
from experiments.runs.program import Programs
from vqvae_jax.command_line import parse
from vqvae_jax.config import check
from vqvae_jax.errors import run_command
from vqvae_jax.stopping import stoppable


@dataclass(frozen=True)
class AblationsCommand:
    """Trains the rows of the ablation table that are missing, measures them on validation clips, writes the table."""

    data: Path
    """Data set written by data_prep: training and validation."""
    out: Path
    """Folder of the table, evaluations and runs (OUT/runs/ROW)."""
    only: tuple[str, ...] = ()
    """Train only these rows; by default all. The table has every row that is complete."""
    clips: int = 64
    """Validation clips to measure, evenly spread; 0 for all."""
    vgg_weights: Path | None = None
    """VGG-16 trunk of perceptual loss and distance, .npz or .safetensors; default: $VQVAE_JAX_WEIGHTS."""
    no_train: bool = False
    """Write the table from the runs that are complete."""
    no_measure: bool = False
    """Train only: for one of several commands that share an --out."""

    def __post_init__(self) -> None:
        names = [row.name for row in ROWS]
        for name in self.only:
            check(name in names, "only", name, f"some of {', '.join(names)}")
        check(self.clips >= 0, "clips", self.clips, "0 or more")


def main() -> None:
    """Parses the command line and makes the table."""
    command = parse(AblationsCommand, "python -m experiments.ablations", config=(tyro.conf.FlagCreatePairsOff,))
    line = shlex.join(["python", "-m", "experiments.ablations", *sys.argv[1:]])
    with stoppable("ablations", lambda: "the same command goes on where it was"):
        from experiments.ablations.make import make_ablations  # JAX takes seconds to import: not for --help

        make_ablations(command, line, Programs().run)


if __name__ == "__main__":
    run_command("ablations", main)
