"""The rate-distortion result as one HTML file: charts, clips, tables, styles and script inside it, nothing fetched."""

import base64
import hashlib
from html import escape
from pathlib import Path

from experiments.rd.caveats import caveats
from experiments.rd.clips import Pane, Shown, pane_figures
from experiments.rd.looks import looks
from experiments.rd.names import first_of_ours, is_ours
from experiments.rd.page_chart import chart, key_marker
from experiments.rd.page_sprites import enlargement, fitting, sprite
from experiments.rd.quality_measures import measured
from experiments.rd.schema import RateDistortion
from experiments.rd.summary import Summary
from experiments.rd.tables import Table, headlines, settings_table, tables
from vqvae_jax.evaluation.report_style import STYLE

HERE = Path(__file__).parent
WIDE = 10  # columns: tables with more are set tighter


def render(rd: RateDistortion, summary: Summary, shown: Shown) -> str:
    """The page as text. Every string of the file is escaped; the only script that may run is the one written here."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    style = STYLE + (HERE / "page.css").read_text(encoding="utf-8") + _colours(rd)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    body = [
        _header(rd, summary),
        _explorer(rd),
        _clips(rd, shown),
        _caveats(rd),
        *(_table(rd, table) for table in tables(rd, summary)),
        _missing([*summary["missing"], *shown.missing]),
        _settings(rd),
        _facts(rd),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_title(rd))}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(body)}</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _colours(rd: RateDistortion) -> str:
    """`.kN { --k: colour }` for every codec, light and dark."""
    found = list(looks(rd["codecs"]).values())
    light = "".join(f".k{index} {{ --k: {look.colour}; }}" for index, look in enumerate(found))
    dark = "".join(f".k{index} {{ --k: {look.on_dark}; }}" for index, look in enumerate(found))
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"


def _title(rd: RateDistortion) -> str:
    return f"Rate and distortion on {len(rd['data']['clip_ids'])} {rd['data']['split']} clips"


def _header(rd: RateDistortion, summary: Summary) -> str:
    frames, height, width = rd["data"]["clip_shape"][:3]
    fps = "their native rate" if rd["data"]["fps"] is None else f"{rd['data']['fps']:g} frames/s"
    codecs = ", ".join(entry["title"] for entry in rd["codecs"].values() if entry["points"])
    lede = f"{codecs}; {frames} frames of {width}×{height} at {fps}; sizes of real files, decoded from the file alone"
    lines = "".join(f"<p>{escape(line)}</p>" for line in headlines(rd, summary))
    notes = f'<div class="note">{lines}</div>' if lines else ""
    return f'<header><h1>{escape(_title(rd))}</h1><p class="lede">{escape(lede)}</p>{notes}</header>\n'


def _section(title: str, explanation: str, body: str) -> str:
    return f'<section><h2>{escape(title)}</h2><p class="explain">{escape(explanation)}</p>{body}</section>\n'


def _explorer(rd: RateDistortion) -> str:
    """All charts; where the browser knows `:has`, the one chosen. Hiding and tooltips are the script's."""
    choices, charts, rules = [], [], []
    for number, measure in enumerate(measured(rd)):
        checked = " checked" if number == 0 else ""
        choices.append(
            f'<label><input type="radio" name="measure" id="m-{measure.name}"{checked}>{escape(measure.title)}</label>'
        )
        turned = "; axis turned: up is better" if measure.lower_is_better else ""
        charts.append(
            f'<div class="chart c-{measure.name}"><h3>{escape(measure.title)}</h3>'
            f'<p class="explain">{escape(measure.label)}{turned}</p>'
            f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(measure.title)}, chart">'
            f"{chart(rd, measure)}</div></div>"
        )
        rules.append(f".explorer:has(#m-{measure.name}:checked) .c-{measure.name} {{ display: block; }}")
    styles = looks(rd["codecs"])
    keys = "".join(
        f'<button type="button" aria-pressed="true" class="k{index}" data-codec="{index}">'
        f"{key_marker(styles[codec].marker)}{escape(entry['title'])}</button>"
        for index, (codec, entry) in enumerate(rd["codecs"].items())
        if entry["points"]
    )
    if not keys:
        return _section("Curves", "No codec has a point.", "")
    hollow = any(p["rate"]["payload_bpp"] is not None for e in rd["codecs"].values() for p in e["points"])
    explanation = "Better is up and to the left. " + (
        "A hollow marker is the payload alone, without header and index." if hollow else ""
    )
    body = (
        f"<style>{''.join(rules)}</style>"
        f'<div class="card explorer"><fieldset><legend>Show</legend>{"".join(choices)}</fieldset>{"".join(charts)}'
        f'<div class="keys" role="group" aria-label="Codecs shown" hidden>{keys}</div>'
        '<div id="tip" role="status" hidden></div></div>'
    )
    return _section("Curves", explanation, body)


