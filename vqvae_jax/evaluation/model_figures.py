"""A model measured on a clip set: quality, rate, codebook use, and what each level contributes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.evaluation.batches import Batches, Progress
from vqvae_jax.evaluation.quality import Divisors, measure_quality, summarise
from vqvae_jax.evaluation.schema import Level, Quality, Rate
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.metrics.codebook_health import perplexity, usage_share
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.metrics.rate import RAW_BPP, bytes_to_bpp, deflate_bytes, entropy_bpp, formula_bpp, index_entropy
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import MSVQVAE, Codebooks
from vqvae_jax.msvqvae.reconstruct import Without, decode, reconstruct
from vqvae_jax.training.snapshot import Snapshot
from vqvae_jax.training.state import PyTree


class ModelFigures(NamedTuple):
    """One checkpoint on one clip set."""

    quality: Quality
    rate: Rate
    levels: dict[str, Level]


class ModelMeasurement:
    """Measures checkpoints of one model; compiled once for all of them.

    Args:
      model: the model's configuration.
      batches: the clips.
      trunk: of the perceptual distance, if there is one.
      divisors: of its layers.

    Raises:
      UserError: if the model's strides do not divide the clips; names axis and multiple.
    """

    def __init__(self, model: ModelConfig, batches: Batches, trunk: VggTrunk | None, divisors: Divisors) -> None:
        clips = batches.clips
        self.size = clips.clip_shape[:3]
        model.check_size(self.size, f"split {clips.split!r} of {clips.data_dir}")
        self.model, self._batches = model, batches
        self._trunk = batches.devices.replicate(trunk)
        network = MSVQVAE(model)
        removals: list[Without] = ["top", "bottom"] if model.top is not None else ["bottom"]

        def run(params: PyTree, codebooks: Codebooks, trunk: VggTrunk | None, x_BTHWC: Array) -> tuple[Any, ...]:
            frames, indices = reconstruct(network, params, codebooks, x_BTHWC)
            figures = measure_quality(x_BTHWC, frames, trunk, divisors)
            without = {
                name: frame_psnr(x_BTHWC, decode(network, params, codebooks, indices, without=name)).mean(axis=1)
                for name in removals
                if name is not None
            }
            return figures, without, indices, frames

        def look(params: PyTree, codebooks: Codebooks, x_BTHWC: Array) -> tuple[Any, ...]:
            return (reconstruct(network, params, codebooks, x_BTHWC).frames,)

        self._run = batches.devices.map(run, (False, False, False, True), (True,) * 4)
        self._look = batches.devices.map(look, (False, False, True), (True,))

    def measure(
        self, snapshot: Snapshot, h264_bytes: Sequence[int] | None, progress: Progress = lambda clips: None
    ) -> ModelFigures:
        """All figures of one checkpoint.

        Args:
          snapshot: of this model.
          h264_bytes: size of every clip as H.264, if known.
          progress: told the number of clips of every batch that is done.
        """
        place = self._batches.devices.replicate
        arguments = (place(snapshot.params), place(snapshot.extras["codebooks"]), self._trunk)
        figures, without, indices = self._batches.map(self._run, arguments, fetch=3, progress=progress)
        levels = {name: self._level(name, indices[name], without[name]) for name in self.model.levels}
        return ModelFigures(summarise(figures), self._rate(indices, levels, h264_bytes), levels)

    def reconstruct(self, snapshot: Snapshot, records: Sequence[int]) -> np.ndarray:
        """Some clips as a decoder would show them, (N, T, H, W, 3) uint8."""
        place = self._batches.devices.replicate
        (frames,) = self._batches.map(
            self._look, (place(snapshot.params), place(snapshot.extras["codebooks"])), records
        )
        return frames

    def _level(self, name: str, indices: np.ndarray, without: np.ndarray) -> Level:
        codes = self.model.levels[name].codes
        counts = np.bincount(indices.reshape(-1), minlength=codes)
        return {
            "codes": codes,
            "grid": list(self.model.latent_shape(name, self.size)),
            "counts": counts.tolist(),
            "usage": float(usage_share(jnp.asarray(counts))),
            "perplexity": float(perplexity(jnp.asarray(counts))),
            "entropy_bits": index_entropy(counts),
            "psnr_without": float(without.astype(np.float64).mean()),
            "clip_psnr_without": without.astype(np.float64).tolist(),
        }

    def _rate(self, indices: dict[str, np.ndarray], levels: dict[str, Level], h264_bytes: Sequence[int] | None) -> Rate:
        names = list(self.model.levels)  # top first: the order of the file
        codes = [levels[name]["codes"] for name in names]
        grids = [self.model.latent_shape(name, self.size) for name in names]
        clips = len(indices["bottom"])
        deflated = [deflate_bytes([indices[name][clip] for name in names], codes) for clip in range(clips)]
        formula = formula_bpp(grids, codes, self.size)
        deflate = bytes_to_bpp(float(np.mean(deflated)), self.size)
        h264 = None if h264_bytes is None else bytes_to_bpp(float(np.mean(h264_bytes)), self.size)
        return {
            "formula_bpp": formula,
            "deflate_bpp": deflate,
            "entropy_bpp": entropy_bpp([np.array(levels[name]["counts"]) for name in names], grids, self.size),
            "formula_share_of_raw": formula / RAW_BPP,
            "deflate_share_of_raw": deflate / RAW_BPP,
            "formula_share_of_h264": None if h264 is None else formula / h264,
            "deflate_share_of_h264": None if h264 is None else deflate / h264,
            "deflate_bytes": deflated,
        }
