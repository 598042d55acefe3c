"""The tables of a rate-distortion summary."""

from collections.abc import Sequence

import numpy as np

from experiments.rd.comparison import AtQuality, BootstrapInterval, RateNeeded
from experiments.rd.quality_measures import MEASURES, Measure
from experiments.rd.schema import Point, RateDistortion
from experiments.rd.summary import Summary
from vqvae_jax.data.names import video_of
from vqvae_jax.metrics.bd_rate import LEAST_OVERLAP, METHOD
from vqvae_jax.metrics.rate import bytes_to_bpp
from vqvae_jax.report.table import NONE, Table, csv_text, number

VIDEO_FIGURES = ("psnr", "ssim", "difference_psnr", "perceptual")
BY_NAME = {measure.name: measure for measure in MEASURES}


def tables(rd: RateDistortion, summary: Summary) -> list[Table]:
    """Comparisons first, then every point; a table without rows is left out."""
    found = [
        *at_quality_tables(rd, summary),
        bd_table(rd, summary),
        bd_videos_table(rd, summary),
        points_table(summary),
    ]
    return [table for table in found if table.rows]


def points_table(summary: Summary) -> Table:
    """Every codec at every setting."""
    shown = _shown(summary)
    rows = [
        (
            row["title"],
            row["setting"],
            f"{row['bpp']:.4f}",
            number(row["payload_bpp"], ".4f"),
            *(measure.format(row["figures"][measure.name]) for measure in shown),
            str(row["clips"]),
            str(row["failures"]),
        )
        for row in summary["rows"]
    ]
    header = ("codec", "setting", "bpp", "payload bpp", *(measure.label for measure in shown))
    return Table(
        "Every point",
        "Bits per pixel of one frame, whole files; payload: without header and index. How fast codecs are is "
        "measured by python -m benchmarks.codecs; the seconds in rd.json are not to be compared.",
        (*header, "clips", "failed"),
        tuple(rows),
        names=2,
    )


def bd_table(rd: RateDistortion, summary: Summary) -> Table:
    """BD-rate of every codec that has one, at equal PSNR, SSIM, ..."""
    shown = _shown(summary)
    anchor = rd["codecs"][summary["anchor"]]["title"]
    rows = []
    for codec, entry in rd["codecs"].items():
        deltas = {m.name: summary["bd"][m.name][codec] for m in shown if codec in summary["bd"][m.name]}
        if any(delta["overlap"] is not None for delta in deltas.values()):
            found = [deltas[measure.name] for measure in shown]
            cells = [c for d in found for c in (_percent(d["bd_rate_percent"]), number(d["overlap"], ".0%"))]
            rows.append((entry["title"], *cells, _signed(deltas["psnr"]["bd_quality"], 2, " dB")))
    return Table(
        f"BD-rate against {anchor}",
        f"Average difference in rate at equal quality, by {METHOD.upper()} over the range that both curves cover; "
        f"below zero: fewer bits than {anchor}. Of one curve a codec, its means over all clips; the next table "
        "has intervals, and the mean of single videos' BD-rates. Overlap: the range that both cover, as a share of "
        "what either does; below "
        f"{LEAST_OVERLAP:.0%} there is no BD-rate. BD-PSNR: the average gain at equal rate.",
        ("codec", *(cell for m in shown for cell in (f"at equal {m.in_sentence}", "overlap")), "BD-PSNR"),
        tuple(rows),
    )


