"""What to evaluate, on which clips, and where to put it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vqvae_jax.config import check
from vqvae_jax.errors import one_line


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """What is measured, whatever the run."""

    split: str = "test"
    """Split of the data set."""
    steps: tuple[str, ...] = ("latest",)
    """Some of: all, latest, best (by the run's own validation), numbers of steps."""
    files: int | Literal["all"] = "all"
    """Clips, evenly spread over those measured, that are coded to real files and decoded from them; 0 for none."""
    qualities: tuple[float, ...] = ()
    """Of a model of several rates: the same clips' files at these qualities too, 0 to 100, for a curve."""
    fit_clips: int = 500
    """About so many training clips are used where an entropy model has to be fitted for the files."""
    watch: bool = False
    """Go on with new checkpoints until the run's last step is measured or Ctrl-C (exit code 0 if any was measured)."""
    watch_seconds: float = 30.0
    """Time between two looks at the run."""
    batch_size: int = 8
    """Clips at a time over all local devices; rounded up to a multiple of their number."""
    clips: int = 0
    """Measure only so many clips, evenly spread over the split; 0 for all. Stated in the result."""
    vgg_weights: Path | None = None
    """VGG-16 trunk of the perceptual distance, .npz or .safetensors; default: $VQVAE_JAX_WEIGHTS. Null without one."""
    force: bool = False
    """Overwrite FILE.json, whatever it holds, instead of going on with it."""

    def __post_init__(self) -> None:
        check(bool(self.steps), "steps", "", "all, latest, best or numbers of steps")
        for step in self.steps:
            named = step in ("all", "latest", "best") or (step.isascii() and step.isdecimal())
            check(named, "steps", one_line(step), "all, latest, best or the number of a step")
        check(self.files == "all" or self.files >= 0, "files", self.files, "all, or a whole number of at least 0")
        check(self.fit_clips >= 1, "fit_clips", self.fit_clips, "a whole number of at least 1")
        check(self.watch_seconds > 0, "watch_seconds", self.watch_seconds, "a number above 0")
        check(self.batch_size >= 1, "batch_size", self.batch_size, "a whole number of at least 1")
        check(self.clips >= 0, "clips", self.clips, "a whole number of at least 0")


@dataclass(frozen=True)
class EvaluateConfig(Measuring):
    """Measures checkpoints of a run, or a bundle, on a split of a data set; writes JSON, CSV, a plot, a picture grid.

    Checkpoints that the file holds already are not measured again, so the same command goes on where it was stopped.
    """

    run: Path
    """Folder of the run, or file of the bundle; only read."""
    data: Path
    """Data set written by data_prep."""
    out: Path
    """FILE.json; FILE.csv, FILE.png and FILE_grid.png appear beside it, FILE_bundles/ if an entropy model is fitted."""

    def __post_init__(self) -> None:
        check(self.out.suffix == ".json", "out", str(self.out), "a file name that ends in .json")
        super().__post_init__()
