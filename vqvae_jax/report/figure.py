"""Charts as one PNG or SVG file, drawn by matplotlib; the same bytes every time."""

import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from vqvae_jax.report.chart import Axis, Chart, Look, Series, axes, drawn, spread

PANEL = (6.4, 4.6)  # inches
LABEL_SPACING = 0.29  # inches between names at the curves' ends
LEGEND_LINE = 14.5  # points
INK, SOFT, GRID, BAND = "#1d2126", "#626a73", "#e4e4e0", "#e6e9ee"


def figure(
    charts: Sequence[Chart],
    title: str = "",
    columns: int = 2,
    panel: tuple[float, float] = PANEL,
    file_format: Literal["png", "svg"] = "png",
    widths: tuple[float, ...] | None = None,
) -> bytes:
    """The charts side by side, `columns` in a row.

    Args:
      charts: at least one; of one that has nothing to draw only the title is there.
      title: above all of them.
      columns: of charts.
      panel: inches of each chart.
      file_format: of the file.
      widths: of the columns, where they are not equal, in any unit.
    """
    import matplotlib

    settings: Any = {"svg.hashsalt": "vqvae_jax", "svg.fonttype": "path", "font.size": 10, "text.color": INK}
    with matplotlib.rc_context(settings):
        buffer = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if file_format == "svg" else {"Software": None}
        draw(charts, title, columns, panel, widths).savefig(buffer, format=file_format, metadata=metadata)
    return buffer.getvalue()


def draw(
    charts: Sequence[Chart],
    title: str = "",
    columns: int = 2,
    panel: tuple[float, float] = PANEL,
    widths: tuple[float, ...] | None = None,
) -> Any:
    """The matplotlib `Figure` of `figure`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = max(1, -(-len(charts) // columns))
    size = (columns * panel[0], rows * panel[1] + (0.5 if title else 0))
    canvas = Figure(figsize=size, dpi=110, layout="constrained")
    FigureCanvasAgg(canvas)
    places = canvas.subplots(rows, columns, squeeze=False, width_ratios=widths).ravel()
    for ax, chart in zip(places, charts, strict=False):
        _panel(ax, chart, panel, max(_legend_lines(chart)[1] for chart in charts))
    for ax in places[len(charts) :]:
        ax.set_visible(False)
    if title:
        canvas.suptitle(title, fontsize=12.5)
    canvas.get_layout_engine().set(w_pad=0.12, h_pad=0.1, wspace=0.03)  # type: ignore[call-arg, union-attr]
    return canvas


def _panel(ax: Any, chart: Chart, panel: tuple[float, float], legend_lines: int) -> None:
    series = list(drawn(chart).values())
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.tick_params(colors=SOFT, which="both")
    ax.tick_params(axis="y", labelcolor=INK if chart.row_names else SOFT)
    ax.set_xlabel(chart.x_label, color=SOFT)
    ax.set_ylabel(chart.y_label, color=SOFT)
    # Legends stand between title and plot, never over a curve.
    ax.set_title(chart.title, fontsize=11, loc="left", pad=6 + (LEGEND_LINE * legend_lines + 6) * (legend_lines > 0))
    if not series:
        return
    x_axis, y_axis = axes(chart, series)
    ax.grid(color=GRID, linewidth=0.7, axis="x" if chart.row_names else "both")
    for axis, which, limits in ((x_axis, ax.xaxis, ax.set_xlim), (y_axis, ax.yaxis, ax.set_ylim)):
        if axis.log:
            which._set_axes_scale("log")
        limits(*((axis.high, axis.low) if axis.turned else (axis.low, axis.high)))
        which.set_ticks(axis.ticks, axis.labels)
        which.set_ticks([], minor=True)
    if chart.band:
        ax.axvspan(*chart.band, color=BAND, zorder=0)
    if any(s.kind == "stems" for s in series):
        ax.axvline(0, color=SOFT, linewidth=0.9)
    for s in series:
        _curve(ax, s, s.look or Look(INK, INK))
    if chart.names_at_ends:
        _names(ax, series, x_axis, y_axis, LABEL_SPACING / panel[1])
    elif chart.legend and len(series) > 1:
        columns = _legend_lines(chart)[0]
        ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 1), frameon=False, fontsize=9, ncols=columns)


def _legend_lines(chart: Chart) -> tuple[int, int]:
    """Columns and lines of the chart's legend."""
    named = chart.legend and not chart.names_at_ends
    names = [] if not named else [s.name for s in drawn(chart).values()]
    columns = 1 if max(map(len, names), default=0) > 22 else 2
    return columns, -(-len(names) // columns) if len(names) > 1 else 0


def _curve(ax: Any, s: Series, look: Look) -> None:
    order = 5 if look.strong else 3
    style = {"color": look.colour, "linestyle": look.dash, "label": s.name}
    if s.kind == "steps":
        ax.stairs(s.y, s.x, fill=look.strong, alpha=0.55 if look.strong else 1, linewidth=1.6, **style)
    elif s.kind == "level":
        ax.axhline(s.y[0], linewidth=1.4, **style)
    elif s.kind == "stems":
        ax.hlines(s.y, 0, s.x, color=look.colour, linewidth=2.2)
        ax.plot(s.x, s.y, color=look.colour, marker=look.marker or "o", linestyle="none", markersize=5, label=s.name)
    else:
        large = look.strong and look.marker
        marker = look.marker or ("o" if len(s.x) == 1 else "")
        width, size = (2.4, 17 if look.marker == "*" else 12) if large else (1.8, 5.5)
        edge = "white" if large else look.colour
        ax.plot(s.x, s.y, marker=marker, markersize=size, linewidth=width, zorder=order, markeredgecolor=edge, **style)
        for hollow, x, y in zip(s.x if s.hollow_x is None else s.hollow_x, s.x, s.y, strict=True):
            if s.hollow_x is not None and np.isfinite(hollow):
                ax.plot([hollow, x], [y, y], color=look.colour, linewidth=1.2, zorder=4)
                outline = {"markerfacecolor": "white", "markeredgecolor": look.colour, "markersize": size * 0.7}
                ax.plot(hollow, y, marker=marker, zorder=4.5, linestyle="none", **outline)


def _names(ax: Any, series: Sequence[Series], x_axis: Axis, y_axis: Axis, least: float) -> None:
    """Names in the right margin, each tied to its curve's end by a thin line, pushed apart where they would touch."""
    heights = [float(y_axis.place(s.y[-1])) for s in series]
    for s, height in zip(series, spread(heights, least), strict=True):
        look = s.look or Look(INK, INK)
        ax.annotate(
            s.name,
            xy=(s.x[-1], s.y[-1]),
            xytext=(1.03, height),
            textcoords="axes fraction",
            color=look.colour,
            fontweight="bold" if look.strong else "normal",
            fontsize=11 if look.strong else 10,
            va="center",
            arrowprops={"arrowstyle": "-", "color": look.colour, "linewidth": 0.7, "alpha": 0.6, "shrinkA": 2},
        )
