"""Figure 2: original and the three models side by side, as a picture and moving; the same clips for all."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from experiments.runs.evaluations import Evaluation
from experiments.tables.budgets import Budget
from experiments.tables.paper import FIGURE_COLUMNS, Role
from experiments.tables.schema import Figure
from vqvae_jax.data.few import evenly_spread, few
from vqvae_jax.data.source import open_split
from vqvae_jax.errors import UserError
from vqvae_jax.files import make_folder, write_atomically
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.reconstruct import reconstruct
from vqvae_jax.msvqvae.snapshot import load_snapshot, open_run
from vqvae_jax.training.pictures import shown_frames
from vqvae_jax.video.write import moving_picture

CLIPS, MOMENTS = 4, 3
LIMIT = 2_000_000  # bytes of the moving picture
QUALITIES = (90, 75, 60, 45, 30, 15)
CELL, GAP, BLOCK_GAP, LEFT, TOP = 1.1, 0.03, 0.16, 1.9, 0.8  # inches
PANE = 128  # pixels of the moving picture: frames narrower than that are enlarged by a whole factor
STRIP = 20  # pixels of a line of text
MISSING = 200  # grey of a model that was not run
FIGURE_FILE = "figure2_{}.json"


class Columns:
    """What the figure shows: a title and clips for each column, and a remark for each of its clips."""

    def __init__(self, names: list[str], originals_NTHWC: np.ndarray) -> None:
        self.names = names
        self.originals = originals_NTHWC
        self.clips: dict[str, np.ndarray] = {"Original": originals_NTHWC}
        self.remarks: dict[str, list[str]] = {"Original": [""] * len(names)}

    def add(self, title: str, clips_NTHWC: np.ndarray | None, remarks: list[str]) -> None:
        """A model's reconstructions; none leaves grey panes."""
        empty = np.full_like(self.originals, MISSING)
        self.clips[title] = empty if clips_NTHWC is None else clips_NTHWC
        self.remarks[title] = remarks


def write_figure(
    out: Path, budget: Budget, evaluations: Mapping[Role, Evaluation], data: Path, split: str
) -> Figure | None:
    """Draws the figure from runs that were measured on `split`, unless it is there already.

    Returns:
      Where it is and what it shows; none if no model of the figure was measured.

    Raises:
      UserError: if a checkpoint or clip cannot be read, or a file cannot be written.
    """
    shown = {title: evaluations[role] for title, role in FIGURE_COLUMNS if role in evaluations}
    if not shown:
        return None
    clip_ids = next(iter(shown.values())).result["data"]["clip_ids"]
    records = chosen_clips(len(clip_ids))
    figure: Figure = {
        "picture": f"figure2_{budget.name}.png",
        "moving": f"figure2_{budget.name}.webp",
        "clip_ids": [clip_ids[record] for record in records],
        "checkpoints": {title: evaluation.entry["digest"] for title, evaluation in shown.items()},
    }
    if _is_drawn(out, budget, figure):
        return figure
    columns = Columns(figure["clip_ids"], few(open_split(data, split), len(clip_ids)).read(records))
    for title, _ in FIGURE_COLUMNS:
        evaluation = shown.get(title)
        if evaluation is None:
            columns.add(title, None, ["not run yet"] * len(records))
            continue
        psnr, bpp = evaluation.entry["quality"]["clips"]["psnr"], evaluation.entry["estimates"]["formula"]
        remarks = [f"{psnr[record]:.2f} dB, {bpp:.3f} bpp" for record in records]
        columns.add(title, _restored(evaluation, columns.originals), remarks)
    fps = next(iter(shown.values())).result["data"]["fps"] or 16.0
    label = f"Figure 2, budget {budget.name}" + (
        ": a proof of the path, not of the numbers" * (budget.proves == "path")
    )
    make_folder(out)
    write_atomically(out / figure["picture"], still(label, columns))
    write_atomically(out / figure["moving"], moving(label, columns, fps))
    write_atomically(out / FIGURE_FILE.format(budget.name), json.dumps(figure, indent=1).encode())
    return figure


def chosen_clips(count: int) -> list[int]:
    """Record numbers of the clips shown: evenly spread over `count`."""
    return evenly_spread(count, CLIPS)


