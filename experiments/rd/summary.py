"""What `rd.json` says, in `summary.json`: a row per point, BD-rates, bits at equal quality, what is missing and why."""

from typing import TypedDict

from experiments.rd.comparison import RESAMPLES, SEED, AtQuality, CurveDelta, curve_deltas, rates_at_quality
from experiments.rd.quality_measures import MEASURES, measured, vmaf_too_small
from experiments.rd.schema import CodecEntry, Point, RateDistortion
from vqvae_jax.errors import UserError
from vqvae_jax.metrics.bd_videos import LEVEL

SCHEMA = "vqvae_jax.rate_distortion_summary"
VERSION = 2
USUAL_ANCHOR = "x265"
FAILURES_NAMED = 3  # of one point; the rest are counted


class Row(TypedDict):
    """One codec at one setting; the figures are those of `rd.json`."""

    codec: str
    kind: str
    title: str
    setting: str
    bpp: float
    payload_bpp: float | None
    figures: dict[str, float | None]  # by measure
    clips: int
    failures: int


class Resampling(TypedDict):
    """How the intervals of BD-rates were drawn."""

    resamples: int
    seed: int
    level: float


class Summary(TypedDict):
    """The whole file."""

    schema: str
    version: int
    anchor: str
    resampling: Resampling
    rows: list[Row]
    bd: dict[str, dict[str, CurveDelta]]  # by measure, by codec
    at_quality: list[AtQuality]
    missing: list[str]  # sentences: what could not be measured or computed, and why


def summarise(rd: RateDistortion, anchor: str) -> Summary:
    """Tables and comparisons of a rate-distortion file.

    Args:
      rd: the file.
      anchor: codec of the file that BD-rates compare with; see `chosen_anchor`.
    """
    deltas = curve_deltas(rd, anchor)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "anchor": anchor,
        "resampling": {"resamples": RESAMPLES, "seed": SEED, "level": LEVEL},
        "rows": [_row(name, entry, point, rd) for name, entry in rd["codecs"].items() for point in entry["points"]],
        "bd": deltas,
        "at_quality": rates_at_quality(rd),
        "missing": missing(rd, deltas),
    }


def chosen_anchor(rd: RateDistortion, wanted: str | None) -> str:
    """The codec that BD-rates compare with: `wanted`, else x265, or the first one with points where x265 has none.

    Raises:
      UserError: if the file says nothing of `wanted`.
    """
    if wanted is not None and wanted not in rd["codecs"]:
        raise UserError(f"anchor {wanted!r} is none of the codecs in the file: {', '.join(rd['codecs'])}")
    if wanted is not None:
        return wanted
    candidates = [name for name, entry in rd["codecs"].items() if entry["points"]] or list(rd["codecs"])
    return USUAL_ANCHOR if USUAL_ANCHOR in candidates else candidates[0]


def _row(codec: str, entry: CodecEntry, point: Point, rd: RateDistortion) -> Row:
    return {
        "codec": codec,
        "kind": entry["kind"],
        "title": entry["title"],
        "setting": point["setting"],
        "bpp": point["rate"]["bpp"],
        "payload_bpp": point["rate"]["payload_bpp"],
        "figures": {measure.name: measure.mean(point) for measure in measured(rd)},
        "clips": len(point["clip_ids"]),
        "failures": len(point["failures"]),
    }


def missing(rd: RateDistortion, deltas: dict[str, dict[str, CurveDelta]]) -> list[str]:
    """One sentence for each codec without points, clip that failed, figure nobody has, and BD-rate that is null."""
    lines = []
    if len(rd["data"]["clip_ids"]) < rd["data"]["clips_in_split"]:
        lines.append(f"Measured on {len(rd['data']['clip_ids'])} of {rd['data']['clips_in_split']} clips of the split.")
    for entry in rd["codecs"].values():
        if not entry["points"]:
            lines.append(f"{entry['title']}: no points: {entry['reason']}.")
        elif entry["reason"] is not None:
            lines.append(f"{entry['title']}: {entry['reason']}.")
        for point in entry["points"]:
            if point["failures"]:
                total = len(point["clip_ids"]) + len(point["failures"])
                named = "; ".join(f"{f['clip_id']}: {f['reason']}" for f in point["failures"][:FAILURES_NAMED])
                more = "; and more in rd.json" if len(point["failures"]) > FAILURES_NAMED else ""
                lines.append(
                    f"{entry['title']}, {point['setting']}: {len(point['failures'])} of {total} clips failed "
                    f"({named}{more}); its means are over the others."
                )
    present = measured(rd)
    for measure in MEASURES:
        if measure not in present:
            lines.append(f"{measure.title}: not measured{_why(rd, measure.name)}.")
    for reason, codecs in _null_deltas(deltas).items():
        lines.append(f"BD-rate of {', '.join(rd['codecs'][codec]['title'] for codec in codecs)}: none: {reason}.")
    return lines


def _why(rd: RateDistortion, name: str) -> str:
    """`: reason`, where the file has one."""
    if name == "perceptual":
        reasons = {rd["perceptual"]["reason"]}
    elif name in ("ms_ssim", "vmaf"):
        points = [point for entry in rd["codecs"].values() for point in entry["points"]]
        reasons = {point[name]["reason"] for point in points}  # type: ignore[literal-required]
        if name == "vmaf" and not any(reasons):  # an older file, which has it
            reasons = {vmaf_too_small(rd["data"]["clip_shape"])}
    else:
        return ""
    said = "; ".join(sorted(reason for reason in reasons if reason is not None))
    return f": {said}" if said else ""


def _null_deltas(deltas: dict[str, dict[str, CurveDelta]]) -> dict[str, list[str]]:
    """Codecs by the reason why they have no BD-rate; a reason that holds for some measures only names them."""
    found: dict[tuple[str, str], list[str]] = {}
    for measure, by_codec in deltas.items():
        for codec, delta in by_codec.items():
            if delta["bd_rate_percent"] is None:
                found.setdefault((codec, str(delta["reason"])), []).append(measure)
    titles = {measure.name: measure.title for measure in MEASURES}
    lines: dict[str, list[str]] = {}
    for (codec, reason), names in found.items():
        where = "" if len(names) == len(deltas) else f" (for {', '.join(titles[name] for name in names)})"
        lines.setdefault(reason + where, []).append(codec)
    return lines
