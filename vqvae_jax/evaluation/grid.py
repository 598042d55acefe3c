"""The picture grid beside an evaluation: original, reconstruction and error of the same clips every time."""

import io

import numpy as np

from vqvae_jax.data.few import evenly_spread

ROWS = 6
ERROR_GAIN = 4  # shown is |original - reconstruction| times this
CELL, GAP, BLOCK_GAP = 1.5, 0.04, 0.18  # inches
LEFT, TOP = 2.1, 0.75  # inches, for names and titles


def chosen_records(count: int) -> list[int]:
    """Record numbers of the clips shown: evenly spread over `count`."""
    return evenly_spread(count, ROWS)


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
    moments = sorted({frames // 4, 3 * frames // 4})
    cell_width, cell_height = CELL, CELL * height / width
    total_width = LEFT + len(moments) * (3 * (cell_width + GAP) + BLOCK_GAP)
    total_height = TOP + rows * (cell_height + GAP)
    figure = Figure(figsize=(total_width, total_height), dpi=128)
    FigureCanvasAgg(figure)
    figure.text(LEFT / total_width, 1 - 0.2 / total_height, title, fontsize=11, va="center")
    for row in range(rows):
        bottom = total_height - TOP - (row + 1) * (cell_height + GAP)
        middle = (bottom + cell_height / 2) / total_height
        label = f"{names[row]}\n{remarks[row]}"
        figure.text((LEFT - 0.12) / total_width, middle, label, fontsize=8, ha="right", va="center")
        for block, frame in enumerate(moments):
            a, b = originals_NTHWC[row, frame], reconstructions_NTHWC[row, frame]
            error = np.minimum(ERROR_GAIN * np.abs(a.astype(np.int16) - b), 255).astype(np.uint8)
            heads = (f"original, frame {frame}", "reconstruction", f"error × {ERROR_GAIN}")
            for column, (picture, head) in enumerate(zip((a, b, error), heads, strict=True)):
                left = LEFT + block * (3 * (cell_width + GAP) + BLOCK_GAP) + column * (cell_width + GAP)
                place = (left / total_width, bottom / total_height)
                ax = figure.add_axes((*place, cell_width / total_width, cell_height / total_height))
                ax.imshow(picture, interpolation="nearest", aspect="auto")
                ax.set_axis_off()
                if row == 0:
                    ax.set_title(head, fontsize=9, pad=4)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
