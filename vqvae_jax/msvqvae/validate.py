"""PSNR on fixed validation clips, during training: what `best` means."""

import jax
import numpy as np

from vqvae_jax.data.source import ClipSet
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import MSVQVAE, Codebooks
from vqvae_jax.msvqvae.reconstruct import Without, decode, encode
from vqvae_jax.training.mapping import DeviceMap, Mapping
from vqvae_jax.training.state import PyTree


class Validation:
    """A fixed, evenly spread choice of validation clips, kept in memory.

    Every process validates on its own devices: a figure for the log is not worth a barrier.

    Args:
      mapping: how the forward pass is mapped over the local devices.
      model: the model's configuration.
      clips: the validation split.
      count: clips at most; all of the split if it has fewer.
      frames: frames of each clip that are looked at, from its start.
      per_device: clips in one device's batch.
    """

    def __init__(
        self, mapping: Mapping, model: ModelConfig, clips: ClipSet, count: int, frames: int, per_device: int
    ) -> None:
        devices = DeviceMap(mapping, jax.local_devices())
        count = min(count, len(clips))
        self.records = [index * len(clips) // count for index in range(count)]
        self.clips_BTHWC = clips.read(self.records)[:, :frames]
        self._devices = devices
        self._batch = min(per_device * len(devices.devices), -(-count // len(devices.devices)) * len(devices.devices))
        network = MSVQVAE(model)
        removed: list[Without] = ["top", "bottom"] if model.top is not None else []

        def run(params: PyTree, codebooks: Codebooks, batch: jax.Array) -> tuple[dict[str, jax.Array], jax.Array]:
            indices = encode(network, params, codebooks, batch)
            frames = decode(network, params, codebooks, indices)
            psnr = {"psnr": frame_psnr(batch, frames).mean(axis=1)}
            for level in removed:
                partial = decode(network, params, codebooks, indices, without=level)
                psnr[f"psnr_without_{level}"] = frame_psnr(batch, partial).mean(axis=1)
            return psnr, frames

        self._run = devices.map(run, (False, False, True), (True, True))

    def psnr(self, params: PyTree, codebooks: Codebooks) -> dict[str, float]:
        """`psnr` and, with two levels, `psnr_without_top` and `psnr_without_bottom`.

        In dB, of 8-bit frames, means over frames and then clips.
        """
        values = [psnr for psnr, _ in self._batches(params, codebooks, len(self.records))]
        return {name: float(np.concatenate([batch[name] for batch in values]).mean()) for name in values[0]}

    def reconstructions(self, params: PyTree, codebooks: Codebooks, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The first `count` clips and their reconstructions, (count, T, H, W, 3) uint8 each."""
        frames = [frames for _, frames in self._batches(params, codebooks, count)]
        return self.clips_BTHWC[:count], np.concatenate(frames)

    def _batches(
        self, params: PyTree, codebooks: Codebooks, count: int
    ) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
        params, codebooks = self._here(params), self._here(codebooks)
        results = []
        for start in range(0, count, self._batch):
            batch = self.clips_BTHWC[start : min(start + self._batch, count)]
            # Padded to the one compiled shape; what the padding gives is cut off again.
            padded = np.concatenate([batch, np.zeros((self._batch - len(batch), *batch.shape[1:]), np.uint8)])
            psnr, frames = self._run(params, codebooks, self._devices.split(padded))
            kept = {name: self._devices.join(values)[: len(batch)] for name, values in psnr.items()}
            results.append((kept, self._devices.join(frames)[: len(batch)]))
        return results

    def _here(self, tree: PyTree) -> PyTree:
        """A replicated pytree on this process's devices alone."""
        if jax.process_count() == 1:
            return tree
        return self._devices.replicate(jax.tree.map(lambda leaf: np.asarray(leaf.addressable_data(0)), tree))
