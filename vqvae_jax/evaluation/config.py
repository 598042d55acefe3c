"""What to evaluate, on which clips, and where to put it."""

from dataclasses import dataclass
from pathlib import Path

from vqvae_jax.config import check


@dataclass(frozen=True)
class EvaluateConfig:
    """Measures checkpoints of a run on a split of a data set; writes JSON, CSV, a plot and a picture grid.

    Checkpoints that the file holds already are not measured again, so the same command goes on where it was stopped.
    """

    run: Path
    """Folder of the run; only read."""
    data: Path
    """Data set written by data_prep."""
    out: Path
    """FILE.json; FILE.csv, FILE.png and FILE_grid.png appear beside it."""
    split: str = "test"
    """Split of the data set."""
    steps: str = "latest"
    """all, latest, best (by the run's own validation PSNR), or the number of a step."""
    watch: bool = False
    """Go on with new checkpoints until the run's last step is measured or Ctrl-C (exit code 0 if any was measured)."""
    watch_seconds: float = 30.0
    """Time between two looks at the run."""
    batch_size: int = 8
    """Clips at a time over all local devices; rounded up to a multiple of their number."""
    clips: int = 0
    """Only so many clips, evenly spread over the split, for a quick look; 0 for all. Stated in the result."""
    vgg_weights: Path | None = None
    """VGG-16 trunk for the perceptual distance; by default what $VQVAE_JAX_WEIGHTS names. Null if there is none."""
    force: bool = False
    """Begin FILE.json anew, whatever it holds."""

    def __post_init__(self) -> None:
        check(self.out.suffix == ".json", "out", str(self.out), "a file name that ends in .json")
        named = self.steps in ("all", "latest", "best") or (self.steps.isascii() and self.steps.isdecimal())
        check(named, "steps", self.steps, "all, latest, best or the number of a step")
        check(self.watch_seconds > 0, "watch_seconds", self.watch_seconds, "a number above 0")
        check(self.batch_size >= 1, "batch_size", self.batch_size, "a whole number of at least 1")
        check(self.clips >= 0, "clips", self.clips, "a whole number of at least 0")
