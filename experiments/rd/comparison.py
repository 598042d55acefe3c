"""Codecs against one another: BD-rate between curves, and the bits each needs at the quality of ours.

Two codecs are compared over the clips that went through every point of both, so that a failure on a hard clip cannot
pass for a better mean.
"""

from typing import TypedDict

import numpy as np

from experiments.rd.quality_measures import (
    Measure,
    clip_pixels,
    clip_points,
    common_clips,
    curve_over,
    measured,
    point_over,
    rows_of,
)
from experiments.rd.schema import CodecEntry, Point, RateDistortion
from vqvae_jax.data.names import group_of, video_of
from vqvae_jax.metrics.bd_rate import FEWEST_POINTS, Delta, RateAt, bd_psnr, bd_rate, rate_at_quality
from vqvae_jax.metrics.bd_videos import Interval, mean_rate_interval, video_rates

RESAMPLES, SEED = 1000, 0


class BootstrapInterval(TypedDict):
    """Between which values a BD-rate lies, 95 % confident; percentiles over resamples of groups of videos."""

    low: float | None
    high: float | None
    groups: int  # that were resampled
    lost: int  # resamples without a BD-rate
    reason: str | None


class VideoDeltas(TypedDict):
    """The BD-rates of single videos, each between its own two curves."""

    mean_percent: float | None  # over those that have one, each counted the same
    median_percent: float | None
    interval: BootstrapInterval  # of the mean
    percent: dict[str, float | None]  # by video


class CurveDelta(TypedDict):
    """One codec's curve against the anchor's, for one measure."""

    # Of curves of means over clips, not the mean of each clip's own. Below 0: fewer bits than the anchor.
    bd_rate_percent: float | None
    interval: BootstrapInterval
    videos: VideoDeltas
    bd_quality: float | None  # in the measure's unit, above 0: better than the anchor at the same rate
    overlap: float | None  # (0, 1], of the two quality ranges; too small a one leaves no BD-rate
    clips: int  # that both went through
    reason: str | None


class RateNeeded(TypedDict):
    """What a codec needs for another's quality."""

    bpp: float | None  # whole files; between measured points, never beyond
    ratio: float | None  # that, over the other's whole files
    payload_ratio: float | None  # that, over the other's payload alone
    below_bpp: float | None  # where its cheapest point is better already: it needs less than this
    above_bpp: float | None  # where its dearest point is worse still: it needs more than this
    clips: int
    reason: str | None


class AtQuality(TypedDict):
    """One point of a model or of a codec without a curve, and what the others need there."""

    codec: str
    setting: str
    measure: str
    quality: float
    bpp: float
    payload_bpp: float | None
    codecs: dict[str, RateNeeded]


def curve_deltas(rd: RateDistortion, anchor: str) -> dict[str, dict[str, CurveDelta]]:
    """By measure, by codec, of every codec but the anchor that has points."""
    others = {n: entry for n, entry in rd["codecs"].items() if n != anchor and entry["points"]}
    return {
        measure.name: {name: _curve_delta(rd, measure, anchor, entry) for name, entry in others.items()}
        for measure in measured(rd)
    }


def _curve_delta(rd: RateDistortion, measure: Measure, anchor: str, test: CodecEntry) -> CurveDelta:
    against = rd["codecs"].get(anchor)
    if against is None or not against["points"]:
        return _no_delta(f"the anchor {anchor} has no points", 0)
    clips = common_clips([*against["points"], *test["points"]])
    if not clips:
        return _no_delta("no clip went through every point of both", 0)
    base, other = (clip_points(entry, measure, clips, clip_pixels(rd)) for entry in (against, test))
    curves = [points.mean(np.ones(len(clips))) for points in (base, other)]
    rate, quality = bd_rate(*curves), bd_psnr(*curves)
    groups = [group_of(clip) for clip in clips]
    if rate.value is None:  # resamples of a curve that has none would say nothing
        interval = _interval(Interval(None, None, 0, 0, "the mean curves have no BD-rate"))
    else:
        interval = _interval(mean_rate_interval(base, other, groups, RESAMPLES, SEED))
    videos = video_rates(base, other, [video_of(clip) for clip in clips], groups, RESAMPLES, SEED)
    return {
        "bd_rate_percent": rate.value,
        "interval": interval,
        "videos": {
            "mean_percent": videos.mean,
            "median_percent": videos.median,
            "interval": _interval(videos.interval),
            "percent": {video: delta.value for video, delta in videos.deltas.items()},
        },
        "bd_quality": quality.value,
        "overlap": rate.overlap,
        "clips": len(clips),
        "reason": _joined(rate, quality),
    }


def _interval(interval: Interval) -> BootstrapInterval:
    low, high, groups, lost, reason = interval
    return {"low": low, "high": high, "groups": groups, "lost": lost, "reason": reason}


def _joined(rate: Delta, quality: Delta) -> str | None:
    return "; ".join(dict.fromkeys(r for r in (rate.reason, quality.reason) if r is not None)) or None


def _no_delta(reason: str, clips: int) -> CurveDelta:
    none = _interval(Interval(None, None, 0, 0, reason))
    videos: VideoDeltas = {"mean_percent": None, "median_percent": None, "interval": none, "percent": {}}
    return {
        "bd_rate_percent": None,
        "interval": none,
        "videos": videos,
        "bd_quality": None,
        "overlap": None,
        "clips": clips,
        "reason": reason,
    }


def rates_at_quality(rd: RateDistortion) -> list[AtQuality]:
    """What the other codecs need, by measure, at the first point of each model.

    Also at every point of a codec with fewer than a BD-rate takes.
    """
    rows: list[AtQuality] = []
    for name, entry in rd["codecs"].items():
        if len(entry["points"]) < FEWEST_POINTS:
            points = entry["points"]
        else:
            points = entry["points"][:1] if entry["kind"] == "learned" else []
        curves = {n: e for n, e in rd["codecs"].items() if n != name and len(e["points"]) > 1}
        for point in points:
            for measure in measured(rd):
                whole = point_over(point, measure, point["clip_ids"], clip_pixels(rd))
                if whole is not None:
                    rows.append(
                        {
                            "codec": name,
                            "setting": point["setting"],
                            "measure": measure.name,
                            "quality": whole[1],
                            "bpp": point["rate"]["bpp"],
                            "payload_bpp": point["rate"]["payload_bpp"],
                            "codecs": {n: _needed(rd, measure, point, curve) for n, curve in curves.items()},
                        }
                    )
    return rows


def _needed(rd: RateDistortion, measure: Measure, point: Point, other: CodecEntry) -> RateNeeded:
    clips = common_clips([point, *other["points"]])
    here = point_over(point, measure, clips, clip_pixels(rd)) if clips else None
    if here is None:
        found, bpp = RateAt(None, "no clip went through both"), None
    else:
        bpp, quality = here
        found = rate_at_quality(curve_over(other, measure, clips, clip_pixels(rd)), measure.sign * quality)
    payload = point["rate"]["payload_bytes"]
    if payload is None or not clips:
        payload_bpp = None
    else:
        rows = rows_of(point, clips)
        payload_bpp = 8 * sum(payload[row] for row in rows) / len(rows) / clip_pixels(rd)
    return {
        "bpp": found.rate,
        "ratio": None if found.rate is None or not bpp else found.rate / bpp,
        "payload_ratio": None if found.rate is None or not payload_bpp else found.rate / payload_bpp,
        "below_bpp": found.below,
        "above_bpp": found.above,
        "clips": len(clips),
        "reason": found.reason,
    }
