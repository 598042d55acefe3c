"""Codecs against one another: BD-rate between curves, and the bits each needs at the quality of ours.

Two codecs are compared over the clips that went through every point of both, so that a failure on a hard clip cannot
pass for a better mean.
"""

from typing import Any, TypedDict

import numpy as np

from experiments.rd.quality_measures import Measure, bits_per_pixel, clip_points, common_clips, measured
from experiments.rd.schema import CodecEntry, Point, RateDistortion
from vqvae_jax.data.names import group_of, video_of
from vqvae_jax.metrics.bd_rate import FEWEST_POINTS, Delta, RateAt, bd_psnr, bd_rate, rate_at_quality
from vqvae_jax.metrics.bd_videos import Interval, VideoRates, mean_rate_interval, video_rates

RESAMPLES, SEED = 1000, 0
BootstrapInterval = dict[str, Any]  # fields and values of an `Interval`, 95 %, over resamples of groups of videos


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
    against, clips, reason = rd["codecs"][anchor]["points"], [], None
    if not against:
        reason = f"the anchor {anchor} has no points"
    elif not (clips := common_clips([*against, *test["points"]])):
        reason = "no clip went through every point of both"
    if reason is not None:
        rate = quality = Delta(None, None, reason)
        interval = Interval(None, None, 0, 0, reason)
        videos = VideoRates({}, None, None, interval)
    else:
        base, other = (clip_points(rd, points, measure, clips) for points in (against, test["points"]))
        curves = [points.mean(np.ones(len(clips))) for points in (base, other)]
        rate, quality = bd_rate(*curves), bd_psnr(*curves)
        groups = [group_of(clip) for clip in clips]
        if rate.value is None:  # resamples of a curve that has none would say nothing
            interval = Interval(None, None, 0, 0, "the mean curves have no BD-rate")
        else:
            interval = mean_rate_interval(base, other, groups, RESAMPLES, SEED)
        videos = video_rates(base, other, [video_of(clip) for clip in clips], groups, RESAMPLES, SEED)
    return {
        "bd_rate_percent": rate.value,
        "interval": interval._asdict(),
        "videos": {
            "mean_percent": videos.mean,
            "median_percent": videos.median,
            "interval": videos.interval._asdict(),
            "percent": {video: delta.value for video, delta in videos.deltas.items()},
        },
        "bd_quality": quality.value,
        "overlap": rate.overlap,
        "clips": len(clips),
        "reason": "; ".join(dict.fromkeys(r for r in (rate.reason, quality.reason) if r is not None)) or None,
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
        curves = {n: e["points"] for n, e in rd["codecs"].items() if n != name and len(e["points"]) > 1}
        for point in points:
            for measure in measured(rd):
                quality = measure.mean(point)
                if quality is not None:
                    rows.append(
                        {
                            "codec": name,
                            "setting": point["setting"],
                            "measure": measure.name,
                            "quality": quality,
                            "bpp": point["rate"]["bpp"],
                            "payload_bpp": point["rate"]["payload_bpp"],
                            "codecs": {n: _needed(rd, measure, point, curve) for n, curve in curves.items()},
                        }
                    )
    return rows


def _needed(rd: RateDistortion, measure: Measure, point: Point, others: list[Point]) -> RateNeeded:
    clips = common_clips([point, *others])
    found, bpp, payload_bpp = RateAt(None, "no clip went through both"), None, None
    if clips:
        every = np.ones(len(clips))
        here = clip_points(rd, [point], measure, clips).mean(every)
        bpp = float(here.rate[0])
        found = rate_at_quality(clip_points(rd, others, measure, clips).mean(every), float(here.quality[0]))
        if (payload := point["rate"]["payload_bytes"]) is not None:
            payload_bpp = float(np.mean(bits_per_pixel(rd, payload, point, clips)))
    return {
        "bpp": found.rate,
        "ratio": None if found.rate is None or not bpp else found.rate / bpp,
        "payload_ratio": None if found.rate is None or not payload_bpp else found.rate / payload_bpp,
        "below_bpp": found.below,
        "above_bpp": found.above,
        "clips": len(clips),
        "reason": found.reason,
    }
