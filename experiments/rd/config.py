"""What to compare, on which clips, and where to put it."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from experiments.rd.schema import CLASSICAL
from vqvae_jax.config import check
from vqvae_jax.errors import UserError
from vqvae_jax.families import FAMILIES

#: Largest CRF or QP of each; encoders take a larger one for the largest, without a word.
COARSEST = {"x264": 51, "x265": 51, "svtav1": 63, "av1": 63, "vvc": 63}


class Grouping(NamedTuple):
    """How clips are cut into closed groups, and how far ahead their encoder looks."""

    gop: int = 0  # frames of a group; 0 for the whole clip
    low_delay: bool = False

    @property
    def described(self) -> str:
        return f"closed GOPs of {self.gop} frames" if self.gop else "one closed GOP"


WHOLE = Grouping()


@dataclass(frozen=True)
class RdConfig:
    """Codes a split with every codec through real files and measures what a fresh process decodes from them.

    Clips are coded at the size that the data set has; `python -m data_prep --size 128 ...` writes larger ones. What was
    measured before is kept in OUT/cache: the same command goes on where it was stopped.
    """

    data: Path
    """Data set written by data_prep."""
    out: Path
    """Folder for rd.json, its plots and page, and the cache of streams and figures."""
    split: str = "test"
    """Split of the data set."""
    codecs: str = ",".join((*CLASSICAL, *FAMILIES))
    """Comma-separated: x264, x265, svtav1 (SVT-AV1), av1 (libaom), vvc (VVenC), model families such as msvqvae; "" with
    --add for none."""
    bundle: tuple[Path, ...] = ()
    """The models, a curve each: bundles' files, or names of the package; default: $VQVAE_JAX_BUNDLE, else `ntc`."""
    rate_weight: tuple[float, ...] = (0.0, 0.02, 0.1, 0.3, 1.0)
    """Points of each model of one rate: what a bit is worth to its encoder; 0 sends the nearest codes."""
    quality: tuple[float, ...] = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
    """Points of each model of several rates."""
    effort: int = 0
    """Steps by which the encoder of such a model refines what it sends."""
    bpp: tuple[float, ...] = ()
    """Points of each family that fits a model to every clip (`mvc`), in bits per pixel of the file, about; none: it is
    left out, for a fit takes hours."""
    epochs: int = 300
    """How often such a fit sees a frame."""
    one_curve: bool = False
    """The bundles are points of one curve, at the first rate weight or quality, instead of a curve each."""
    points: tuple[str, ...] = ()
    """Other settings for a codec than its four, such as x265=28,32,36,40 (CRF, or QP for vvc)."""
    gop: int = 0
    """Frames of a group of every codec, which nothing outside of it predicts; 0: the clip for FFmpeg's codecs, and what
    each model does by default."""
    low_delay: bool = False
    """FFmpeg's codecs code frames in order, look at none ahead, and have one reference as far as that can be chosen."""
    clips: int = 0
    """Measure only so many clips, evenly spread over the split; 0 for all. Stated in the result."""
    vgg_weights: Path | None = None
    """VGG-16 trunk of the perceptual distance, .npz or .safetensors; default: $VQVAE_JAX_WEIGHTS. Null without one."""
    add: tuple[Path, ...] = ()
    """Files rd.json of earlier runs on the same clips, of other codecs: theirs stand beside those measured now."""
    jobs: int = os.cpu_count() or 1
    """Encoder and decoder processes at a time, of one thread each."""
    force: bool = False
    """Overwrite a result in OUT that has clips, codecs or settings which are not measured now."""

    def __post_init__(self) -> None:
        known = (*CLASSICAL, *FAMILIES)
        listed = ", ".join(known)
        for name in self.names:
            check(name in known, "codecs", name, f"some of {listed}, separated by commas")
        check(len(set(self.names)) == len(self.names), "codecs", self.codecs, "every codec once")
        check(self.clips >= 0, "clips", self.clips, "a whole number of at least 0")
        weights = self.rate_weight
        usable = all(math.isfinite(weight) and weight >= 0 for weight in weights)
        # Six digits, as settings and file names have them; the sign of -0 does not count.
        different = len({f"{abs(weight):g}" for weight in weights}) == len(weights)
        given = " ".join(f"{weight:g}" for weight in weights)
        check(bool(weights) and usable and different, "rate_weight", given, "numbers from 0 on, different in 6 digits")
        qualities = " ".join(f"{quality:g}" for quality in self.quality)
        fits = (
            all(0 <= quality <= 100 for quality in self.quality)
            and len({f"{q:g}" for q in self.quality}) == len(self.quality) > 0
        )
        check(fits, "quality", qualities, "numbers from 0 to 100, different ones")
        wished = " ".join(f"{bpp:g}" for bpp in self.bpp)
        positive = all(math.isfinite(bpp) and bpp > 0 for bpp in self.bpp)
        apart = len({f"{bpp:g}" for bpp in self.bpp}) == len(self.bpp)
        check(positive and apart, "bpp", wished, "numbers above 0, different in 6 digits")
        check(self.epochs >= 1, "epochs", self.epochs, "a whole number of at least 1")
        check(self.gop >= 0, "gop", self.gop, "a whole number of at least 0")
        check(self.effort >= 0, "effort", self.effort, "a whole number of at least 0")
        check(self.jobs >= 1, "jobs", self.jobs, "a whole number of at least 1")
        _ = self.rates

    @property
    def names(self) -> tuple[str, ...]:
        """The codecs, as asked for."""
        return tuple(name.strip() for name in self.codecs.split(",")) if self.codecs or not self.add else ()

    @property
    def grouping(self) -> Grouping:
        """Of frames, for FFmpeg's codecs."""
        return Grouping(self.gop, self.low_delay)

    @property
    def rates(self) -> dict[str, tuple[int, ...]]:
        """`points` by codec.

        Raises:
          UserError: if one is not CODEC=NUMBER,NUMBER.
        """
        rates = {}
        for text in self.points:
            name, _, values = text.partition("=")
            parts = values.split(",")
            if name not in CLASSICAL or not all(
                part.isascii() and part.isdecimal() and len(part) < 4 for part in parts
            ):
                raise UserError(
                    f"points: {text!r}; expected CODEC=NUMBER,NUMBER such as x265=32,36 with one of "
                    f"{', '.join(CLASSICAL)}"
                )
            rates[name] = tuple(sorted({int(part) for part in parts}))
            check(max(rates[name]) <= COARSEST[name], "points", text, f"numbers up to {COARSEST[name]} for {name}")
        return rates