def _clips(rd: RateDistortion, shown: Shown) -> str:
    if not shown.clips:
        return ""
    indices = {codec: index for index, codec in enumerate(rd["codecs"])}
    cards, rules = [], []
    clips, length = fitting(shown.clips)
    for row, clip in enumerate(clips):
        panes = []
        for column, pane in enumerate(clip.panes):
            height, width = pane.frames.shape[1:3]
            scale = enlargement(width)
            picture = base64.b64encode(sprite(pane.frames[:length])).decode()
            rules.append(
                f".s{row}-{column}{{--step:{-scale * height}px;width:{scale * width}px;height:{scale * height}px;"
                f"background-size:{scale * width}px {scale * height * length}px;"
                f"background-image:url(data:image/webp;base64,{picture})}}"
            )
            kind = "" if pane.codec is None else f"k{indices[pane.codec]}{' ours' if is_ours(pane.codec) else ''}"
            panes.append(
                f'<div class="{kind}"><span class="sprite s{row}-{column}" role="img" '
                f'aria-label="{escape(_said(clip.clip_id, pane))}"></span>'
                f"<b>{escape(pane.title)}</b>{'<br>'.join(map(escape, [pane.setting, *pane_figures(pane)]))}</div>"
            )
        cards.append(
            f'<figure class="card"><figcaption><span>{escape(clip.clip_id)}</span></figcaption>'
            f'<div class="panes">{"".join(panes)}</div></figure>'
        )
    # The middle frame is the still where no script runs.
    player = (
        f'<div class="player" data-fps="{shown.fps:g}" hidden><button type="button" aria-label="One frame back">−1'
        '</button><button type="button">Play</button><button type="button" aria-label="One frame on">+1</button>'
        f'<input type="range" min="0" max="{length - 1}" value="{length // 2}" aria-label="Frame">'
        "<output></output></div>"
    )
    ours = first_of_ours(rd["codecs"])
    whose = f"the first point of {ours['title']}" if ours is not None else "the anchor's middle point"
    fewer = "" if length == len(shown.clips[0].panes[0].frames) else f" The first {length} frames."
    explanation = (
        f"Every codec at its point whose mean rate over all clips is nearest to {shown.rate:.4f} bpp, the rate of "
        f"{whose}, whole files; under each picture that clip's own PSNR and size. Pixels are enlarged, not "
        f"smoothed, and stored without loss.{fewer}"
    )
    body = f"<style>{''.join(rules)}</style>{player}" + (
        f'<div class="clips" style="--frame:{length // 2}">{"".join(cards)}</div>'
    )
    return _section("Clips at matched rate", explanation, body)


def _said(clip_id: str, pane: Pane) -> str:
    return ", ".join([f"{clip_id}: {pane.title}", *filter(None, [pane.setting]), *pane_figures(pane)])


def _caveats(rd: RateDistortion) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in caveats(rd))
    return _section("Before comparing", "", f'<div class="card"><ul>{items}</ul></div>') if items else ""


def _table(rd: RateDistortion, table: Table) -> str:
    ours = {entry["title"] for codec, entry in rd["codecs"].items() if is_ours(codec)}
    heads = "".join(f'<th scope="col"{_left(column, table)}>{escape(h)}</th>' for column, h in enumerate(table.header))
    rows = []
    for row in table.rows:
        first, *others = row
        cells = "".join(f"<td{_left(column, table)}>{escape(cell)}</td>" for column, cell in enumerate(others, 1))
        kind = ' class="ours"' if first in ours else ""
        rows.append(f'<tr{kind}><th scope="row">{escape(first)}</th>{cells}</tr>')
    kind = ' class="wide"' if len(table.header) > WIDE else ""
    body = f"<table{kind}><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    region = f'<div class="card scroll" role="region" tabindex="0" aria-label="{escape(table.title)}">{body}</div>'
    return _section(table.title, table.explanation, region)


def _left(column: int, table: Table) -> str:
    return ' class="left"' if column < table.names else ""


def _missing(lines: list[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines) or "<li>Nothing.</li>"
    return _section("What is missing, and why", "", f'<div class="card"><ul>{items}</ul></div>')


def _settings(rd: RateDistortion) -> str:
    """A card for each codec: a table would have columns too narrow for commands."""
    table = settings_table(rd)
    cards = []
    for title, version, note, *words in table.rows:
        rows = "".join(
            f"<dt>{escape(name)}</dt><dd{' class=command' if name != 'settings' else ''}>{escape(text)}</dd>"
            for name, text in zip(table.header[3:], words, strict=True)
        )
        cards.append(
            f'<div class="card"><h3>{escape(title)} <span class="soft">{escape(version)}</span></h3>'
            f'<p class="explain">{escape(note)}</p><dl>{rows}</dl></div>'
        )
    return _section(table.title, table.explanation, f'<div class="stack">{"".join(cards)}</div>')


def _facts(rd: RateDistortion) -> str:
    hardware = rd["hardware"]
    facts = (
        ("Command", rd["command"]),
        (
            "Clips",
            f"{len(rd['data']['clip_ids'])} of {rd['data']['clips_in_split']} in the {rd['data']['split']} split",
        ),
        ("Their digest", rd["data"]["digest"]),
        ("Perceptual trunk", rd["perceptual"]["trunk"] or f"none: {rd['perceptual']['reason']}"),
        ("Measured on", f"{hardware['devices']} × {hardware['device']}, {hardware['cores']} cores"),
        ("Measured at", rd["date"]),
        ("Versions", ", ".join(f"{name} {version}" for name, version in rd["versions"].items())),
    )
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return _section("How it was made", "", f'<div class="card"><dl>{items}</dl></div>')
