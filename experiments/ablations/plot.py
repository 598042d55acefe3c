"""The ablation table as a picture: what each change gains in dB, and the bits that it costs or saves."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

MODEL_COLOUR, LOSS_COLOUR, BAND = "#2563a8", "#b4602c", "#e6e9ee"
SEED_GROUP = "Seed"


def plot(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """PNG: a line per measured row that is compared with another one; the band is the spread of seeds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = {row["name"]: row for row in rows if row["gain_db"] is not None}
    shown = [row for row in known.values() if row["name"] != row["base"]]
    figure = Figure(figsize=(11, 1.4 + 0.27 * max(len(shown), 1)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    seeds = [row["gain_db"] for row in known.values() if row["group"] == SEED_GROUP]
    if len(seeds) > 1:
        left.axvspan(min(seeds), max(seeds), color=BAND, zorder=0)
    for place, row in enumerate(shown):
        gain = row["gain_db"]
        bits = 100 * (row["figures"]["deflate_bpp"] / known[row["base"]]["figures"]["deflate_bpp"] - 1)
        left.plot([0, gain], [place, place], color=MODEL_COLOUR if gain >= 0 else LOSS_COLOUR, linewidth=2.2)
        left.plot([gain], [place], "o", color=MODEL_COLOUR if gain >= 0 else LOSS_COLOUR, markersize=5)
        right.plot([bits], [place], "o", color="#5b6470", markersize=5)
    left.set_yticks(range(len(shown)), [f"{row['label'].replace('`', '')}  " for row in shown], fontsize=9)
    left.set_ylim(len(shown) - 0.4, -0.6)
    left.set(xlabel=f"PSNR against the base row, dB; band: {len(seeds)} seeds")
    right.set(xlabel="DEFLATE bits against the base row, %")
    for ax in (left, right):
        ax.axvline(0, color="#626a73", linewidth=0.9)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="x", color="#e4e4e4", linewidth=0.7)
        ax.set_axisbelow(True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
