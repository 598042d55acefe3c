"""Real files, one per clip: their bytes, and the quality of what a decoder makes of those bytes alone."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax import stopping
from vqvae_jax.data.source import ClipSet
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Advance
from vqvae_jax.evaluation.coder import CodecError, ModelCoder
from vqvae_jax.evaluation.quality import ClipMeasure, summarise
from vqvae_jax.evaluation.schema import CheckpointResult, Files, Quality, RatePoint
from vqvae_jax.metrics.rate import bytes_to_bpp

FRAME_FIGURES = ("psnr", "ssim", "lossless", "difference_psnr", "perceptual")


def stacked_quality(figures: Sequence[dict[str, Any]]) -> Quality:
    """Means over frames, then clips, of `ClipMeasure.figures` of every clip."""
    return summarise({name: np.asarray([f[name] for f in figures]) for name in FRAME_FIGURES if name in figures[0]})


def measure_files(
    coder: ModelCoder,
    clips: ClipSet,
    records: Sequence[int],
    measure: ClipMeasure,
    fitted_on: int | None = None,
    progress: Advance = lambda clips: None,
) -> tuple[Files, Quality]:
    """Codes clips, one file each, and measures what is decoded from the files; they are then removed.

    Args:
      coder: how.
      clips: the split.
      records: which of its clips.
      measure: of clips of its shape.
      fitted_on: training clips that the coder's entropy model was fitted on for this evaluation.
      progress: told of every clip that is done.

    Returns:
      The entry of an evaluation, and the quality of the decoded files.

    Raises:
      UserError: if a clip cannot be read, coded or decoded.
    """
    sizes, figures, names = [], [], clips.ids(records)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{coder.suffix}"
        for record, name in zip(records, names, strict=True):
            clip = clips.read([record])[0]
            try:
                coder.encode(clip, path)
                estimate, _ = coder.decode(path, clip.shape)
            except CodecError as error:
                raise UserError(f"{name}: {error}") from error
            sizes.append(path.stat().st_size)
            figures.append(measure.figures(measure.reference(clip), estimate))
            progress(1)
            stopping.check()
    quality, (frames, height, width, _) = stacked_quality(figures), clips.clip_shape
    return {
        "clips": len(names),
        "clip_ids": names,
        "bytes": sizes,
        "bpp": bytes_to_bpp(float(np.mean(sizes)), (frames, height, width)),
        "psnr": quality["mean"]["psnr"],
        "ssim": quality["mean"]["ssim"],
        "clip_psnr": quality["clips"]["psnr"],
        "clip_ssim": quality["clips"]["ssim"],
        "fitted_on": fitted_on,
        "bundle": coder.digest,
        "command": coder.encode_command,
    }, quality


def measure_curve(
    coders: Mapping[float, ModelCoder],
    clips: ClipSet,
    records: Sequence[int],
    measure: ClipMeasure,
    fitted_on: int | None = None,
    progress: Advance = lambda clips: None,
) -> list[RatePoint]:
    """`measure_files` at each of several qualities, in the order of `coders`."""
    return [
        {"quality": quality, "files": measure_files(coder, clips, records, measure, fitted_on, progress)[0]}
        for quality, coder in coders.items()
    ]


def curve_missing(entry: CheckpointResult, qualities: Sequence[float]) -> bool:
    """Whether files at one of these qualities were not measured yet."""
    return not set(qualities) <= {point["quality"] for point in entry["curve"]}
