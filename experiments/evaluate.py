"""Measures checkpoints and bundles: `python -m experiments.evaluate --run A B --steps 30 best --data DIR --out OUT`."""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

from vqvae_jax.command_line import parse
from vqvae_jax.config import check
from vqvae_jax.errors import UserError, run_command, say
from vqvae_jax.evaluation.config import EvaluateConfig, Measuring
from vqvae_jax.stopping import stoppable


@dataclass(frozen=True)
class EvaluateCommand(Measuring):
    """Measures checkpoints of runs, and bundles, on a split of a data set, and the files that they code clips to.

    What OUT holds already is not measured again, so the same command goes on where it was stopped.
    """

    run: tuple[Path, ...] = ()
    """Folders of the runs; only read."""
    bundle: tuple[Path, ...] = ()
    """The models besides: bundles' files, or names of the package."""
    data: Path | None = None
    """Data set written by data_prep; default: the one that the first run was trained on."""
    out: Path = Path("evaluations")
    """FILE.json of one run or bundle; or a folder: NAME.json for each, and table.md, .csv, .json of them all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = len(self.run) + len(self.bundle)
        check(given > 0, "run", "", "the folder of a run, or --bundle")
        named = self.out.suffix in ("", ".json") or self.out.is_dir()
        check(named, "out", str(self.out), "a file name that ends in .json, or a folder's without a dot")
        several = "a folder, for there are several runs or bundles"
        check(given == 1 or self.out.suffix != ".json", "out", str(self.out), several)
        check(not self.watch or (given == 1 and bool(self.run)), "watch", self.watch, "one run alone")


def configs(command: EvaluateCommand) -> dict[str, EvaluateConfig]:
    """What is measured for each run and bundle, by the name of its file in OUT.

    Raises:
      UserError: if a bundle is not there, two have one name, or no data set is named or noted.
    """
    from vqvae_jax.packaged import bundle_path
    from vqvae_jax.training.resume import noted_data

    if command.data is None and not command.run:
        raise UserError("a bundle does not say which clips to measure; give them with --data DIR")
    data = command.data or noted_data(command.run[0]).folders[0]
    subjects = [(run.resolve().name, run) for run in command.run]
    subjects += [(path.stem, path) for path in map(bundle_path, command.bundle)]
    found = {}
    for name, path in subjects:
        if name in found:
            raise UserError(f"two of what is measured are called {name}; measure them into two folders")
        out = command.out if command.out.suffix == ".json" else command.out / f"{name}.json"
        options = {field.name: getattr(command, field.name) for field in dataclasses.fields(Measuring)}
        found[name] = EvaluateConfig(path, data, out, **options)
    return found


def main(command: EvaluateCommand | None = None) -> None:
    """Evaluates as `command` says; parses the command line if none is given.

    Raises:
      UserError: see `vqvae_jax.evaluation.job.evaluate`.
    """
    if command is None:
        command = parse(EvaluateCommand, "python -m experiments.evaluate")
    # An `EvaluationInterrupt` says more; until the job has begun it is a bare signal.
    with stoppable("evaluate", lambda: "nothing was measured or written"):
        from vqvae_jax.evaluation.job import EvaluationInterrupt, evaluate  # takes seconds: not for --help
        from vqvae_jax.evaluation.overview import markdown, overview, write_overview

        results = {}
        for name, config in configs(command).items():
            try:
                results[name] = evaluate(config, say=lambda text: say(*text.splitlines()))
            except EvaluationInterrupt as stop:
                if not (command.watch and stop.steps):
                    raise
                say(f"evaluate: {stop}", file=sys.stderr)
            beside = "" if config.run.is_file() else " (and .csv, .png, _grid.png beside it)"
            say(f"{config.out}{beside}")
        if results:
            rows = overview(results)
            say("", *markdown(rows))
            if command.out.suffix != ".json":
                say(*map(str, write_overview(command.out, rows)))


if __name__ == "__main__":
    run_command("evaluate", main)
