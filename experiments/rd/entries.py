"""From outcomes to what `rd.json` says about each codec."""

from typing import Any

import numpy as np

from experiments.rd.job import Outcome
from experiments.rd.measure import Measure
from experiments.rd.schema import ExtraFigures, Failure, Point
from vqvae_jax.evaluation.clip_files import stacked_quality
from vqvae_jax.evaluation.coder import Coder
from vqvae_jax.metrics.rate import bytes_to_bpp


def point_entry(
    coder: Coder, clip_ids: list[str], outcomes: list[Outcome], measure: Measure, shape: tuple[int, ...]
) -> Point | None:
    """One point over the clips that went through; None if none did.

    Args:
      clip_ids: of all clips, in the order of `outcomes`.
      shape: (T, H, W, 3) of a clip.
    """
    failures: list[Failure] = [
        {"clip_id": clip_id, "reason": outcome.failure}
        for clip_id, outcome in zip(clip_ids, outcomes, strict=True)
        if outcome.failure is not None
    ]
    entries = [outcome.entry for outcome in outcomes if outcome.entry is not None]
    if not entries:
        return None
    figures = [entry.figures or {} for entry in entries]
    sizes = [entry.bytes for entry in entries]
    payloads = [entry.payload_bytes for entry in entries if entry.payload_bytes is not None]
    size = (shape[0], shape[1], shape[2])
    return {
        "setting": coder.setting,
        "encode_command": coder.encode_command,
        "decode_command": coder.decode_command,
        "clip_ids": [clip_id for clip_id, o in zip(clip_ids, outcomes, strict=True) if o.entry is not None],
        "quality": stacked_quality(figures),
        "ms_ssim": _extra(figures, "ms_ssim", measure.ms_ssim_reason),
        "vmaf": _extra(figures, "vmaf", measure.vmaf_reason),
        "rate": {
            "bpp": bytes_to_bpp(float(np.mean(sizes)), size),
            "payload_bpp": bytes_to_bpp(float(np.mean(payloads)), size) if payloads else None,
            "bytes": sizes,
            "payload_bytes": payloads or None,
        },
        "encode_seconds": float(np.median([entry.encode_seconds for entry in entries])),
        "decode_seconds": float(np.median([entry.decode_seconds or 0.0 for entry in entries])),
        "failures": failures,
    }


def _extra(figures: list[dict[str, Any]], name: str, reason: str | None) -> ExtraFigures:
    if reason is not None:
        return {"mean": None, "clips": None, "reason": reason}
    values = [float(f[name]) for f in figures]
    return {"mean": float(np.mean(values)), "clips": values, "reason": None}
