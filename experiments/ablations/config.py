"""Which rows to train and measure, and where to put the table."""

from dataclasses import dataclass
from pathlib import Path

from experiments.ablations.rows import ROWS
from vqvae_jax.config import check


@dataclass(frozen=True)
class AblationsCommand:
    """Trains rows of the ablation table that are missing, measures them on validation clips, and writes the table."""

    data: Path
    """Data set written by data_prep: training and validation."""
    out: Path
    """Folder of the table, evaluations and runs (OUT/runs/ROW)."""
    only: tuple[str, ...] = ()
    """Rows to train; default: all. The table has every row that is complete."""
    clips: int = 64
    """Measure only so many validation clips, evenly spread; 0 for all."""
    vgg_weights: Path | None = None
    """VGG-16 trunk of perceptual loss and distance, .npz or .safetensors; default: $VQVAE_JAX_WEIGHTS."""
    no_train: bool = False
    """Train nothing: write the table from the runs that are complete."""
    no_measure: bool = False
    """Measure nothing: for one of several commands that share an --out while they train."""

    def __post_init__(self) -> None:
        names = [row.name for row in ROWS]
        for name in self.only:
            check(name in names, "only", name, f"some of {', '.join(names)}")
        check(self.clips >= 0, "clips", self.clips, "0 or more")
