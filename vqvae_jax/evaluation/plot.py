"""The plot beside an evaluation: PSNR by position in the clip, over clips, and over steps."""

import io
from typing import Any

import numpy as np

from vqvae_jax.evaluation.clip_figures import BLOCK_MEANS, MEAN_FRAME
from vqvae_jax.evaluation.schema import Quality, Result

MODEL_COLOUR = "#2563a8"
BASELINE_LOOKS = {
    MEAN_FRAME: ("mean frame", "#b4602c", "--"),
    BLOCK_MEANS: ("4x4 block means", "#5b8c3a", ":"),
}


def plot_png(result: Result) -> bytes:
    """PNG of the last checkpoint beside the baselines; a third panel over steps when there are several."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    several = len(result["checkpoints"]) > 1
    figure = Figure(figsize=(15 if several else 10.5, 4.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3 if several else 2)
    last = result["checkpoints"][-1]
    curves = {f"{result['run']['name']}, step {last['step']}": (last["quality"], MODEL_COLOUR, "-")}
    for name, (label, colour, line) in BASELINE_LOOKS.items():
        quality = result["baselines"][name]["quality"]
        if quality is not None:
            curves[label] = (quality, colour, line)
    _positions(axes[0], curves)
    _histogram(axes[1], curves)
    if several:
        _steps(axes[2], result)
    data = result["data"]
    figure.suptitle(f"{result['run']['name']} on {len(data['clip_ids'])} {data['split']} clips", fontsize=12)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color="#e4e4e4", linewidth=0.7)
        ax.set_axisbelow(True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


Curves = dict[str, tuple[Quality, str, str]]


def _positions(ax: Any, curves: Curves) -> None:
    for label, (quality, colour, line) in curves.items():
        psnr = quality["psnr_by_position"]
        ax.plot(range(len(psnr)), psnr, color=colour, linestyle=line, linewidth=1.8, label=label)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(title="PSNR by position in the clip", xlabel="frame", ylabel="dB, mean over clips")
    ax.legend(frameon=False, fontsize=9)


def _histogram(ax: Any, curves: Curves) -> None:
    values = np.concatenate([quality["clips"]["psnr"] for quality, _, _ in curves.values()])
    edges = np.linspace(np.floor(values.min()), np.ceil(values.max() + 1e-6), 26)
    for label, (quality, colour, line) in curves.items():
        filled = line == "-"
        ax.hist(
            quality["clips"]["psnr"],
            bins=edges,
            color=colour,
            linestyle=line,
            linewidth=1.6,
            histtype="stepfilled" if filled else "step",
            alpha=0.55 if filled else 1.0,
            label=f"{label}: mean {quality['mean']['psnr']:.2f} dB",
        )
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set(title="PSNR of the clips", xlabel="dB, mean over the frames of a clip", ylabel="clips")
    ax.margins(y=0.05)
    # Room for the legend above the highest bar, however many curves there are.
    ax.set_ylim(top=ax.get_ylim()[1] * (1 + 0.12 * len(curves)))
    ax.legend(frameon=False, fontsize=9, loc="upper left")


def _steps(ax: Any, result: Result) -> None:
    steps = [entry["step"] for entry in result["checkpoints"]]
    psnr = [entry["quality"]["mean"]["psnr"] for entry in result["checkpoints"]]
    ax.plot(steps, psnr, color=MODEL_COLOUR, marker="o", markersize=4, linewidth=1.8, label="all levels")
    dashes = {"top": ":", "bottom": "--"}
    for part in result["checkpoints"][0]["without"]:
        values = [entry["without"][part]["psnr"] for entry in result["checkpoints"]]
        ax.plot(
            steps, values, color="#7a7a7a", linestyle=dashes.get(part, "-."), linewidth=1.4, label=f"without {part}"
        )
    for name, (label, colour, line) in BASELINE_LOOKS.items():
        quality = result["baselines"][name]["quality"]
        if quality is not None:
            ax.axhline(quality["mean"]["psnr"], color=colour, linestyle=line, linewidth=1.4, label=label)
    ax.set(title="PSNR over training", xlabel="step", ylabel="dB")
    ax.legend(frameon=False, fontsize=9)
