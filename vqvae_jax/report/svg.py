"""Charts as inline SVG: no fonts of their own, colours by the page's style sheet, points reachable by keyboard."""

from collections.abc import Callable, Collection, Mapping
from html import escape

import numpy as np

from vqvae_jax.report.chart import Axis, Chart, Look, Series, axes, drawn, spread

SMALL, LARGE = (400, 220), (660, 390)
LABEL_SPACING = 17  # pixels between names at the curves' ends
#: Outlines around (0, 0), by matplotlib's letters.
MARKERS = {
    "o": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "s": "M-3.7,-3.7H3.7V3.7H-3.7Z",
    "^": "M0,-4.8L4.6,3.5H-4.6Z",
    "v": "M0,4.8L4.6,-3.5H-4.6Z",
    "D": "M0,-5L5,0L0,5L-5,0Z",
    "P": "M-1.7,-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z",
    "X": "M-4.5,-2L-2,-4.5L0,-2.5L2,-4.5L4.5,-2L2.5,0L4.5,2L2,4.5L0,2.5L-2,4.5L-4.5,2L-2.5,0Z",
    "h": "M0,-5L4.3,-2.5V2.5L0,5L-4.3,2.5V-2.5Z",
    "*": "M0,-11L2.6,-3.6L10.5,-3.4L4.2,1.4L6.5,8.9L0,4.4L-6.5,8.9L-4.2,1.4L-10.5,-3.4L-2.6,-3.6Z",
}
DASHES = {"--": ' stroke-dasharray="6 4"', ":": ' stroke-dasharray="1.5 3.5"'}


class _Frame:
    """Where the plot lies in the picture, and from figures to pixels."""

    def __init__(self, chart: Chart, series: Collection[Series], size: tuple[int, int]) -> None:
        self.width, self.height = size
        self.x_axis, self.y_axis = axes(chart, series)
        longest = max(map(len, self.y_axis.labels), default=0)
        self.left = max(46.0, 12 + 6.2 * longest)
        names = max((len(s.name) for s in series), default=0) if chart.names_at_ends else 0
        self.right = self.width - (26 + 9 * max(names, 8) if names else 10)
        self.top, self.bottom = 12.0, self.height - 38.0

    def x(self, values: np.ndarray | float) -> np.ndarray:
        return self.left + self.x_axis.place(values) * (self.right - self.left)

    def y(self, values: np.ndarray | float) -> np.ndarray:
        return self.bottom - self.y_axis.place(values) * (self.bottom - self.top)


def svg(chart: Chart, size: tuple[int, int] = SMALL) -> str:
    """The chart as an `<svg>` element; "" if no series has a point that can be drawn."""
    series = drawn(chart)
    if not series:
        return ""
    frame = _Frame(chart, series.values(), size)
    parts, labels = _axes(chart, frame), _name_heights(chart, series, frame)
    for index, s in sorted(series.items(), key=lambda item: _look(item[1]).strong):  # the strong on top of the others
        inside = _curve(s, _look(s), frame)
        if index in labels:
            x, y, height = float(frame.x(s.x[-1])), float(frame.y(s.y[-1])), labels[index]
            tie = f'<path class="tie" d="M{x + 7:.1f},{y:.1f}L{frame.right + 12},{height:.1f}"/>'
            inside = (
                f'{tie}{inside}<text class="name" x="{frame.right + 16}" y="{height + 4:.1f}">{escape(s.name)}</text>'
            )
        kind = "series strong" if _look(s).strong else "series"
        parts.append(f'<g class="{kind}"{coloured(_look(s))} data-series="{index}">{inside}</g>')
    label = escape(f"{chart.title}: " + ", ".join(s.name for s in series.values()))
    role = "group" if any(s.said for s in series.values()) else "img"
    return f'<svg viewBox="0 0 {size[0]} {size[1]}" role="{role}" aria-label="{label}">{"".join(parts)}</svg>'


def _look(series: Series) -> Look:
    assert series.look is not None  # `drawn` gives each one
    return series.look


def _name_heights(chart: Chart, series: Mapping[int, Series], frame: _Frame) -> dict[int, float]:
    """Where names at the curves' ends stand, so that none touches another; empty without them."""
    if not chart.names_at_ends:
        return {}
    inner = frame.bottom - frame.top
    heights = spread([float(frame.y_axis.place(s.y[-1])) for s in series.values()], LABEL_SPACING / inner)
    return {index: frame.bottom - height * inner for index, height in zip(series, heights, strict=True)}


