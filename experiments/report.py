"""One self-contained HTML page about an evaluated run.

python -m experiments.report --run DIR --data DIR --evaluation FILE.json --out FILE.html
"""

import os
from dataclasses import dataclass
from pathlib import Path

from vqvae_jax.command_line import parse
from vqvae_jax.config import check
from vqvae_jax.errors import UserError, run_command, say
from vqvae_jax.files import make_folder, refuse_existing, write_atomically
from vqvae_jax.stopping import stoppable


@dataclass(frozen=True)
class ReportCommand:
    """Writes one HTML page about an evaluated run: pictures, curves, codebook use, rate, baselines, configuration."""

    run: Path
    """Folder of the run."""
    data: Path
    """Data set that it was evaluated on."""
    evaluation: Path
    """FILE.json of `python -m experiments.evaluate`."""
    out: Path
    """HTML file to write; must not exist. Folders above it are made."""
    before: Path | None = None
    """The same of the bundle that training began with, on the same clips: both stand side by side."""
    player: Path | None = None
    """Page of `vqvae-jax player` to link to, beside or below OUT."""
    notes: tuple[str, ...] = ()
    """Remarks to head the page."""
    commands: tuple[str, ...] = ()
    """Commands to list on the page."""

    def __post_init__(self) -> None:
        check(self.out.name not in ("", ".."), "out", str(self.out), "the name of a new file")


def report(command: ReportCommand) -> Path:
    """Writes the page.

    Raises:
      UserError: if something is missing, or the evaluation is of another data set.
    """
    # JAX takes seconds to import: not for --help.
    from vqvae_jax.data.open import open_split
    from vqvae_jax.evaluation.bundles import bundles_folder, fitted_bundle
    from vqvae_jax.evaluation.examples import coded_examples, restored_examples
    from vqvae_jax.evaluation.fine_tuning import check_before, measured_files
    from vqvae_jax.evaluation.result_file import read_result
    from vqvae_jax.evaluation.run_report import run_report
    from vqvae_jax.families import load_snapshot
    from vqvae_jax.training.logs import read_metrics
    from vqvae_jax.training.snapshot import open_run

    refuse_existing(command.out)
    if command.player is not None and not command.player.is_file():
        raise UserError(f"--player {command.player}: no such file")
    result = read_result(command.evaluation)
    if not result["checkpoints"]:
        raise UserError(f"{command.evaluation} holds no measured checkpoint yet")
    entry = result["checkpoints"][-1]
    clips = open_split(command.data, result["data"]["split"])
    if clips.digest != result["data"]["digest"]:
        raise UserError(f"{command.evaluation} was measured on another data set than {command.data}")
    before = None if command.before is None else read_result(command.before)
    if before is not None:
        check_before(before, result)
    snapshot = load_snapshot(open_run(command.run), entry["step"])
    if snapshot.digest != entry["digest"]:
        raise UserError(f"{command.evaluation} was measured on another run than {command.run}")
    make_folder(command.out.parent)  # before the half minute of work

    if before is None:
        examples = restored_examples(result, snapshot, clips)
    else:
        folder, fit_clips = bundles_folder(command.evaluation), measured_files(result)["fitted_on"]
        after = fitted_bundle(snapshot, command.run, command.data, folder, fit_clips or 0)
        examples = coded_examples((before, result), (Path(before["run"]["folder"]), after), clips)
    training_clips, log = snapshot.stream_state.get("records"), read_metrics(command.run)
    player = None if command.player is None else os.path.relpath(command.player, command.out.parent)
    page = run_report(result, log, examples, command.notes, command.commands, training_clips, before, player)
    write_atomically(command.out, page.encode())
    return command.out


def main() -> None:
    command = parse(ReportCommand, "python -m experiments.report")
    with stoppable("report", lambda: "nothing was written"):
        say(str(report(command)))


if __name__ == "__main__":
    run_command("report", main)