def bd_videos_table(rd: RateDistortion, summary: Summary) -> Table:
    """BD-rate of mean curves and over videos, at each measure, with their intervals."""
    anchor, drawn = rd["codecs"][summary["anchor"]]["title"], summary["resampling"]
    rows = []
    for codec, entry in rd["codecs"].items():
        for measure in _shown(summary):
            delta = summary["bd"][measure.name].get(codec)
            if delta is not None and (delta["bd_rate_percent"], delta["videos"]["mean_percent"]) != (None, None):
                videos, percent = delta["videos"], delta["videos"]["percent"].values()
                known = [value for value in percent if value is not None]
                cells = (
                    _percent(delta["bd_rate_percent"]),
                    _ends(delta["interval"]),
                    _percent(videos["mean_percent"]),
                    _ends(videos["interval"]),
                    _percent(videos["median_percent"]),
                    f"{sum(value < 0 for value in known)} of {len(known)}",
                    f"{len(percent) - len(known)}",
                )
                rows.append((entry["title"], measure.title, *cells))
    groups = {delta["interval"]["groups"] for by_codec in summary["bd"].values() for delta in by_codec.values()}
    return Table(
        f"BD-rate against {anchor}: its interval, and single videos",
        f"In brackets {drawn['level']:.0%} bootstrap intervals (Efron; percentiles of {drawn['resamples']:,} resamples "
        f"of {max(groups, default=0)} groups of videos, seed {drawn['seed']}): what to expect of other groups of the "
        "same kind. The mean of videos counts the BD-rate of each video's own curves the same, as JVET does; the mean "
        "curves weigh videos by their bits. Videos without a BD-rate (a curve that does not rise, too little overlap) "
        "are in neither mean nor median.",
        (
            *("codec", "at equal", "mean curves", "interval", "mean of videos", "interval", "median of videos"),
            *("fewer bits in", "videos without"),
        ),
        tuple(rows),
        names=2,
    )


def at_quality_tables(rd: RateDistortion, summary: Summary) -> list[Table]:
    """For each point in `summary["at_quality"]`: what the others need for its quality."""
    groups: dict[tuple[str, str], list[AtQuality]] = {}
    for line in summary["at_quality"]:
        groups.setdefault((line["codec"], line["setting"]), []).append(line)
    result = []
    for (codec, setting), lines in groups.items():
        title, first = rd["codecs"][codec]["title"], lines[0]
        rows = [
            (rd["codecs"][other]["title"], *(_needed(line["codecs"][other]) for line in lines))
            for other in first["codecs"]
        ]
        payload = "" if first["payload_bpp"] is None else f", {first['payload_bpp']:.4f} of them payload"
        result.append(
            Table(
                f"Bits for the quality of {title}{'' if setting in title else f', {setting}'}",
                f"It takes {first['bpp']:.4f} bpp{payload}. In each cell the bpp that the other codec needs for the "
                f"same figure, interpolated between its points ({METHOD.upper()}, log rate), and that as a share of "
                f"these {first['bpp']:.4f}. < and >: outside the range of the codec's points; "
                "its cheapest is better already, or its dearest still worse.",
                (
                    "codec",
                    *(f"{BY_NAME[m['measure']].title} {BY_NAME[m['measure']].format(m['quality'])}" for m in lines),
                ),
                tuple(rows),
            )
        )
    return result


def headlines(rd: RateDistortion, summary: Summary) -> list[str]:
    """The comparison at equal PSNR and perceptual distance, a sentence for each point in `summary["at_quality"]`."""
    lines = []
    for at in summary["at_quality"]:
        known = [
            (rd["codecs"][name]["title"], need["bpp"], need["ratio"])
            for name, need in at["codecs"].items()
            if need["bpp"] is not None and need["ratio"] is not None
        ]
        if at["measure"] not in ("psnr", "perceptual") or not known:
            continue
        measure = BY_NAME[at["measure"]]
        figure = f"{measure.format(at['quality'])} {measure.unit}".strip()
        needs = "; ".join(f"{title} {bpp:.3f} ({ratio:.0%})" for title, bpp, ratio in known)
        lines.append(
            f"At the {measure.in_sentence} of {rd['codecs'][at['codec']]['title']} ({figure}, {at['bpp']:.3f} bpp), "
            f"others need, in bpp and as a share of that: {needs}."
        )
    return lines


def settings_table(rd: RateDistortion) -> Table:
    """One row per codec: version, what is counted, its commands with the setting that varies."""
    rows = [
        (
            entry["title"],
            entry["version"] or NONE,
            entry["note"] or NONE,
            ", ".join(p["setting"] for p in entry["points"]) or NONE,
            merged_commands([p["encode_command"] for p in entry["points"]]) or NONE,
            merged_commands([p["decode_command"] for p in entry["points"]]) or NONE,
        )
        for entry in rd["codecs"].values()
    ]
    header = ("codec", "version", "what is counted", "settings", "encoding", "decoding")
    explanation = (
        "As run, for ours the equivalent commands; IN and OUT stand for files. {a,b} is what varies between settings."
    )
    return Table("Settings", explanation, header, tuple(rows), names=len(header))


