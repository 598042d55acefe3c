"""Figures of fixed validation clips, during training: what `best` is made of."""

import jax
import numpy as np

from vqvae_jax.data.source import ClipSet
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.training.mapping import DeviceMap, Mapping
from vqvae_jax.training.state import PyTree, TrainState
from vqvae_jax.training.task import Task


class Validation:
    """A fixed, evenly spread choice of validation clips, kept in memory.

    Every process validates on its own devices: a figure for the log is not worth a barrier.

    Args:
      task: what is trained.
      mapping: how the forward pass is mapped over the local devices.
      clips: the validation split.
      count: clips at most; all of the split if it has fewer.
      per_device: clips in one device's batch.

    Raises:
      UserError: if the clips do not fit the model.
    """

    def __init__(self, task: Task, mapping: Mapping, clips: ClipSet, count: int, per_device: int) -> None:
        frames, height, width, _ = clips.clip_shape
        frames = min(frames, task.frames)
        task.check_clips((frames, height, width), f"split {clips.split!r} of {clips.data_dir}")
        self._devices = DeviceMap(mapping, jax.local_devices())
        devices = len(self._devices.devices)
        count = min(count, len(clips))
        self.records = [index * len(clips) // count for index in range(count)]
        self.clips_BTHWC = clips.read(self.records)[:, :frames]
        self._batch = min(per_device * devices, -(-count // devices) * devices)

        def run(params: PyTree, extras: PyTree, batch: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
            frames, without, measures = task.reconstruct(params, extras, batch)
            figures = {"psnr": frame_psnr(batch, frames).mean(axis=1)}
            for part, seen in without.items() if len(without) > 1 else ():  # nothing is left of a single part
                figures[f"psnr_without_{part}"] = frame_psnr(batch, seen).mean(axis=1)
            return figures | {name: values for name, values in measures.items() if values.ndim == 1}, frames

        self._run = self._devices.map(run, (False, False, True), (True, True))

    def figures(self, state: TrainState) -> dict[str, float]:
        """Means over frames, then clips: `psnr` and `psnr_without_PART` (dB, 8-bit frames), the task's own numbers."""
        values = [figures for figures, _ in self._batches(state, len(self.records))]
        return {name: float(np.concatenate([batch[name] for batch in values]).mean()) for name in values[0]}

    def reconstructions(self, state: TrainState, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The first `count` clips and their reconstructions, (count, T, H, W, 3) uint8 each."""
        frames = [frames for _, frames in self._batches(state, count)]
        return self.clips_BTHWC[:count], np.concatenate(frames)

    def _batches(self, state: TrainState, count: int) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
        params, extras = self._here(state.eval_params), self._here(state.extras)
        results = []
        for start in range(0, min(count, len(self.records)), self._batch):
            batch = self.clips_BTHWC[start : min(start + self._batch, count)]
            # Padded to the one compiled shape; what the padding gives is cut off again.
            padded = np.concatenate([batch, np.zeros((self._batch - len(batch), *batch.shape[1:]), np.uint8)])
            figures, frames = self._run(params, extras, self._devices.split(padded))
            kept = {name: self._devices.join(values)[: len(batch)] for name, values in figures.items()}
            results.append((kept, self._devices.join(frames)[: len(batch)]))
        return results

    def _here(self, tree: PyTree) -> PyTree:
        """A replicated pytree on this process's devices alone."""
        if jax.process_count() == 1:
            return tree
        return self._devices.replicate(jax.tree.map(lambda leaf: np.asarray(leaf.addressable_data(0)), tree))
