"""One evaluated run as one HTML file: pictures, charts and styles inside it, nothing fetched, nothing executed."""

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from vqvae_jax.evaluation.report_data import Chart, Example, LevelUsage, Metric, Rate, ReportData
from vqvae_jax.evaluation.report_style import STYLE
from vqvae_jax.evaluation.svg_chart import line_chart, usage_chart
from vqvae_jax.files import refuse_existing, write_atomically
from vqvae_jax.video.write import moving_picture

ERROR_GAIN = 4  # the error pane shows |original - reconstruction| times this
RAW_BPP = 24.0  # 8-bit RGB
# Even a clip's name that slipped through unescaped could neither run nor load anything.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(path: str | Path, report: ReportData, overwrite: bool = False) -> Path:
    """Writes the page; it appears only when whole.

    Raises:
      ValueError: if an example's two clips differ in shape, or a metric has not one value per method.
      UserError: if the file exists (unless `overwrite`) or cannot be written.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    page = render(report)
    write_atomically(path, page.encode())
    return path


def render(report: ReportData) -> str:
    """The page as text. Every string of `report` is escaped."""
    sections = [
        _header(report),
        _examples(report.examples, report.fps),
        _metrics(report.methods, report.metrics),
        _charts(report.charts),
        _levels(report.levels),
        _rates(report.rates),
        _details(report),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"
    )


def _header(report: ReportData) -> str:
    lines = "".join(f"<p>{escape(note)}</p>" for note in report.notes)
    notes = f'<div class="note">{lines}</div>' if lines else ""
    tiles = "".join(
        f'<div class="card tile"><span>{escape(t.label)}</span><b>{escape(t.value)}</b>'
        f"<span>{escape(t.remark)}</span></div>"
        for t in report.tiles
    )
    head = f'<header><h1>{escape(report.title)}</h1><p class="lede">{escape(report.subtitle)}</p>{notes}</header>\n'
    return head + (f'<div class="tiles">{tiles}</div>\n' if tiles else "")


def _section(title: str, explanation: str, body: str) -> str:
    return f'<section><h2>{title}</h2><p class="explain">{explanation}</p>{body}</section>\n' if body else ""


def _examples(examples: Sequence[Example], fps: float) -> str:
    figures = []
    for index, example in enumerate(examples):
        picture = base64.b64encode(moving_picture(_strip(example), fps, "webp", quality=100)).decode()
        height, width = example.original.shape[1:3]
        # Three windows onto one picture keep step with each other; three pictures would drift apart.
        panes = f'<div class="pane p{index}" style="aspect-ratio:{width}/{height}"></div>' * 3
        label = escape(f"{example.name}: original, reconstruction, error")
        figures.append(
            f"<style>.p{index}{{background-image:url(data:image/webp;base64,{picture})}}</style>"
            f'<figure class="card"><figcaption><span>{escape(example.name)}</span>'
            f"<b>{escape(example.remark)}</b></figcaption>"
            f'<div class="clip" role="img" aria-label="{label}">{panes}'
            f"<small>original</small><small>reconstruction</small><small>error × {ERROR_GAIN}</small></div></figure>"
        )
    body = f'<div class="grid2">{"".join(figures)}</div>' if figures else ""
    return _section("Original beside reconstruction", "Some of the evaluated clips, pixel for pixel, in a loop.", body)


def _strip(example: Example) -> np.ndarray:
    """Original, reconstruction and amplified error side by side: (T, H, 3 W, 3) uint8."""
    a, b = example.original, example.reconstruction
    if a.shape != b.shape or a.dtype != np.uint8 or b.dtype != np.uint8:
        raise ValueError(
            f"example {example.name!r}: expected two uint8 clips of one shape, found {a.shape} and {b.shape}"
        )
    error = np.minimum(ERROR_GAIN * np.abs(a.astype(np.int16) - b), 255).astype(np.uint8)
    return np.concatenate([a, b, error], axis=2)


def _metrics(methods: Sequence[str], metrics: Sequence[Metric]) -> str:
    rows = []
    for metric in metrics:
        if len(metric.values) != len(methods):
            raise ValueError(f"metric {metric.name!r}: {len(metric.values)} values for {len(methods)} methods")
        known = [v for v in metric.values if v is not None]
        best = (min if metric.lower_is_better else max)(known) if len(known) > 1 else None
        cells = "".join(
            f"<td{' class=best' if value is not None and value == best else ''}>"
            f"{'–' if value is None else f'{value:.{metric.decimals}f}'}</td>"
            for value in metric.values
        )
        remark = f"<small>{escape(metric.remark)}</small>" if metric.remark else ""
        rows.append(f"<tr><th>{escape(metric.name)}{remark}</th>{cells}</tr>")
    heads = "".join(f"<th>{escape(method)}</th>" for method in methods)
    table = f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    explanation = "Means over the frames of a clip, then over clips; the best of each row in bold."
    return _section("Quality", explanation, f'<div class="card scroll">{table}</div>' if rows else "")


def _charts(charts: Sequence[Chart]) -> str:
    cards = []
    for chart in charts:
        if drawing := line_chart(chart):
            names = [curve.name for curve in chart.curves]
            legend = "".join(
                f'<span><i style="background:var(--c{i})"></i>{escape(name)}</span>' for i, name in enumerate(names)
            )
            legend = f'<div class="legend">{legend}</div>' if len(names) > 1 else ""
            cards.append(f'<div class="card"><h3>{escape(chart.title)}</h3>{legend}{drawing}</div>')
    body = f'<div class="grid2">{"".join(cards)}</div>' if cards else ""
    return _section("Curves", "Long curves are drawn as means of neighbouring points.", body)


def _levels(levels: Sequence[LevelUsage]) -> str:
    cards = []
    for level in levels:
        counts = np.asarray(level.counts, np.float64)
        shares = counts[counts > 0] / max(counts.sum(), 1)
        perplexity = float(np.exp(-(shares * np.log(shares)).sum()))
        share = len(shares) / len(counts)
        used = f"{len(shares)} of {len(counts)} codes in use ({share:.1%}), perplexity {perplexity:.0f}"
        cards.append(
            f'<div class="card"><h3>{escape(level.name)}</h3><p class="explain">{used}</p>{usage_chart(level)}</div>'
        )
    explanation = (
        "How often each code is chosen on the evaluated clips. The dashed line is an even share for every code."
    )
    return _section("Codebook use", explanation, f'<div class="grid2">{"".join(cards)}</div>' if cards else "")


def _rates(rates: Sequence[Rate]) -> str:
    if not rates:
        return ""
    widest = max(rate.bpp for rate in rates)
    rows = "".join(
        f"<tr><th>{escape(rate.name)}<small>{escape(rate.remark)}</small></th><td>{rate.bpp:.3f}</td>"
        f"<td>{rate.bpp / RAW_BPP:.2%}</td><td>{RAW_BPP / rate.bpp:.0f} : 1</td>"
        f'<td class="bar"><i style="width:{rate.bpp / widest:.1%}"></i></td></tr>'
        for rate in rates
    )
    heads = "<th></th><th>bits per pixel</th><th>of 24 bpp</th><th>ratio</th><th class=bar></th>"
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return _section("Rate", "Bits for every pixel of every frame.", f'<div class="card scroll">{table}</div>')


def _details(report: ReportData) -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts)
    cards = [f'<div class="card"><dl>{facts}</dl></div>'] if facts else []
    if report.commands:
        commands = escape("\n".join(report.commands))
        cards.append(f'<div class="card"><h3>Commands</h3><pre class="wrap">{commands}</pre></div>')
    if report.config is not None:
        config = escape(json.dumps(report.config, indent=2, ensure_ascii=False, allow_nan=False))
        cards.append(f'<details class="card"><summary>Configuration</summary><pre>{config}</pre></details>')
    body = f'<div class="stack">{"".join(cards)}</div>' if cards else ""
    return _section("How it was made", "What was run, and with what.", body)
