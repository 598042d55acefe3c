"""Quality against bits per pixel, a chart for each measure, and how each codec is drawn.

Okabe and Ito's palette, darkened where it is too pale for lines on white: colour-blind readers can tell it apart. Each
codec has a marker of its own as well, so that colour never has to do it alone.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from experiments.rd.quality_measures import Measure, measured
from experiments.rd.schema import CodecEntry, RateDistortion
from vqvae_jax.report.chart import Chart, Look, Series
from vqvae_jax.report.figure import figure

LOOKS = {
    "x264": Look("#b87a00", "#e69f00", "s"),
    "x265": Look("#0072b2", "#4fa8dc", "o"),
    "svtav1": Look("#00805c", "#35c09a", "^"),
    "av1": Look("#aa4c84", "#dd92bd", "D"),
    "vvc": Look("#5b6770", "#a9b6c0", "v"),
}
LEARNED = Look("#d55e00", "#ff8433", "*", strong=True)  # the first model
# The first one is far from every colour above, x265's blue too.
SPARE = (Look("#7a3fc2", "#b894f0", "P"), Look("#857c00", "#f0e442", "X"), Look("#111111", "#eeeeee", "h"))


def looks(codecs: Mapping[str, CodecEntry]) -> dict[str, Look]:
    """A look for every codec: its own, the first model that of models, and each further or unknown one a spare."""
    unknown = 0
    found: dict[str, Look] = {}
    for codec, entry in codecs.items():
        learned = entry["kind"] == "learned"
        if codec in LOOKS:
            found[codec] = LOOKS[codec]
        elif learned and LEARNED not in found.values():
            found[codec] = LEARNED
        else:
            found[codec] = SPARE[unknown % len(SPARE)]._replace(strong=learned)
            unknown += 1
    return found


def charts(rd: RateDistortion) -> list[Chart]:
    """One for each measure that any point has; up is better in all of them."""
    return [chart(rd, measure) for measure in measured(rd)]


def chart(rd: RateDistortion, measure: Measure) -> Chart:
    """The measure of every codec's points; hollow markers are the payload alone."""
    return Chart(
        measure.title,
        "bits per pixel, whole files (log)",
        tuple(_curve(rd["codecs"][codec], measure, look) for codec, look in looks(rd["codecs"]).items()),
        measure.label + ("; axis turned: up is better" if measure.lower_is_better else ""),
        log_x=True,
        turned=measure.lower_is_better,
        names_at_ends=True,
    )


def plot(rd: RateDistortion, file_format: Literal["png", "svg"]) -> bytes:
    """The figure's file, a panel for each measure; the same bytes every time."""
    frames, height, width = rd["data"]["clip_shape"][:3]
    title = f"{len(rd['data']['clip_ids'])} {rd['data']['split']} clips, {frames} frames of {width}×{height}"
    title += "; hollow marker: payload alone, without header and index" if has_payload(rd) else ""
    panels = [c._replace(title=c.y_label, y_label="") for c in charts(rd)]
    return figure(panels, title if panels else f"{title}; no points", file_format=file_format)


def has_payload(rd: RateDistortion) -> bool:
    """Whether any codec says what its files hold without header and index."""
    return any(p["rate"]["payload_bpp"] is not None for e in rd["codecs"].values() for p in e["points"])


def _curve(entry: CodecEntry, measure: Measure, look: Look) -> Series:
    points = sorted(entry["points"], key=lambda point: point["rate"]["bpp"])
    figures = [measure.mean(point) for point in points]
    rates = [point["rate"] for point in points]
    names = [entry["title"] if p["setting"] in entry["title"] else f"{entry['title']}, {p['setting']}" for p in points]
    said = [f"{measure.title} {measure.format(figure)} {measure.unit}".strip() for figure in figures]
    return Series(
        entry["title"],
        np.array([rate["bpp"] for rate in rates]),
        np.array(figures, np.float64),
        look=look,
        said=tuple(f"{n}: {r['bpp']:.4f} bpp, {s}" for n, r, s in zip(names, rates, said, strict=True)),
        hollow_x=np.array([rate["payload_bpp"] for rate in rates], np.float64),
        hollow_said=tuple(
            f"{n}, payload alone: {r['payload_bpp'] or 0:.4f} bpp, {s}"
            for n, r, s in zip(names, rates, said, strict=True)
        ),
    )
