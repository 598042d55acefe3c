"""One evaluated run as one HTML file: headline figures, clips, quality, curves, codebook use, rate, how it was made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from vqvae_jax.evaluation.charts import (
    BASELINES,
    MODEL,
    RATES,
    WHOLE_FILES,
    baselines,
    by_position,
    code_usage,
    over_log,
    over_rates,
    over_steps,
)
from vqvae_jax.evaluation.examples import Example
from vqvae_jax.evaluation.fine_tuning import before_after_charts, before_after_table, gain, gain_tiles
from vqvae_jax.evaluation.opening import DEFAULT_FPS
from vqvae_jax.evaluation.schema import CheckpointResult, MeanFigures, Result
from vqvae_jax.metrics.rate import RAW_BPP
from vqvae_jax.report.page import (
    card,
    chart_card,
    code,
    facts,
    folded,
    link,
    page,
    section,
    side_by_side,
    stack,
    table_section,
    tiles,
)
from vqvae_jax.report.pictures import amplified_error, error_gain
from vqvae_jax.report.sprites import Clip, Pane, sprites
from vqvae_jax.report.table import Cell, Table, html, number

# Name in the file, name on the page, decimals, whether less is better.
MEASURES = (
    ("psnr", "PSNR, dB", 2, False),
    ("ssim", "SSIM", 4, False),
    ("difference_psnr", "PSNR of frame differences, dB", 2, False),
    ("perceptual", "perceptual distance (VGG-16)", 4, True),
)
#: Of the measures, those that stand above everything: title and how they are written there.
HEADLINES = {"psnr": ("PSNR", "{:.2f} dB"), "ssim": ("SSIM", "{:.4f}")}
ZERO_ORDER = "of each level's code frequencies, whatever their order; a coder with memory, as DEFLATE is, can go below"
ESTIMATES = {
    "formula": "of indices: each at log2 K bits",
    "deflate": "of indices: zlib level 9 over uint16, one stream per clip",
    "entropy": f"of indices: {ZERO_ORDER}",
    "likelihood": "of latents, at the middle one of the trained lambdas",
}


def run_report(
    result: Result,
    log: Sequence[Mapping[str, Any]],
    examples: Sequence[Example] = (),
    notes: Sequence[str] = (),
    commands: Sequence[str] = (),
    training_clips: int | None = None,
    before: Result | None = None,
    player: str | None = None,
) -> str:
    """The page about the last checkpoint in `result`. What was not measured leaves its section out.

    Args:
      result: an evaluation file with at least one checkpoint.
      log: the run's `metrics.jsonl`, as `read_metrics` gives it.
      examples: clips beside their reconstructions.
      notes: what the reader must know first.
      commands: what was typed.
      training_clips: number of clips the run was trained on, if known.
      before: the evaluation of the bundle that the run began with; see `fine_tuning.check_before`.
      player: address, relative to the page's, of one that plays a coded file.

    Raises:
      ValueError: if an example's two clips differ in shape.
    """
    entry, data, run = result["checkpoints"][-1], result["data"], result["run"]
    frames, height, width = data["clip_shape"][:3]
    rate = "native frame rate" if data["fps"] is None else f"{data['fps']:g} frames/s"
    made = [card(facts(_facts(result, entry, training_clips))), code(commands, "Commands")]
    made.append(folded("Configuration", run["config"]))
    return page(
        f"{run['name']}: {len(data['clip_ids'])} {data['split']} clips, compressed and restored",
        f"step {entry['step']} · {frames} frames of {width}×{height} at {rate}",
        [*notes, *_below(result, entry)],
        [
            link("Play a coded video in the browser", player) if player else "",
            tiles([*(gain_tiles(gain(before, result)) if before else ()), *_headlines(result, entry)]),
            _before_after(before, result) if before else "",
            section(
                "Original beside reconstruction",
                "Some of the evaluated clips, pixel for pixel, in a loop.",
                sprites(_clips(examples), data["fps"] or DEFAULT_FPS),
            ),
            table_section(quality_table(result, entry)),
            section(
                "Curves", "Long curves are drawn as means of neighbouring points.", side_by_side(_curves(result, log))
            ),
            section(
                "Codebook use",
                "Each code's own share of all choices on the evaluated clips, from the most chosen to the least, on "
                "logarithmic axes; codes that are never chosen are not drawn. The dashed line is an even share for "
                "every code.",
                side_by_side([_usage(name, level) for name, level in _levels(entry).items()]),
            ),
            table_section(rate_table(result, entry)),
            section(
                "How it was made",
                "What was run, and with what.",
                stack(made),
            ),
        ],
    )


def _before_after(before: Result, after: Result) -> str:
    table = before_after_table(before, after)
    cards = [chart_card(chart, chart.y_label) for chart in before_after_charts(before, after)]
    return section(table.title, table.explanation, stack([html(table), *[side_by_side(cards)] * bool(cards)]))


def _quality(result: Result, entry: CheckpointResult, measure: str) -> tuple[float, list[tuple[float, str]]]:
    """A figure of files, or of restored clips where there are none; and the best without learning, at most one."""
    found: Any = entry["quality"]["mean"] if entry["files"] is None else entry["files"]
    means: dict[str, Any] = {name: quality["mean"] for name, (quality, _) in baselines(result).items()}
    return found[measure], sorted(((mean[measure], name) for name, mean in means.items()), reverse=True)[:1]


def _compared(result: Result, entry: CheckpointResult, measure: str) -> tuple[str, str, str]:
    """Label, value, and of what it is beside what needs no learning."""
    title, form = HEADLINES[measure]
    value, plain = _quality(result, entry, measure)
    restored: Any = entry["quality"]["mean"]
    what = (
        "restored clips"
        if entry["files"] is None
        else f"of files; restored without one {form.format(restored[measure])}"
    )
    without = [f"without learning: {name} {form.format(best)}" for best, name in plain]
    return title, form.format(value), "\n".join([what, *without])


def _below(result: Result, entry: CheckpointResult) -> list[str]:
    """A sentence if what needs no learning is better."""
    parts = []
    for measure, (title, form) in HEADLINES.items():
        value, plain = _quality(result, entry, measure)
        parts += [
            f"{title} {form.format(value)} against {form.format(best)} of {name}"
            for best, name in plain
            if value < best
        ]
    return [f"Below what needs no learning: {'; '.join(parts)} (no rate is counted)."] if parts else []


def _headlines(result: Result, entry: CheckpointResult) -> list[tuple[str, str, str]]:
    """Headline figures, each beside what needs no learning; quality and rate of the same files where there are any."""
    levels, files = _levels(entry), entry["files"]
    used = " / ".join(f"{level['usage']:.1%}" for level in levels.values())
    codes = " / ".join(f"{level['codes']:,}" for level in levels.values())
    rates = [(f"{bpp:.3f}", RATES.get(name, name)) for name, bpp in entry["estimates"].items()]
    if files is not None:
        rates.insert(0, (f"{files['bpp']:.3f}", WHOLE_FILES))
    first, *others = rates or [("not known", "")]
    size = ("Rate", f"{first[0]} bpp", "; ".join([first[1], *(f"{name} {bpp}" for bpp, name in others)]))
    return [
        *(_compared(result, entry, name) for name in HEADLINES),
        size,
        *[(f"Codes in use: {' / '.join(levels)}", used, f"of {codes}, chosen at least once")] * bool(levels),
    ]


def _clips(examples: Sequence[Example]) -> list[Clip]:
    """The examples with the errors of what they became in the end, all amplified alike."""
    for name, original, shown in examples:
        for made in shown:
            a, b = original, made.frames
            if a.shape != b.shape or a.dtype != np.uint8 or b.dtype != np.uint8:
                raise ValueError(f"example {name!r}: expected uint8 clips of one shape, found {a.shape} and {b.shape}")
    if not examples:
        return []
    gain = error_gain([e.original for e in examples], [e.shown[-1].frames for e in examples])
    return [
        Clip(
            name,
            (
                Pane("original", original),
                *shown,
                Pane(f"error × {gain}", amplified_error(original, shown[-1].frames, gain)),
            ),
        )
        for name, original, shown in examples
    ]


def quality_table(result: Result, entry: CheckpointResult) -> Table:
    """Every figure that any of the methods has, or that is missing for a known reason; the best of a row in bold."""
    names = ["", result["run"]["name"]]
    means: list[MeanFigures | None] = [entry["quality"]["mean"]]
    for name, baseline in result["baselines"].items():
        names.append(BASELINES[name][0] if name in BASELINES else name.replace("_", " "))
        means.append(None if baseline["quality"] is None else baseline["quality"]["mean"])
    rows = []
    for name, title, decimals, lower in MEASURES:
        values = [None if mean is None else mean[name] for mean in means]  # type: ignore[literal-required]
        known = [value for value in values if value is not None]
        reason = result["perceptual"]["reason"] if name == "perceptual" and not known else None
        if known or reason:
            best = (min if lower else max)(known) if len(known) > 1 else None
            cells = [Cell(number(v, f".{decimals}f"), best=v is not None and v == best) for v in values]
            rows.append((Cell(title, f"not measured: {reason}" if reason else ""), *cells))
    if len(entry["without"]) > 1:
        for name, part in entry["without"].items():
            remark = f"decoded from the other level alone: the difference is what the {name} level adds"
            cells = [Cell(number(v, ".2f")) for v in (part["psnr"], *[None] * (len(means) - 1))]
            rows.append((Cell(f"PSNR without the {name} level, dB", remark), *cells))
    explanation = "Means over the frames of a clip, then over clips; the best of each row in bold."
    if entry["files"] is not None:
        explanation += " Of clips that the model restores in one piece, without a file; what files give stands apart."
    return Table("Quality", explanation, tuple(names), tuple(rows))


def _curves(result: Result, log: Sequence[Mapping[str, Any]]) -> list[str]:
    entry = result["checkpoints"][-1]
    charts = [*over_log(log, list(_levels(entry)))]
    charts.append(by_position({result["run"]["name"]: (entry["quality"], MODEL), **baselines(result)}))
    if rates := entry["diagnostics"].get("rates"):
        charts.append(over_rates(cast(list[Mapping[str, Any]], rates)))
    charts += over_steps(result) if len(result["checkpoints"]) > 1 else ()
    return [drawing for chart in charts if (drawing := chart_card(chart, chart.y_label))]


def _levels(entry: CheckpointResult) -> dict[str, Any]:
    return cast(dict[str, Any], entry["diagnostics"].get("levels", {}))


def _usage(name: str, level: Mapping[str, Any]) -> str:
    counts = np.asarray(level["counts"], np.float64)
    shares = counts[counts > 0] / max(counts.sum(), 1)
    perplexity = float(np.exp(-(shares * np.log(shares)).sum()))
    share = len(shares) / len(counts)
    used = f"{len(shares)} of {len(counts)} codes in use ({share:.1%}), perplexity {perplexity:.0f}"
    return chart_card(code_usage(name, counts), used) or card("", name, explanation=used)


def rate_table(result: Result, entry: CheckpointResult) -> Table:
    """Files where they were measured, the model's indices counted three ways, and the same clips as H.264."""
    h264, files = result["h264"], entry["files"]
    found: list[tuple[str, float | None, str]] = [
        *((RATES.get(name, name), bpp, ESTIMATES.get(name, "")) for name, bpp in entry["estimates"].items()),
        ("H.264", h264["bpp"], f"{h264['settings']}; another quality than the model's"),
    ]
    if files is not None:
        decoded = f"decoded from the bytes alone: {files['psnr']:.2f} dB, SSIM {files['ssim']:.4f}"
        found.insert(0, (WHOLE_FILES, files["bpp"], f"one for each of {files['clips']} clips; {decoded}"))
    known = [(name, bpp, remark) for name, bpp, remark in found if bpp]
    widest = max((bpp for _, bpp, _ in known), default=0.0)
    rows = tuple(
        (
            Cell(name, remark),
            f"{bpp:.3f}",
            f"{bpp / RAW_BPP:.2%}",
            f"{RAW_BPP / bpp:.0f} : 1",
            Cell("", bar=bpp / widest),
        )
        for name, bpp, remark in known
    )
    header = ("", "bits per pixel", "of 24 bpp", "ratio", "")
    return Table("Rate", "Bits for every pixel of every frame.", header, rows)


def _facts(result: Result, entry: CheckpointResult, training_clips: int | None) -> list[tuple[str, str]]:
    data, run, hardware = result["data"], result["run"], entry["hardware"]
    trained: Any = run["config"]["data"]
    source = f"{training_clips:,}" if training_clips else "an unknown number"
    return [
        ("Run", Path(run["folder"]).name),
        (
            "Trained",
            f"{entry['step']:,} steps of {trained['batch_size']} clips, drawn from {source} "
            f"(digest {entry['trained_on'] or 'unknown'})",
        ),
        ("Model", ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in run["cost"].items())),
        ("Evaluated clips", f"{len(data['clip_ids'])} of {data['clips_in_split']} in the {data['split']} split"),
        ("Their digest", data["digest"]),
        ("Checkpoint digest", entry["digest"]),
        ("Evaluated on", f"{hardware['devices']} × {hardware['device']}"),
        ("Evaluated at", entry["date"]),
        ("Versions", ", ".join(f"{name} {version}" for name, version in entry["versions"].items())),
    ]
