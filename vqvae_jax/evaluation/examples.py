"""Clips beside what became of them, for a page: restored by a checkpoint, or decoded from files before and after."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from vqvae_jax.data.source import ClipSet
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.coder import CodecError, ModelCoder
from vqvae_jax.evaluation.fine_tuning import measured_files
from vqvae_jax.evaluation.model_figures import restored
from vqvae_jax.evaluation.opening import DEFAULT_FPS
from vqvae_jax.evaluation.schema import Result
from vqvae_jax.evaluation.side_files import chosen_records
from vqvae_jax.report.sprites import Pane
from vqvae_jax.training.snapshot import Snapshot


class Example(NamedTuple):
    """A clip beside what it became, the last of which is compared with it."""

    name: str  # the clip's id
    original: np.ndarray  # (T, H, W, 3) uint8, RGB
    shown: tuple[Pane, ...]  # as the page titles them


def restored_examples(result: Result, snapshot: Snapshot, clips: ClipSet) -> list[Example]:
    """Some of the clips of an evaluation as a checkpoint restores them.

    Args:
      result: its last entry is of the checkpoint.
      snapshot: the checkpoint.
      clips: the split.
    """
    names, psnr = result["data"]["clip_ids"], result["checkpoints"][-1]["quality"]["clips"]["psnr"]
    records = chosen_records(len(names))
    originals = clips.read(records)
    return [
        Example(names[n], original, (Pane("reconstruction", frames, (f"{psnr[n]:.2f} dB",)),))
        for n, original, frames in zip(records, originals, restored(snapshot, originals), strict=True)
    ]


def coded_examples(results: Sequence[Result], bundles: Sequence[Path], clips: ClipSet) -> list[Example]:
    """Some of the clips as files of the model before training and of the trained one show them.

    Args:
      results: of both; see `fine_tuning.check_before`.
      bundles: the files of both.
      clips: the split.

    Raises:
      UserError: if a bundle is no longer there, or is another than was evaluated.
    """
    after = measured_files(results[1])
    places = chosen_records(after["clips"])
    originals = clips.read([results[1]["data"]["clip_ids"].index(after["clip_ids"][n]) for n in places])
    columns = []
    for title, result, path in zip(("before", "after"), results, bundles, strict=True):
        files, coder = measured_files(result), ModelCoder(path, result["data"]["fps"] or DEFAULT_FPS)
        if coder.digest != files["bundle"]:
            raise UserError(f"{coder.path} is another bundle than was evaluated")
        columns.append(
            [
                Pane(title, coded(coder, clip), (f"{files['clip_psnr'][n]:.2f} dB", f"{files['bytes'][n]:,} bytes"))
                for n, clip in zip(places, originals, strict=True)
            ]
        )
    names, pairs = [after["clip_ids"][n] for n in places], zip(*columns, strict=True)
    return [Example(*example) for example in zip(names, originals, pairs, strict=True)]


def coded(coder: ModelCoder, clip_THWC: np.ndarray) -> np.ndarray:
    """What a clip's file shows.

    Raises:
      UserError: if the clip cannot be coded.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{coder.suffix}"
        try:
            coder.encode(clip_THWC, path)
            return coder.decode(path, clip_THWC.shape)[0]
        except CodecError as error:
            raise UserError(f"{coder.path}: {error}") from error
