"""Which tables to make, at what expense, and where to put them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from vqvae_jax.config import check


@dataclass(frozen=True)
class TablesCommand:
    """Trains what is missing, measures it, and writes tables of the paper with our numbers beside its own.

    Interrupted, the same command goes on where it was. Figure 2 comes with table 2.
    """

    tables: tyro.conf.Positional[tuple[Literal[1, 2, 3], ...]]
    """The paper's tables to make."""
    data: Path
    """Data set written by data_prep: training, validation, and test unless --test-data names another."""
    out: Path
    """Folder of tables, evaluations and runs (OUT/runs/NAME)."""
    budget: Literal["smoke", "short", "paper"] = "smoke"
    """smoke: proves the path in minutes. short: hours on two cores. paper: the full recipe."""
    test_data: Path | None = None
    """Data set whose test split table 1 is measured on; default: --data."""
    vgg_weights: Path | None = None
    """VGG-16 trunk of perceptual loss and distance, .npz or .safetensors; default: $VQVAE_JAX_WEIGHTS."""
    clips: int | None = None
    """Measure only so many clips, evenly spread over the split; 0 for all; default: the budget's own."""
    no_train: bool = False
    """Train nothing: write the tables from the runs that are complete; cells of the others say so."""
    plan: bool = False
    """Write nothing: say which runs are missing, and how many hours they take."""

    def __post_init__(self) -> None:
        distinct = len(self.tables) >= 1 and len(set(self.tables)) == len(self.tables)
        check(distinct, "tables", " ".join(map(str, self.tables)), "one or more of 1, 2, 3, each once")
        check(self.clips is None or self.clips >= 0, "clips", self.clips, "0 or more")
