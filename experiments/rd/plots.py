"""The rate-distortion figure: quality against bits per pixel, a panel for each measure, as PNG and SVG."""

import io
from typing import Any, Literal

import numpy as np

from experiments.rd.looks import Look, looks
from experiments.rd.quality_measures import Measure, mean_figure, measured
from experiments.rd.schema import CodecEntry, RateDistortion
from vqvae_jax.evaluation.svg_chart import log_ticks

PANEL = (6.4, 4.6)  # inches
LABEL_SPACING = 0.062  # least distance of two labels, as a share of the axis height
INK, SOFT, GRID = "#1d2126", "#626a73", "#e4e4e0"


def plot(rd: RateDistortion, file_format: Literal["png", "svg"]) -> bytes:
    """The figure's file; the same bytes every time."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = measured(rd)
    rows = max(1, -(-len(shown) // 2))
    settings: Any = {"svg.hashsalt": "vqvae_jax", "svg.fonttype": "path", "font.size": 10, "text.color": INK}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(2 * PANEL[0], rows * PANEL[1] + 0.5), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, 2, squeeze=False).ravel()
        for ax, measure in zip(axes, shown, strict=False):
            _panel(ax, rd, measure)
        for ax in axes[len(shown) :]:
            ax.set_visible(False)
        frames, height, width = rd["data"]["clip_shape"][:3]
        title = f"{len(rd['data']['clip_ids'])} {rd['data']['split']} clips, {frames} frames of {width}×{height}"
        if any(p["rate"]["payload_bpp"] is not None for e in rd["codecs"].values() for p in e["points"]):
            title += "; hollow marker: payload alone, without header and index"
        if not shown:
            title += "; no points"
        figure.suptitle(title, fontsize=12.5)
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1, wspace=0.03)  # type: ignore[call-arg, union-attr]
        buffer = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if file_format == "svg" else {"Software": None}
        figure.savefig(buffer, format=file_format, metadata=metadata)
    return buffer.getvalue()


def _panel(ax: Any, rd: RateDistortion, measure: Measure) -> None:
    ends = []  # (codec, x, y): where a label's line begins
    for codec, look in looks(rd["codecs"]).items():
        entry = rd["codecs"][codec]
        x, y = known_points(entry, measure)
        if not len(x):
            continue
        if look.ours:
            _ours(ax, entry, look, measure)
        else:
            ax.plot(x, y, color=look.colour, marker=look.marker, markersize=5.5, linewidth=1.7, zorder=3)
        ends.append((codec, x[-1], y[-1]))
    ax.set_xscale("log")
    if measure.lower_is_better:
        ax.invert_yaxis()
    ax.margins(x=0.06, y=0.07)
    direction = "; axis turned: up is better" if measure.lower_is_better else ""
    ax.set_title(f"{measure.label}{direction}", fontsize=11, loc="left")
    ax.set_xlabel("bits per pixel, whole files (log)", color=SOFT)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color=GRID, linewidth=0.7, which="both")
    ax.set_axisbelow(True)
    ax.tick_params(colors=SOFT, which="both")
    _round_ticks(ax)
    _labels(ax, rd, ends)


def known_points(entry: CodecEntry, measure: Measure) -> tuple[np.ndarray, np.ndarray]:
    """(bpp, figure) of the codec's points that have the figure, by rising bpp."""
    pairs = sorted((p["rate"]["bpp"], mean_figure(p, measure)) for p in entry["points"])
    known = [(bpp, figure) for bpp, figure in pairs if figure is not None]
    return np.array([bpp for bpp, _ in known]), np.array([figure for _, figure in known])


def _ours(ax: Any, entry: CodecEntry, look: Look, measure: Measure) -> None:
    """Whole files as a large star, the payload alone as a hollow one to its left."""
    x, y = known_points(entry, measure)
    ax.plot(
        x, y, color=look.colour, marker=look.marker, markersize=17, linewidth=2.4, zorder=5, markeredgecolor="white"
    )
    for point in entry["points"]:
        payload, figure = point["rate"]["payload_bpp"], mean_figure(point, measure)
        if payload is not None and figure is not None:
            ax.plot([payload, point["rate"]["bpp"]], [figure, figure], color=look.colour, linewidth=1.2, zorder=4)
            hollow = {"markerfacecolor": "white", "markeredgecolor": look.colour, "markersize": 12}
            ax.plot(payload, figure, marker=look.marker, zorder=4.5, linestyle="none", **hollow)


def _round_ticks(ax: Any) -> None:
    """Plain numbers, at least three: matplotlib labels a log axis of less than a decade hardly or too much."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.xaxis.set_major_locator(FixedLocator(log_ticks(*ax.get_xlim())))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _labels(ax: Any, rd: RateDistortion, ends: list[tuple[str, float, float]]) -> None:
    """Names in the right margin, each tied to its curve's end by a thin line, pushed apart where they would touch."""
    styles = looks(rd["codecs"])
    heights = [float(ax.transAxes.inverted().transform(ax.transData.transform((x, y)))[1]) for _, x, y in ends]
    for (codec, x, y), height in zip(ends, spread(heights, LABEL_SPACING), strict=True):
        ax.annotate(
            rd["codecs"][codec]["title"],
            xy=(x, y),
            xycoords="data",
            xytext=(1.03, height),
            textcoords="axes fraction",
            color=styles[codec].colour,
            fontweight="bold" if styles[codec].ours else "normal",
            fontsize=11 if styles[codec].ours else 10,
            va="center",
            arrowprops={"arrowstyle": "-", "color": styles[codec].colour, "linewidth": 0.7, "alpha": 0.6, "shrinkA": 2},
        )


def spread(heights: list[float], least: float) -> list[float]:
    """Moves numbers apart until neighbours differ by `least`, in the same order, none above 1."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved = [heights[index] for index in order]
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + least)
    if moved:
        moved[-1] = min(moved[-1], 1.0)
    for place in range(len(moved) - 2, -1, -1):
        moved[place] = min(moved[place], moved[place + 1] - least)
    result = [0.0] * len(heights)
    for place, index in enumerate(order):
        result[index] = moved[place]
    return result
