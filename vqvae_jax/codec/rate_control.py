"""A file of a wanted size, by trying qualities: two passes over the video at least, the last of which is written."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from vqvae_jax.codec.encoder import Encoded
from vqvae_jax.config import is_number, is_whole
from vqvae_jax.errors import UserError

LEAST, MOST = 0.0, 100.0
TOLERANCE = 0.02
TRIALS = 10
#: Writes the video at a quality.
Attempt = Callable[[float, io.BytesIO], Encoded]


class Chosen(NamedTuple):
    """A file that is as large as was asked for, as nearly as can be."""

    quality: float
    encoded: Encoded
    content: bytes
    wanted: float  # bytes
    reached: bool  # within 2 %

    @property
    def over(self) -> float:
        """Logarithm of its size over the one that was asked for."""
        return math.log(self.encoded.bytes / self.wanted)

    @property
    def missed(self) -> str:
        """What to say where the target was not reached."""
        return (
            f"{self.wanted:,.0f} bytes cannot be reached within {TOLERANCE:.0%}: the nearest is "
            f"{self.encoded.bytes:,} bytes ({self.encoded.bpp:.4f} bpp), at quality {self.quality:g}"
        )


@dataclass(frozen=True)
class Target:
    """A wanted size, one way or the other.

    Raises:
      UserError: unless one of the two is given, a number above 0.
    """

    bpp: float | None = None  # bits of the whole file per pixel
    size: int | None = None  # bytes of the whole file

    def __post_init__(self) -> None:
        if (self.bpp is None) == (self.size is None):
            raise UserError("target-bpp and target-bytes: give one of them")
        if self.size is None and not (is_number(self.bpp) and self.bpp > 0):
            raise UserError(f"target-bpp={self.bpp!r} is not allowed; expected a number above 0")
        if self.bpp is None and not (is_whole(self.size) and self.size > 0):
            raise UserError(f"target-bytes={self.size!r} is not allowed; expected a whole number above 0")

    def of(self, encoded: Encoded) -> float:
        """In bytes, of a file with so many pixels."""
        if self.bpp is None:
            return float(self.size or 0)
        return self.bpp * encoded.frames * encoded.width * encoded.height / 8


def encode_to_size(attempt: Attempt, target: Target) -> Chosen:
    """The file whose size is nearest to a target, of the qualities tried; stops at the first within 2 %.

    The logarithm of the size is nearly linear in quality: regula falsi between the ends, after the Illinois algorithm.
    """

    def chosen(quality: float) -> Chosen:
        buffer = io.BytesIO()
        encoded = attempt(quality, buffer)
        wanted = target.of(encoded)
        return Chosen(quality, encoded, buffer.getvalue(), wanted, abs(encoded.bytes / wanted - 1) <= TOLERANCE)

    low = best = chosen(LEAST)
    if best.reached or low.over >= 0:
        return best
    high = chosen(MOST)
    best = min(best, high, key=lambda c: abs(c.over))
    if best.reached or high.over <= 0:
        return best
    begin, end, below, above, same = LEAST, MOST, low.over, high.over, 0
    for _ in range(TRIALS):
        quality = begin + (end - begin) * min(max(below / (below - above), 0.02), 0.98)
        tried = chosen(quality)
        best = min(best, tried, key=lambda c: abs(c.over))
        if tried.reached:
            break
        if tried.over < 0:
            begin, below = quality, tried.over
            above, same = (above / 2 if same < 0 else above), -1
        else:
            end, above = quality, tried.over
            below, same = (below / 2 if same > 0 else below), 1
    return best