def still(title: str, columns: Columns) -> bytes:
    """PNG: a row per clip; for an early, a middle and a late frame the original and the models side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    rows, frames, height, width = columns.originals.shape[:4]
    moments = shown_frames(frames, MOMENTS + 2)[1:-1]
    across = len(columns.clips)
    cell_height = CELL * height / width
    row_height = cell_height + 0.2  # a line of remarks below
    total_width = LEFT + len(moments) * (across * (CELL + GAP) + BLOCK_GAP)
    total_height = TOP + rows * row_height
    canvas = Canvas(figsize=(total_width, total_height), dpi=128)
    FigureCanvasAgg(canvas)
    canvas.text(LEFT / total_width, 1 - 0.2 / total_height, title, fontsize=11, va="center")
    for row, name in enumerate(columns.names):
        bottom = total_height - TOP - (row + 1) * row_height + 0.2
        middle = (bottom + cell_height / 2) / total_height
        canvas.text((LEFT - 0.1) / total_width, middle, name, fontsize=7, ha="right", va="center")
        for block, frame in enumerate(moments):
            for column, (head, clips) in enumerate(columns.clips.items()):
                left = LEFT + block * (across * (CELL + GAP) + BLOCK_GAP) + column * (CELL + GAP)
                place = (left / total_width, bottom / total_height, CELL / total_width, cell_height / total_height)
                ax = canvas.add_axes(place)
                ax.imshow(clips[row, frame], interpolation="nearest", aspect="auto")
                ax.set_axis_off()
                if row == 0:
                    ax.set_title(f"{head}\n" + (f"frame {frame}" if column == 0 else ""), fontsize=8, pad=2)
                if block == 0 or column == 0:
                    ax.text(
                        0.5,
                        -0.03,
                        columns.remarks[head][row],
                        transform=ax.transAxes,
                        fontsize=7,
                        ha="center",
                        va="top",
                    )
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png")
    return buffer.getvalue()


def moving(title: str, columns: Columns, fps: float) -> bytes:
    """Animated WebP of at most 2 MB: a row per clip, a column per model; the title and their names above.

    Raises:
      UserError: if even the lowest quality is larger.
    """
    frames = mosaic(title, columns)
    for quality in QUALITIES:
        picture = moving_picture(frames, fps, "webp", quality)
        if len(picture) <= LIMIT:
            return picture
    raise UserError(f"figure 2 would take {len(picture):,} bytes at the lowest quality, more than {LIMIT:,}")


def mosaic(title: str, columns: Columns) -> np.ndarray:
    """[T, 2 STRIP + N s H, columns s W, 3] uint8; s is the least whole number with s W >= PANE."""
    from PIL import Image, ImageDraw, ImageFont

    # [N, T, H, W, 3] each -> [T, N H, W, 3] each -> side by side
    stacked = [np.concatenate(list(clips), axis=1) for clips in columns.clips.values()]
    panes = np.concatenate(stacked, axis=2)
    scale = -(-PANE // columns.originals.shape[3])
    panes = panes.repeat(scale, axis=1).repeat(scale, axis=2)
    strip = Image.new("RGB", (panes.shape[2], 2 * STRIP), "white")
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default()
    draw.text((4, STRIP / 2), title, "black", font, anchor="lm")
    width = panes.shape[2] / len(columns.clips)
    for column, (head, remarks) in enumerate(columns.remarks.items()):
        text = f"{head} (not run yet)" if "not run yet" in remarks else head
        draw.text(((column + 0.5) * width, 1.5 * STRIP), text, "black", font, anchor="mm")
    names = np.broadcast_to(np.asarray(strip), (len(panes), *np.asarray(strip).shape))
    return np.concatenate([names, panes], axis=1)


def _restored(evaluation: Evaluation, originals_NTHWC: np.ndarray) -> np.ndarray:
    """What a decoder would show, (N, T, H, W, 3) uint8."""
    snapshot = load_snapshot(open_run(evaluation.run.folder), evaluation.run.total)
    model = MSVQVAE(snapshot.experiment.model)
    restore = jax.jit(lambda params, codebooks, clips: reconstruct(model, params, codebooks, clips).frames)
    clips = [restore(snapshot.params, snapshot.codebooks, clip[None])[0] for clip in originals_NTHWC]
    return np.stack([np.asarray(clip) for clip in clips])


def _is_drawn(out: Path, budget: Budget, figure: Figure) -> bool:
    """Whether the files show just this."""
    path = out / FIGURE_FILE.format(budget.name)
    if not all((out / name).is_file() for name in (figure["picture"], figure["moving"], path.name)):
        return False
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")) == figure)
    except (OSError, ValueError):
        return False  # drawn anew
