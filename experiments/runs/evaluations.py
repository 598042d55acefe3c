"""Evaluations of complete runs, kept in `--out`: the same clips are measured once for all tables."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from experiments.runs.training import Run
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import ClipSet, few, read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.job import evaluate
from vqvae_jax.evaluation.opening import data_entry, layer_means, perceptual_entry, run_entry
from vqvae_jax.evaluation.result_file import find_checkpoint, read_result, write_result
from vqvae_jax.evaluation.schema import CheckpointResult, DataEntry, Perceptual, Result
from vqvae_jax.families import config_of
from vqvae_jax.losses.vgg_weights import find_vgg_weights, load_vgg
from vqvae_jax.training.snapshot import checkpoint_digest, open_run, run_identity

FOLDER = "evaluations"


class Evaluation(NamedTuple):
    """A complete run, measured."""

    run: Run
    file: Path
    result: Result
    entry: CheckpointResult  # of the run's last step


class Evaluator:
    """Measures runs on splits with one perceptual trunk.

    Args:
      out: evaluations are kept in its folder `evaluations`.
      weights: of the perceptual trunk; by default what the environment names, if it does.
      clips: so many evenly spread clips of a split; 0 for all.
      say: told a line now and then.

    Raises:
      UserError: if the weights are damaged.
    """

    def __init__(self, out: Path, weights: Path | None, clips: int, say: Callable[[str], None]) -> None:
        self._folder, self._clips, self._say = out / FOLDER, clips, say
        self._weights = find_vgg_weights(weights)
        self._trunk = None if self._weights is None else load_vgg(self._weights)

    def measure(self, run: Run, data: Path, split: str) -> Evaluation:
        """Measures a complete run's last step, unless the file holds it already.

        The last step, not the best by validation: tables 2 and 3 are measured on that very split.

        Raises:
          UserError: see `vqvae_jax.evaluation.job.evaluate`; or if the file is of something else.
        """
        kind = (f"_{self._clips}_clips" if self._clips else "") + ("" if self._trunk else "_without_vgg")
        file = self._folder / f"{run.folder.name}_{split}{kind}.json"
        self._say(f"{run.folder.name} on {split} clips of {data}: {file}")
        self._prepare(file, run, data, few(open_split(data, split), self._clips))
        config = EvaluateConfig(
            run.folder,
            data,
            file,
            split=split,
            steps=(str(run.total),),
            files=0,  # the pages compare estimates, which need no fitting
            clips=self._clips,
            vgg_weights=self._weights,
        )
        result = evaluate(config, self._say)
        entry = find_checkpoint(result, run.total)
        assert entry is not None
        return Evaluation(run, file, result, entry)

    def _prepare(self, file: Path, run: Run, data: Path, clips: ClipSet) -> None:
        """Refuses a file of something else; starts a new one with what another run's evaluation knows.

        What was measured on the same clips without a model holds for every run.
        """
        perceptual = perceptual_entry(self._trunk, layer_means(run.experiment))
        facts = _facts(data_entry(clips, len(clips), read_card(data)), perceptual)
        if file.exists():
            old = read_result(file)
            known = find_checkpoint(old, run.total)
            now = checkpoint_digest(open_run(run.folder).record(run.total))
            found = {
                **_facts(old["data"], old["perceptual"]),
                "run": old["run"]["identity"],
                "state of the run": known and known["digest"],
            }
            wanted = {**facts, "run": run_identity(config_of(run.experiment)), "state of the run": known and now}
            if other := [what for what, value in wanted.items() if found[what] != value]:
                raise UserError(
                    f"{file} is of another {other[0]} than is wanted here; move it away to measure anew, or give "
                    "another --out"
                )
            return
        for path in sorted(self._folder.glob("*.json")):
            other_result = read_result(path)
            if _facts(other_result["data"], other_result["perceptual"]) == facts and other_result["baselines"]:
                mine = run_entry(run.folder, run.experiment, clips.clip_shape)
                write_result(file, {**other_result, "run": mine, "checkpoints": []})
                return


def relative(path: Path, folder: Path) -> str:
    """The path as a link from a file in `folder`."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _facts(data: DataEntry, perceptual: Perceptual) -> dict[str, object]:
    return {
        "split": (data["split"], data["digest"]),
        "number of clips": data["clip_ids"],
        "perceptual trunk": (perceptual["trunk"], perceptual["layer_means"]),
    }
