"""One HTML file: charts, clips, tables, styles and script inside it, nothing fetched. Text is escaped here, once."""

import base64
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vqvae_jax.report.chart import Chart, drawn
from vqvae_jax.report.svg import LARGE, coloured, key_marker, legend, svg
from vqvae_jax.report.table import Table, html

HERE = Path(__file__).parent


def page(title: str, lede: str, notes: Sequence[str], body: Iterable[str]) -> str:
    """The whole file; the only script that may run is the one written here.

    Args:
      title: of the file and above everything.
      lede: what was done, in a line below it.
      notes: what the reader must know first.
      body: HTML, from the functions of this package.
    """
    script, style = ((HERE / name).read_text(encoding="utf-8") for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Even a name that slipped through unescaped could neither run nor load anything.
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    lines = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f'<header><h1>{escape(title)}</h1><p class="lede">{escape(lede)}</p>'
        f"{f'<div class=note>{lines}</div>' if lines else ''}</header>\n"
        f"{''.join(body)}</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def section(title: str, explanation: str, body: str) -> str:
    """A heading, a sentence and HTML; "" without HTML."""
    said = f'<p class="explain">{escape(explanation)}</p>' if explanation else ""
    return f"<section><h2>{escape(title)}</h2>{said}{body}</section>\n" if body else ""


def table_section(table: Table, strong: Collection[str] = ()) -> str:
    """The table below its title and explanation; "" without rows."""
    return section(table.title, table.explanation, html(table, strong) if table.rows else "")


def card(body: str, title: str = "", soft: str = "", explanation: str = "") -> str:
    """HTML in a frame, below a title with a softer word beside it."""
    beside = f' <span class="soft">{escape(soft)}</span>' if soft else ""
    head = f"<h3>{escape(title)}{beside}</h3>" if title else ""
    said = f'<p class="explain">{escape(explanation)}</p>' if explanation else ""
    return f'<div class="card">{head}{said}{body}</div>'


def side_by_side(cards: Sequence[str]) -> str:
    """Cards in two columns where the screen is wide enough."""
    return f'<div class="grid2">{"".join(cards)}</div>' if cards else ""


def stack(cards: Sequence[str]) -> str:
    """Cards below one another."""
    return f'<div class="stack">{"".join(cards)}</div>' if cards else ""


def link(words: str, target: str) -> str:
    """A page beside this one to open: its address relative to this one's."""
    return f'<p class="link"><a href="{escape(quote(target))}">{escape(words)}</a></p>\n'


def tiles(figures: Sequence[tuple[str, str, str]]) -> str:
    """Headline figures: label, value, remark of one or more lines."""
    cards = "".join(
        f'<div class="card tile"><span>{escape(label)}</span><b>{escape(value)}</b><span>{escape(remark)}</span></div>'
        for label, value, remark in figures
    )
    return f'<div class="tiles">{cards}</div>\n' if cards else ""


def facts(pairs: Iterable[tuple[str, str]], commands: bool = False) -> str:
    """Names and values; `commands` are set as typed."""
    kind = ' class="command"' if commands else ""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd{kind}>{escape(value)}</dd>' for name, value in pairs)}</dl>"


def items(lines: Sequence[str]) -> str:
    """A list in a card; "" without lines."""
    return card(f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>") if lines else ""


def code(lines: Sequence[str], title: str) -> str:
    """Lines as typed, in a card."""
    return card(f'<pre class="wrap">{escape(chr(10).join(lines))}</pre>', title) if lines else ""


def folded(title: str, values: Mapping[str, Any]) -> str:
    """JSON that opens on a click."""
    text = escape(json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False))
    return f'<details class="card"><summary>{escape(title)}</summary><pre>{text}</pre></details>'


def chart_card(chart: Chart, explanation: str = "") -> str:
    """The chart with its legend in a card; "" if it has nothing to draw."""
    drawing = svg(chart)
    return card(legend(chart) + drawing, chart.title, explanation=explanation) if drawing else ""


def explorer(charts: Sequence[Chart]) -> str:
    """Large charts of the same series: all of them, or the one chosen where the browser knows `:has`.

    Hiding of series and tooltips are the script's; "" if there is nothing to draw.
    """
    shown = [chart for chart in charts if drawn(chart)]
    if not shown:
        return ""
    choices, bodies, rules = [], [], []
    for number, chart in enumerate(shown):
        checked, title = " checked" if number == 0 else "", escape(chart.title)
        choices.append(f'<label><input type="radio" name="chart" id="m{number}"{checked}>{title}</label>')
        bodies.append(
            f'<div class="chart c{number}"><h3>{title}</h3><p class="explain">{escape(chart.y_label)}</p>'
            f'<div class="scroll" role="region" tabindex="0" aria-label="{title}, chart">{svg(chart, LARGE)}</div>'
            "</div>"
        )
        rules.append(f".explorer:has(#m{number}:checked) .c{number} {{ display: block; }}")
    named = {number: s for chart in reversed(shown) for number, s in drawn(chart).items()}
    keys = "".join(
        f'<button type="button" aria-pressed="true" class="series"{coloured(s.look)} data-series="{number}">'
        f"{key_marker(s.look)}{escape(s.name)}</button>"
        for number, s in sorted(named.items(), key=lambda item: item[0])
        if s.look is not None
    )
    return (
        f"<style>{''.join(rules)}</style>"
        f'<div class="card explorer"><fieldset><legend>Show</legend>{"".join(choices)}</fieldset>{"".join(bodies)}'
        f'<div class="keys" role="group" aria-label="Series shown" hidden>{keys}</div>'
        '<div id="tip" role="status" hidden></div></div>'
    )
