"""Fits every row to every video, measures, writes: `python -m experiments.scene_ablation --videos V... --out DIR`.

Each fit is a run in OUT/runs/VIDEO/ROW; what is done already is not done again, and what was left is gone on with. OUT
gets `scene_ablation.json`, `.md` and `.html`.
"""

from dataclasses import dataclass
from pathlib import Path

from experiments import configs
from experiments.runs.program import Programs
from experiments.scene_ablation.rows import ROWS
from vqvae_jax.command_line import parse
from vqvae_jax.config import check, check_choice
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.stopping import stoppable


@dataclass(frozen=True)
class AblationCommand:
    """Fits rows of the ablation table that are missing to videos, measures them, and writes the table."""

    videos: tuple[Path, ...]
    """Video files, .npy files of frames, or folders of pictures."""
    out: Path
    """Folder of the table and runs (OUT/runs/VIDEO/ROW)."""
    experiment: str = "mvc_micro128"
    """The named experiment that rows change."""
    epochs: int = 60
    """How often every fit sees a frame."""
    also: str = ""
    """Options of experiments.fit for every row, as one word: "--fit.quantised 0"."""
    only: tuple[str, ...] = ()
    """Rows to fit; default: all. The table has every row that is complete."""
    no_fit: bool = False
    """Fit nothing: write the table from the fits that are complete."""

    def __post_init__(self) -> None:
        for name in self.only:
            check_choice("only", name, [row.name for row in ROWS])
        check_choice("experiment", self.experiment, [name for name in configs.names() if name.startswith("mvc")])
        check(self.epochs >= 1, "epochs", self.epochs, "a whole number of at least 1")
        names = [video.stem for video in self.videos]
        if len(set(names)) < len(names):
            raise UserError(f"--videos: two have one name, {sorted(names)}; results are kept by name")


def main() -> None:
    """Parses the command line and makes the table."""
    program = "python -m experiments.scene_ablation"
    command = parse(AblationCommand, program)
    with stoppable("scene_ablation", lambda: "the same command goes on where it was"):
        from experiments.scene_ablation.make import ablate  # JAX takes seconds to import: not for --help

        launch = None if command.no_fit else Programs().run
        ablate(command.videos, command.out, command.experiment, command.epochs, command.only, launch, command.also)


if __name__ == "__main__":
    run_command("scene_ablation", main)
