"""Figures of reconstructed clips, per frame or per clip, on the device; and their means, on the host."""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.evaluation.schema import ClipFigures, MeanFigures, Quality
from vqvae_jax.losses.perceptual import clip_features, feature_distances, perceptual_distance, weighted_sum
from vqvae_jax.losses.vgg import VggFeatures, VggTrunk
from vqvae_jax.metrics.psnr import difference_psnr, frame_psnr, lossless_frames
from vqvae_jax.metrics.ssim import frame_ssim
from vqvae_jax.precision import normalise

Divisors = tuple[float, float, float]


class Reference(NamedTuple):
    """A clip, with what all its estimates share."""

    clip: Array  # [1, T, H, W, 3] uint8
    features: VggFeatures | None


class ClipMeasure:
    """Measures estimates of single clips of one shape; the figures are those of `measure_quality`.

    Args:
      trunk: of the perceptual distance; without one the figure is left out.
      divisors: of its layers.
    """

    def __init__(self, trunk: VggTrunk | None = None, divisors: Divisors = (1.0, 1.0, 1.0)) -> None:
        self._trunk = trunk
        self._pixels = jax.jit(self.pixels)
        self._features = jax.jit(lambda trunk, x: clip_features(trunk, normalise(x)))
        self._distance = jax.jit(
            lambda trunk, target, x: weighted_sum(
                feature_distances(target, clip_features(trunk, normalise(x)), len(x)), divisors
            )
        )

    def pixels(self, reference_BTHWC: Array, estimate_BTHWC: Array) -> dict[str, Array]:
        """Figures that need no trunk."""
        return measure_pixels(reference_BTHWC, estimate_BTHWC)

    def reference(self, clip_THWC: np.ndarray) -> Reference:
        """A uint8 clip on the device, with its features."""
        clip = jnp.asarray(clip_THWC[None])
        return Reference(clip, None if self._trunk is None else self._features(self._trunk, clip))

    def figures(self, reference: Reference, estimate_THWC: np.ndarray) -> dict[str, Any]:
        """Lists with one value per frame (psnr, ssim, lossless, difference_psnr); numbers per clip (perceptual)."""
        estimate = jnp.asarray(estimate_THWC[None])
        values: dict[str, Array] = dict(self._pixels(reference.clip, estimate))
        if reference.features is not None:
            values["perceptual"] = self._distance(self._trunk, reference.features, estimate)
        return {name: np.asarray(value[0]).tolist() for name, value in values.items()}


def measure_quality(
    reference_BTHWC: Array, estimate_BTHWC: Array, trunk: VggTrunk | None, divisors: Divisors
) -> dict[str, Array]:
    """Every figure that compares two videos.

    Args:
      reference_BTHWC: uint8; sides of at least 7.
      estimate_BTHWC: uint8, same shape.
      trunk: of the perceptual distance; without one the figure is left out.
      divisors: of its layers.

    Returns:
      psnr, ssim, lossless: [B, T]; difference_psnr: [B, T-1], left out for clips of one frame; perceptual: [B].
    """
    figures = measure_pixels(reference_BTHWC, estimate_BTHWC)
    if trunk is not None:
        # One clip after another: features at full resolution take a hundred times the memory of the frames.
        figures["perceptual"] = lax.map(
            lambda pair: perceptual_distance(trunk, normalise(pair[0])[None], normalise(pair[1])[None], divisors)[0],
            (reference_BTHWC, estimate_BTHWC),
        )
    return figures


def measure_pixels(reference_BTHWC: Array, estimate_BTHWC: Array) -> dict[str, Array]:
    """The figures of `measure_quality` that need no trunk: psnr, ssim, lossless, difference_psnr."""
    figures = {
        "psnr": frame_psnr(reference_BTHWC, estimate_BTHWC),
        "ssim": frame_ssim(reference_BTHWC, estimate_BTHWC),
        "lossless": lossless_frames(reference_BTHWC, estimate_BTHWC),
    }
    if reference_BTHWC.shape[1] > 1:
        figures["difference_psnr"] = difference_psnr(reference_BTHWC, estimate_BTHWC)
    return figures


def summarise(figures: dict[str, np.ndarray]) -> Quality:
    """Means over frames, then over clips, in float64.

    Args:
      figures: of `measure_quality` for all clips, [N, ...]; none of them only pads a batch.
    """
    lossless = figures["lossless"].sum(axis=1).astype(int).tolist()
    means = {name: _listed(figures.get(name)) for name in ("psnr", "ssim", "difference_psnr", "perceptual")}
    mean = {name: None if values is None else float(np.mean(values)) for name, values in means.items()}
    return {
        "mean": cast(MeanFigures, {**mean, "lossless_frames": sum(lossless)}),
        "psnr_by_position": figures["psnr"].astype(np.float64).mean(axis=0).tolist(),
        "clips": cast(ClipFigures, {**means, "lossless_frames": lossless}),
    }


def _listed(values: np.ndarray | None) -> list[float] | None:
    """One value per clip: the mean over frames where there is one per frame."""
    return None if values is None else values.astype(np.float64).reshape(len(values), -1).mean(axis=1).tolist()
