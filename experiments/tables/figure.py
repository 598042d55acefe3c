"""Figure 2: original and the three models side by side, as a picture and moving; the same clips for all."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiments.runs.evaluations import Evaluation
from experiments.tables.paper import FIGURE_COLUMNS, Budget, Role
from experiments.tables.schema import Figure
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import evenly_spread, few
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.model_figures import restored
from vqvae_jax.families import load_snapshot
from vqvae_jax.files import write_all
from vqvae_jax.report.pictures import Board, Pane, draw, png, shown_frames
from vqvae_jax.training.snapshot import open_run
from vqvae_jax.video.write import moving_picture

CLIPS, MOMENTS = 4, 3
LIMIT = 2_000_000  # bytes of the moving picture
QUALITIES = (90, 75, 60, 45, 30, 15)
MISSING = 200  # grey of a model that was not run
NOT_RUN = "not run yet"
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

    def board(self, title: str) -> Board:
        """A row per clip, a column per model; models that were not run say so, since nothing stands below the panes."""
        heads = [f"{head}\n(not run yet)" if NOT_RUN in self.remarks[head] else head for head in self.clips]
        rows = [tuple(Pane(clips[row]) for clips in self.clips.values()) for row in range(len(self.names))]
        return Board(tuple(heads), tuple(rows), title=title)

    def board_of_moments(self, title: str) -> Board:
        """A row per clip; for an early, a middle and a late frame the original and the models side by side."""
        moments = shown_frames(self.originals.shape[1], MOMENTS + 2)[1:-1]
        heads = [f"{head}\nframe {frame}" if head == "Original" else head for frame in moments for head in self.clips]

        def pane(head: str, row: int, frame: int) -> Pane:
            said = frame == moments[0]
            return Pane(self.clips[head][row, frame : frame + 1], (self.remarks[head][row],) if said else ())

        rows = [
            tuple(pane(head, row, frame) for frame in moments for head in self.clips) for row in range(len(self.names))
        ]
        return Board(tuple(heads), tuple(rows), tuple(self.names), title, group=len(self.clips))


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
    records = evenly_spread(len(clip_ids), CLIPS)
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
            columns.add(title, None, [NOT_RUN] * len(records))
            continue
        psnr, bpp = evaluation.entry["quality"]["clips"]["psnr"], evaluation.entry["estimates"]["formula"]
        remarks = [f"{psnr[record]:.2f} dB, {bpp:.3f} bpp" for record in records]
        snapshot = load_snapshot(open_run(evaluation.run.folder), evaluation.run.total)
        columns.add(title, restored(snapshot, columns.originals), remarks)
    fps = next(iter(shown.values())).result["data"]["fps"] or 16.0
    proof = ": a proof of the path, not of the numbers" if budget.proves == "path" else ""
    label = f"Figure 2, budget {budget.name}{proof}"
    pictures = {figure["picture"]: still(label, columns), figure["moving"]: moving(label, columns, fps)}
    write_all(out, {**pictures, FIGURE_FILE.format(budget.name): json.dumps(figure, indent=1)})
    return figure


def still(title: str, columns: Columns) -> bytes:
    """PNG of the moments."""
    return png(draw(columns.board_of_moments(title)).frames[0])


def moving(title: str, columns: Columns, fps: float) -> bytes:
    """Animated WebP of at most 2 MB: a row per clip, a column per model; the title and their names above.

    Raises:
      UserError: if even the lowest quality is larger.
    """
    frames = draw(columns.board(title)).frames
    for quality in QUALITIES:
        picture = moving_picture(frames, fps, "webp", quality)
        if len(picture) <= LIMIT:
            return picture
    raise UserError(f"figure 2 would take {len(picture):,} bytes at the lowest quality, more than {LIMIT:,}")


def _is_drawn(out: Path, budget: Budget, figure: Figure) -> bool:
    """Whether the files show just this."""
    path = out / FIGURE_FILE.format(budget.name)
    if not all((out / name).is_file() for name in (figure["picture"], figure["moving"], path.name)):
        return False
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")) == figure)
    except (OSError, ValueError):
        return False  # drawn anew