def merged_commands(commands: list[str]) -> str:
    """`x265 --crf {32,36} IN` for commands that differ in one word; else a line for each."""
    distinct = [command.split(" ") for command in dict.fromkeys(commands)]
    differing = [index for index, words in enumerate(zip(*distinct, strict=False)) if len(set(words)) > 1]
    if len(distinct) > 1 and len(differing) == 1 and len({len(words) for words in distinct}) == 1:
        (index,) = differing
        values = ",".join(words[index] for words in distinct)
        return " ".join([*distinct[0][:index], f"{{{values}}}", *distinct[0][index + 1 :]])
    return "\n".join(" ".join(words) for words in distinct)


def points_csv(summary: Summary) -> str:
    """A row per codec and setting, figures in full; what was not measured is empty."""
    first, last = ("codec", "kind", "title", "setting", "bpp", "payload_bpp"), ("clips", "failures")
    names = [measure.name for measure in MEASURES]
    rows = [
        {name: row[name] for name in first}  # type: ignore[literal-required]
        | {name: row["figures"].get(name) for name in names}
        | {name: row[name] for name in last}  # type: ignore[literal-required]
        for row in summary["rows"]
    ]
    return csv_text(rows, (*first, *names, *last))


def videos_csv(rd: RateDistortion) -> str:
    """A row per codec, setting and video: clips, bits per pixel of whole files, means over the video's clips.

    For whoever wants to know which content a codec is good at.
    """
    frames, height, width = rd["data"]["clip_shape"][:3]
    rows = []
    for name, entry in rd["codecs"].items():
        for point in entry["points"]:
            lists = {figure: point["quality"]["clips"][figure] for figure in VIDEO_FIGURES}  # type: ignore[literal-required]
            for video, positions in clips_by_video(point).items():
                bpp = bytes_to_bpp(_mean(point["rate"]["bytes"], positions), (frames, height, width))
                means = {n: None if v is None else f"{_mean(v, positions):.6g}" for n, v in lists.items()}
                about = {"codec": name, "setting": point["setting"], "video": video, "clips": len(positions)}
                rows.append({**about, "bpp": f"{bpp:.6g}", **means})
    return csv_text(rows, ("codec", "setting", "video", "clips", "bpp", *VIDEO_FIGURES))


def clips_by_video(point: Point) -> dict[str, list[int]]:
    """Positions in the point's lists by video; a clip's id is its video's name, a slash and a number."""
    found: dict[str, list[int]] = {}
    for position, clip_id in enumerate(point["clip_ids"]):
        found.setdefault(video_of(clip_id), []).append(position)
    return found


def _mean(values: Sequence[float], positions: Sequence[int]) -> float:
    return float(np.mean([values[position] for position in positions]))


def _shown(summary: Summary) -> list[Measure]:
    return [measure for measure in MEASURES if measure.name in summary["bd"]]


def _needed(need: RateNeeded) -> str:
    if need["below_bpp"] is not None:
        return f"< {need['below_bpp']:.4f}"
    if need["above_bpp"] is not None:
        return f"> {need['above_bpp']:.4f}"
    if need["bpp"] is None:
        return NONE
    return f"{need['bpp']:.4f}" + ("" if need["ratio"] is None else f" ({need['ratio']:.0%})")


def _ends(interval: BootstrapInterval) -> str:
    if interval["low"] is None or interval["high"] is None:
        return NONE
    lost = f" ({interval['lost']} resamples without)" if interval["lost"] else ""
    return f"[{_signed(interval['low'], 1, '')}, {_signed(interval['high'], 1, '')}]{lost}"


def _percent(value: float | None) -> str:
    return _signed(value, 1, " %")


def _signed(value: float | None, decimals: int, unit: str) -> str:
    return NONE if value is None else f"{value:+.{decimals}f}{unit}".replace("-", "−")
