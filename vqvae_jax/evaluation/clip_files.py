"""Real files, one per clip: their bytes, and the quality of what a decoder makes of those bytes alone."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vqvae_jax import stopping
from vqvae_jax.data.source import ClipSet
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Advance
from vqvae_jax.evaluation.coder import CodecError, Coder
from vqvae_jax.evaluation.quality import ClipMeasure, summarise
from vqvae_jax.evaluation.schema import Files, Quality
from vqvae_jax.metrics.rate import bytes_to_bpp

FRAME_FIGURES = ("psnr", "ssim", "lossless", "difference_psnr", "perceptual")


class MeasuredFiles(NamedTuple):
    """What became of some clips."""

    bytes: list[int]  # of each clip's whole file
    quality: Quality  # of the decoded files


def stacked_quality(figures: Sequence[dict[str, Any]]) -> Quality:
    """Means over frames, then clips, of `ClipMeasure.figures` of every clip."""
    return summarise({name: np.asarray([f[name] for f in figures]) for name in FRAME_FIGURES if name in figures[0]})


def measure_files(
    coder: Coder, clips: ClipSet, records: Sequence[int], measure: ClipMeasure, progress: Advance = lambda clips: None
) -> MeasuredFiles:
    """Codes clips, one file each, and measures what is decoded from the files; they are then removed.

    Args:
      coder: how.
      clips: the split.
      records: which of its clips.
      measure: of clips of its shape.
      progress: told of every clip that is done.

    Raises:
      UserError: if a clip cannot be read, coded or decoded.
    """
    sizes, figures = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{coder.suffix}"
        for record in records:
            clip = clips.read([record])[0]
            try:
                coder.encode(clip, path)
                estimate, _ = coder.decode(path, clip.shape)
            except CodecError as error:
                raise UserError(f"{clips.ids([record])[0]}: {error}") from error
            sizes.append(path.stat().st_size)
            figures.append(measure.figures(measure.reference(clip), estimate))
            progress(1)
            stopping.check()
    return MeasuredFiles(sizes, stacked_quality(figures))


def files_entry(
    measured: MeasuredFiles, clip_ids: list[str], clip_shape: Sequence[int], coder: Any, fitted_on: int | None
) -> Files:
    """The entry of an evaluation.

    Args:
      measured: the files.
      clip_ids: their clips.
      clip_shape: (T, H, W, 3).
      coder: a `ModelCoder`.
      fitted_on: training clips that the entropy model was fitted on for this evaluation.
    """
    quality = measured.quality
    return {
        "clips": len(clip_ids),
        "clip_ids": clip_ids,
        "bytes": measured.bytes,
        "bpp": bytes_to_bpp(float(np.mean(measured.bytes)), (clip_shape[0], clip_shape[1], clip_shape[2])),
        "psnr": quality["mean"]["psnr"],
        "ssim": quality["mean"]["ssim"],
        "clip_psnr": quality["clips"]["psnr"],
        "clip_ssim": quality["clips"]["ssim"],
        "fitted_on": fitted_on,
        "bundle": coder.digest,
        "command": coder.encode_command,
    }
