"""What an evaluation file says in curves, for the plot beside it and the report of the run."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from vqvae_jax.evaluation.opening import BLOCK_MEANS, MEAN_FRAME
from vqvae_jax.evaluation.schema import Quality, Result
from vqvae_jax.report.chart import PALETTE, Chart, Look, Series

MODEL = Look("#2563a8", "#6ea8e0", strong=True)
BASELINES = {
    MEAN_FRAME: ("mean frame", Look("#b4602c", "#e39468", dash="--")),
    BLOCK_MEANS: ("4x4 block means", Look("#5b8c3a", "#a3c46f", dash=":")),
}
FILES = Look("#7a3fc2", "#b894f0", "o")
#: What a rate is called, wherever it stands.
WHOLE_FILES = "whole files"
RATES = {"formula": "formula", "deflate": "DEFLATE", "entropy": "zero-order entropy", "likelihood": "likelihood"}
EVEN = PALETTE[1]._replace(dash="--")
MOST_RANKS = 300  # points of the curve of codes

Values = Mapping[str, Any]


def plotted(result: Result) -> tuple[Chart, ...]:
    """The last checkpoint beside the baselines; over steps, too, when there are several."""
    last = result["checkpoints"][-1]
    named = {f"{result['run']['name']}, step {last['step']}": (last["quality"], MODEL), **baselines(result)}
    several = over_steps(result) if len(result["checkpoints"]) > 1 else ()
    return by_position(named), over_clips(named), *several


def by_position(named: Mapping[str, tuple[Quality, Look]]) -> Chart:
    """PSNR of the frames of a clip, mean over clips."""
    series = [
        Series(name, np.arange(len(quality["psnr_by_position"])), np.asarray(quality["psnr_by_position"]), look=look)
        for name, (quality, look) in named.items()
    ]
    return Chart("PSNR by position in the clip", "frame", tuple(series), "dB, mean over clips", whole_x=True)


def over_clips(named: Mapping[str, tuple[Quality, Look]]) -> Chart:
    """How many clips have which PSNR."""
    values = np.concatenate([quality["clips"]["psnr"] for quality, _ in named.values()])
    edges = np.linspace(np.floor(values.min()), np.ceil(values.max() + 1e-6), 26)
    series = [
        Series(
            f"{name}: mean {quality['mean']['psnr']:.2f} dB",
            edges,
            np.histogram(quality["clips"]["psnr"], edges)[0],
            "steps",
            look,
        )
        for name, (quality, look) in named.items()
    ]
    return Chart("PSNR of the clips", "dB, mean over the frames of a clip", tuple(series), "clips", whole_y=True)


def over_steps(result: Result) -> tuple[Chart, ...]:
    """What changes from checkpoint to checkpoint; another figure of theirs is another line here.

    PSNR; and bits per pixel, which only change where files were measured.
    """
    entries = result["checkpoints"]
    steps = np.array([entry["step"] for entry in entries])

    def curve(name: str, look: Look, values: list[float | None]) -> Series:
        return Series(name, steps, np.array(values, np.float64), look=look)

    files = [cast(Values, entry["files"] or {}) for entry in entries]
    marked, grey = MODEL._replace(marker="o", strong=False), Look("#7a7a7a", "#9a9a9a")
    psnr = [
        curve("all levels", marked, [entry["quality"]["mean"]["psnr"] for entry in entries]),
        curve(WHOLE_FILES, FILES, [found.get("psnr") for found in files]),
    ]
    for name, dash in zip(entries[0]["without"], (":", "--", "-") * 3, strict=False):
        without = [entry["without"][name]["psnr"] for entry in entries]
        psnr.append(curve(f"without {name}", grey._replace(dash=dash), [*without]))
    for label, (quality, look) in baselines(result).items():
        psnr.append(Series(label, steps[:1], np.array([quality["mean"]["psnr"]]), "level", look))
    charts = [Chart("PSNR over training", "step", _known(psnr), "dB", whole_x=True)]
    if any(files):
        rates = [curve(WHOLE_FILES, FILES, [found.get("bpp") for found in files])]
        for name, dash in zip(entries[0]["estimates"], ("-", "--", ":") * 3, strict=False):
            estimates = [entry["estimates"].get(name) for entry in entries]
            rates.append(curve(RATES.get(name, name), grey._replace(dash=dash), estimates))
        charts.append(Chart("Rate over training", "step", _known(rates), "bits per pixel", whole_x=True))
    return tuple(charts)


def over_log(log: Sequence[Values], levels: Sequence[str]) -> tuple[Chart, ...]:
    """Losses, PSNR and codebook perplexity as the run logged them, a line of `log` for each step."""

    def curve(name: str, key: str) -> Series:
        known = [(line["step"], line[key]) for line in log if line.get(key) is not None]
        x, y = np.array(known, np.float64).reshape(-1, 2).T
        return Series(name, x, y)

    losses = (curve("reconstruction", "reconstruction"), curve("commitment", "commitment"))
    if not any(len(loss.x) for loss in losses):
        losses = (curve("rate and distortion", "loss"), curve("bits per pixel, with noise", "bpp"))
    psnr = (curve("training", "psnr"), curve("validation", "validation/psnr"))
    perplexity = tuple(curve(name, f"{name}/perplexity") for name in levels)
    return (
        Chart("Losses", "step", losses, log_y=True, whole_x=True),
        Chart("PSNR, dB", "step", psnr, whole_x=True),
        Chart("Codebook perplexity, training", "step", perplexity, whole_x=True),
    )


def over_rates(rates: Sequence[Values]) -> Chart:
    """Estimated bits per pixel and PSNR at each rate that a model was trained for."""
    bpp, psnr = (np.array([rate[name] for rate in rates], np.float64) for name in ("bpp", "psnr"))
    series = (Series("as trained", bpp, psnr, look=MODEL._replace(marker="o")),)
    return Chart("PSNR by rate, one point for each lambda", "bits per pixel, estimated", series, "dB", log_x=True)


def code_usage(level: str, counts: np.ndarray) -> Chart:
    """The share of all choices that each code has, the most chosen first; codes never chosen are not drawn.

    Of many codes some ranks are drawn, each with its own share: a mean of neighbours would be nobody's.

    Args:
      level: whose codebook.
      counts: [K] how often each code was chosen.
    """
    used = np.sort(counts[counts > 0])[::-1]
    ranks = np.unique(np.geomspace(1, max(len(used), 1), MOST_RANKS).round().astype(int))[: len(used)]
    shares = 100 * used[ranks - 1] / max(used.sum(), 1)
    even = Series("an even share", ranks[:1], np.full(min(len(ranks), 1), 100 / len(counts)), "level", EVEN)
    series = (Series(level, ranks, shares, look=PALETTE[0]), even)
    title = f"Use of the {level} codebook, % of all choices"
    return Chart(title, "codes in use, the most chosen first", series, log_x=True, log_y=True, whole_x=True)


def _known(series: Sequence[Series]) -> tuple[Series, ...]:
    return tuple(s for s in series if np.isfinite(s.y).any())


def baselines(result: Result) -> dict[str, tuple[Quality, Look]]:
    """Qualities of what needs no learning, by what it is called."""
    found = {}
    for name, baseline in result["baselines"].items():
        label, look = BASELINES.get(name, (name.replace("_", " "), PALETTE[3]))
        if baseline["quality"] is not None:
            found[label] = baseline["quality"], look
    return found
