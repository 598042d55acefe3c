"""A checkpoint measured on a clip set: quality, estimates of its rate, what each part of the code contributes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from vqvae_jax import stopping
from vqvae_jax.evaluation.batches import Advance, Batches
from vqvae_jax.evaluation.quality import Divisors, measure_quality, summarise
from vqvae_jax.evaluation.schema import Quality, Without
from vqvae_jax.families import task_of
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.training.snapshot import Snapshot
from vqvae_jax.training.state import PyTree
from vqvae_jax.training.task import Task


class ModelFigures(NamedTuple):
    """One checkpoint on one clip set."""

    quality: Quality
    estimates: dict[str, float]  # bits per pixel by name
    without: dict[str, Without]  # by the part of the code that is left out
    diagnostics: dict[str, Any]  # the family's own


class ModelMeasurement:
    """Measures checkpoints of one run; compiled once for all of them.

    Args:
      task: of the run.
      batches: the clips.
      trunk: of the perceptual distance, if there is one.
      divisors: of its layers.

    Raises:
      UserError: if the clips do not fit the model.
    """

    def __init__(self, task: Task, batches: Batches, trunk: VggTrunk | None, divisors: Divisors) -> None:
        clips = batches.clips
        self.size = clips.clip_shape[:3]
        task.check_clips(self.size, f"split {clips.split!r} of {clips.data_dir}")
        self._task, self._batches = task, batches
        self._trunk = batches.devices.replicate(trunk)

        def run(params: PyTree, extras: PyTree, trunk: VggTrunk | None, x_BTHWC: Array) -> tuple[Any, ...]:
            frames, without, measures = task.reconstruct(params, extras, x_BTHWC)
            figures = measure_quality(x_BTHWC, frames, trunk, divisors)
            lost = {name: frame_psnr(x_BTHWC, seen).mean(axis=1) for name, seen in without.items()}
            return figures, lost, measures, frames

        def look(params: PyTree, extras: PyTree, x_BTHWC: Array) -> tuple[Any, ...]:
            return (task.reconstruct(params, extras, x_BTHWC).frames,)

        self._run = batches.devices.map(run, (False, False, False, True), (True,) * 4)
        self._look = batches.devices.map(look, (False, False, True), (True,))

    def measure(self, snapshot: Snapshot, progress: Advance = lambda clips: None) -> ModelFigures:
        """All figures of one checkpoint; `progress` is told the number of clips of every batch that is done."""
        arguments = (*self._placed(snapshot), self._trunk)
        figures, without, measures = self._batches.map(self._run, arguments, fetch=3, progress=progress)
        estimates = self._task.summarise(measures, self.size)
        lost: dict[str, Without] = {
            name: {"psnr": float(psnr.astype(np.float64).mean()), "clip_psnr": psnr.astype(np.float64).tolist()}
            for name, psnr in without.items()
        }
        return ModelFigures(summarise(figures), estimates.bpp, lost, estimates.diagnostics)

    def reconstruct(self, snapshot: Snapshot, records: Sequence[int]) -> np.ndarray:
        """Some clips as a decoder would show them, (N, T, H, W, 3) uint8."""
        (frames,) = self._batches.map(self._look, self._placed(snapshot), records)
        return frames

    def _placed(self, snapshot: Snapshot) -> tuple[Any, Any]:
        place = self._batches.devices.replicate
        return place(snapshot.params), place(snapshot.extras)


def restored(snapshot: Snapshot, clips_NTHWC: np.ndarray) -> np.ndarray:
    """A few clips as a decoder would show them, one after the other: uint8, the same shape."""
    restore = jax.jit(task_of(snapshot.experiment).reconstruct)
    shown = []
    for clip in clips_NTHWC:
        shown.append(np.asarray(restore(snapshot.params, snapshot.extras, clip[None]).frames[0]))
        stopping.check()
    return np.stack(shown)
