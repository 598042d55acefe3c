"""A model as it was, and what training on other clips made of it: both by the files of the same clips."""

from typing import NamedTuple

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.charts import BASELINES, FILES, MODEL, baselines
from vqvae_jax.evaluation.schema import Files, Result
from vqvae_jax.metrics.bd_rate import bd_psnr, bd_rate
from vqvae_jax.metrics.bd_videos import ClipPoints
from vqvae_jax.metrics.rate import bytes_to_bpp
from vqvae_jax.report.chart import Chart, Series
from vqvae_jax.report.table import Cell, Table

LOOKS = FILES, MODEL._replace(marker="o")  # before and after


def check_before(before: Result, after: Result) -> None:
    """Raises a `UserError` unless `before` is of a bundle, and both are of files of the same clips."""
    for result, what in ((before, "the model before training"), (after, "the trained one")):
        if not result["checkpoints"] or result["checkpoints"][-1]["files"] is None:
            raise UserError(f"the evaluation of {what} measured no files: python -m experiments.evaluate --files all")
    if before["run"]["kind"] != "bundle":
        raise UserError(f"the evaluation of the model before training is of {before['run']['name']}, no bundle")
    if _clips(before) != _clips(after):
        raise UserError("the model before training was measured on other clips than the trained one")


def _clips(result: Result) -> tuple[str, list[str]]:
    """Data set and clips of the last files; see `check_before`."""
    return result["data"]["digest"], measured_files(result)["clip_ids"]


def measured_files(result: Result) -> Files:
    """Those of the last checkpoint, at the default quality; see `check_before`."""
    files = result["checkpoints"][-1]["files"]
    assert files is not None
    return files


def _names(before: Result, after: Result) -> tuple[str, str]:
    return f"{before['run']['name']}, as shipped", f"after {after['checkpoints'][-1]['step']:,} steps on these videos"


def before_after_table(before: Result, after: Result) -> Table:
    """Quality and size of both, and the quality of what needs no learning; see `check_before`."""
    files = [measured_files(result) for result in (before, after)]
    best = {
        "psnr": max(entry["psnr"] for entry in files),
        "ssim": max(entry["ssim"] for entry in files),
        "bpp": min(entry["bpp"] for entry in files),
    }
    rows: list[tuple[str | Cell, ...]] = [
        (
            name,
            Cell(f"{entry['psnr']:.2f}", best=entry["psnr"] == best["psnr"]),
            Cell(f"{entry['ssim']:.4f}", best=entry["ssim"] == best["ssim"]),
            Cell(f"{entry['bpp']:.4f}", best=entry["bpp"] == best["bpp"]),
            f"{np.mean(entry['bytes']):,.0f}",
        )
        for name, entry in zip(_names(before, after), files, strict=True)
    ]
    for name, baseline in after["baselines"].items():
        if baseline["quality"] is not None:
            mean = baseline["quality"]["mean"]
            title = BASELINES[name][0] if name in BASELINES else name.replace("_", " ")
            remark = "needs no learning; no rate is counted"
            rows.append((Cell(title, remark), f"{mean['psnr']:.2f}", f"{mean['ssim']:.4f}", "", ""))
    return Table(
        "Before and after",
        f"{gain_in_words(gain(before, after))} Measured by the files of clips that were not trained on: whole files, "
        "decoded from their bytes alone. The table is of files at the default quality, best figures in bold.",
        ("", "PSNR, dB", "SSIM", "bits per pixel", "bytes a clip"),
        tuple(rows),
    )


class Gain(NamedTuple):
    """What training changed of the curve of rate and quality: Bjontegaard's deltas, of curves of means over clips."""

    bits: float  # percent, at equal PSNR
    psnr: float  # dB, at equal bits
    fewer: int  # clips that take fewer bits at equal PSNR
    clips: int  # that have such a delta of their own


def gain(before: Result, after: Result) -> Gain | str:
    """The gain, or why it is not known; see `check_before`."""
    points = [clip_points(result) for result in (before, after)]
    every = np.ones(points[0].rate.shape[1])
    means = [mine.mean(every) for mine in points]
    rate, psnr = bd_rate(*means), bd_psnr(*means)
    if rate.value is None or psnr.value is None:
        return str(rate.reason or psnr.reason)
    single = [bd_rate(*(mine.mean(clip) for mine in points)).value for clip in np.eye(len(every))]
    known = [value for value in single if value is not None]
    return Gain(rate.value, psnr.value, sum(value < 0 for value in known), len(known))


def gain_in_words(found: Gain | str) -> str:
    """A sentence or two."""
    if isinstance(found, str):
        return f"Training moves size and quality at once; what it gains at equal quality is not known: {found}."
    return (
        f"At equal PSNR the trained model needs {abs(found.bits):.1f} % {'fewer' if found.bits < 0 else 'more'} bits, "
        f"or at equal bits it has {abs(found.psnr):.2f} dB {'more' if found.psnr > 0 else 'less'}: means over the "
        f"range that both curves cover (Bjontegaard). It needs fewer for {found.fewer} of {found.clips} clips."
    )


def gain_tiles(found: Gain | str) -> list[tuple[str, str, str]]:
    """Label, value, remark; none where the gain is not known."""
    if isinstance(found, str):
        return []
    bits, psnr = (text.replace("-", "−") for text in (f"{found.bits:+.1f} %", f"{found.psnr:+.2f} dB"))
    return [
        ("Bits at equal PSNR", bits, f"by training; fewer for {found.fewer} of {found.clips} clips"),
        ("PSNR at equal bits", psnr, "by training"),
    ]


def clip_points(result: Result) -> ClipPoints:
    """Rate and PSNR of every clip's files at every quality that was measured, by rising rate."""
    frames, height, width = result["data"]["clip_shape"][:3]
    points = _by_rate(result)
    rate = [[bytes_to_bpp(size, (frames, height, width)) for size in files["bytes"]] for files in points]
    return ClipPoints(np.array(rate), np.array([files["clip_psnr"] for files in points]))


def _by_rate(result: Result) -> list[Files]:
    others = [point["files"] for point in result["checkpoints"][-1]["curve"]]
    return sorted([measured_files(result), *others], key=lambda files: files["bpp"])


def before_after_charts(before: Result, after: Result) -> tuple[Chart, ...]:
    """PSNR and SSIM by rate of both, above the best that needs no learning; none without files at several qualities."""
    if not all(result["checkpoints"][-1]["curve"] for result in (before, after)):
        return ()
    charts = []
    for measure, title, label in (("psnr", "PSNR", "dB"), ("ssim", "SSIM", "")):
        series = []
        for name, look, result in zip(_names(before, after), LOOKS, (before, after), strict=True):
            points = _by_rate(result)
            bpp, quality = (np.array([files[key] for files in points]) for key in ("bpp", measure))  # type: ignore[literal-required]
            series.append(Series(name, bpp, quality, look=look))
        without = {name: (quality["mean"][measure], look) for name, (quality, look) in baselines(after).items()}  # type: ignore[literal-required]
        for name, (value, look) in sorted(without.items(), key=lambda item: -item[1][0])[:1]:
            series.append(Series(f"{name}, no rate counted", series[0].x[:1], np.array([value]), "level", look))
        charts.append(Chart(f"{title} by rate", "bits per pixel, whole files", tuple(series), label))
    return tuple(charts)