def coloured(look: Look) -> str:
    """The attribute that gives an element its two colours: `--k` is the one of the page's scheme."""
    return f' style="--light:{look.colour};--dark:{look.on_dark}"'


def legend(chart: Chart) -> str:
    """Names of the series, each beside what is drawn of it; "" for a single one."""
    series = drawn(chart).values()
    names = "".join(f'<span class="series"{coloured(_look(s))}>{_sample(s)}{escape(s.name)}</span>' for s in series)
    return f'<div class="legend">{names}</div>' if chart.legend and len(series) > 1 else ""


def _sample(series: Series) -> str:
    """A piece of the line, dashed as it is; of a single point its marker."""
    if series.kind == "line" and len(series.x) == 1:
        return key_marker(_look(series))
    dash = DASHES.get(_look(series).dash, "")
    return f'<svg viewBox="0 0 22 8" aria-hidden="true"><path d="M0,4H22"{dash}/></svg>'


def key_marker(look: Look) -> str:
    """A marker alone, for a legend."""
    outline = MARKERS[look.marker or "o"]
    return f'<svg class="marker" viewBox="-12 -12 24 24" aria-hidden="true"><path d="{outline}"/></svg>'


def _axes(chart: Chart, frame: _Frame) -> list[str]:
    parts = []
    left, right, top, bottom = frame.left, frame.right, frame.top, frame.bottom
    if chart.band:
        a, b = frame.x(np.asarray(chart.band))
        parts.append(f'<rect class="band" x="{a:.1f}" y="{top}" width="{b - a:.1f}" height="{bottom - top}"/>')
    for y, label in _places(frame.y_axis, frame.y):
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>')
    for x, label in _places(frame.x_axis, frame.x):
        if chart.names_at_ends or chart.log_x:
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{label}</text>')
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="{frame.height - 4}" text-anchor="middle">{escape(chart.x_label)}</text>')
    return parts


def _places(axis: Axis, scale: Callable[[float], np.ndarray]) -> list[tuple[float, str]]:
    return [(float(scale(tick)), label) for tick, label in zip(axis.ticks, axis.labels, strict=True)]


def _curve(s: Series, look: Look, frame: _Frame) -> str:
    dash = DASHES.get(look.dash, "")
    if s.kind == "level":
        level = float(frame.y(s.y[0]))
        return f'<polyline{dash} points="{frame.left},{level:.1f} {frame.right},{level:.1f}"/>'
    x, y = frame.x(s.x), frame.y(s.y)
    if s.kind == "steps":
        outline = f"M{x[0]:.1f},{frame.bottom}" + "".join(f"V{b:.1f}H{a:.1f}" for a, b in zip(x[1:], y, strict=True))
        return f'<path class="{"area" if look.strong else "steps"}"{dash} d="{outline}V{frame.bottom}"/>'
    if s.kind == "stems":
        zero = float(frame.x(0.0))
        lines = "".join(f"M{zero:.1f},{b:.1f}H{a:.1f}" for a, b in zip(x, y, strict=True))
        line = f'<path class="link" d="{lines}"/>'
    else:
        line = f'<polyline{dash} points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))}"/>'
    if not look.marker and s.kind == "line" and len(x) > 1:
        return line
    outline, parts = MARKERS[look.marker or "o"], [line]
    for index, (a, b) in enumerate(zip(x, y, strict=True)):
        if s.hollow_x is not None and np.isfinite(s.hollow_x[index]):
            left = float(frame.x(s.hollow_x[index]))
            parts.append(f'<path class="link" d="M{left:.1f},{b:.1f}H{a:.1f}"/>')
            parts.append(_marker(left, b, outline, s.hollow_said[index] if s.hollow_said else "", "point hollow"))
        parts.append(_marker(a, b, outline, s.said[index] if s.said else "", "point"))
    return "".join(parts)


def _marker(x: float, y: float, outline: str, said: str, kind: str) -> str:
    # The circle is what a finger can hit.
    reach = '<circle class="reach" r="11"/>' if said else ""
    reached = f' tabindex="0" role="img" aria-label="{escape(said)}"' if said else ""
    place = f'transform="translate({x:.1f},{y:.1f})"'
    return f'<g class="{kind}"{reached} {place}>{reach}<path d="{outline}"/></g>'
