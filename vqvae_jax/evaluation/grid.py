"""The picture grid beside an evaluation: original, reconstruction and error of the same clips every time."""

import io

import numpy as np

ROWS = 6
ERROR_GAIN = 4  # shown is |original - reconstruction| times this


def chosen_records(count: int) -> list[int]:
    """Record numbers of the clips shown: evenly spread over the first `count`."""
    rows = min(ROWS, count)
    return [index * count // rows for index in range(rows)]


def grid_png(
    title: str, names: list[str], originals_NTHWC: np.ndarray, reconstructions_NTHWC: np.ndarray, remarks: list[str]
) -> bytes:
    """PNG with a row per clip: original, reconstruction and error of an early and of a late frame.

    Args:
      title: above the grid.
      names: of the clips.
      originals_NTHWC: uint8.
      reconstructions_NTHWC: uint8, same shape.
      remarks: a short text for each clip.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, frames, height, width = originals_NTHWC.shape[:4]
    shown = sorted({frames // 4, 3 * frames // 4})
    side = 1.6
    columns = 3 * len(shown)
    figure = Figure(figsize=(side * columns + 2.0, (side * height / width + 0.05) * rows + 0.9), dpi=100)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(rows, columns, squeeze=False)
    for row in range(rows):
        for block, frame in enumerate(shown):
            a, b = originals_NTHWC[row, frame], reconstructions_NTHWC[row, frame]
            error = np.minimum(ERROR_GAIN * np.abs(a.astype(np.int16) - b), 255).astype(np.uint8)
            for column, picture in enumerate((a, b, error)):
                ax = axes[row, 3 * block + column]
                ax.imshow(picture, interpolation="nearest")
                ax.set(xticks=[], yticks=[])
                ax.spines[:].set_visible(False)
                if row == 0:
                    ax.set_title((f"frame {frame}", "reconstruction", f"error x {ERROR_GAIN}")[column], fontsize=9)
        axes[row, 0].set_ylabel(
            f"{names[row]}\n{remarks[row]}", rotation=0, ha="right", va="center", fontsize=8, labelpad=6
        )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()
