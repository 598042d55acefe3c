"""When each picture of a file is shown. What the times come from is decided once per file, never per picture."""

from fractions import Fraction
from typing import Any

from vqvae_jax.video.read import LONGEST_HOLD, VideoError


class Clock:
    """Times of a stream's pictures, asked for in the order in which they are shown.

    An AVI has no time stamps: every chunk of it, empty ones included, is shown for one period, so its number is the
    time. Other files keep stamps, and these count as they are, however unevenly they lie. Only where there are none
    (bare streams of a codec, Y4M) pictures come at a regular rate.

    A stamp that goes back, as where recordings were joined, moves it and all that follow behind the picture before it,
    by one period. Stamps that increase are never changed.

    Args:
      stream: of PyAV.
      rate: the nominal one.
      source: "chunks", "stamps" or "grid".
    """

    def __init__(self, stream: Any, rate: Fraction, source: str) -> None:
        self._source = source
        # Seconds of a step of the numbers below.
        self._unit = stream.time_base if source == "stamps" else 1 / rate
        self.period = max(1, round(1 / rate / self._unit))  # in such steps
        # Stamps are rounded to their unit: the length of a video of n frames is then n periods, or somewhat less.
        self._rounding = 0.0 if (1 / rate / self._unit).denominator == 1 else float(self._unit)
        self._lasts = float(1 / rate)
        self._first: int | None = None
        self._last = self._moved = 0

    def of(self, picture: Any) -> float:
        """Seconds from the first picture to this one.

        Raises:
          VideoError: if a picture would stay for more than `LONGEST_HOLD`.
        """
        number = self._number(picture)
        if self._first is None:
            self._first = self._last = number
        number += self._moved
        if number < self._last:
            self._moved += self._last + self.period - number
            number = self._last + self.period
        if (hold := self._seconds(number - self._last)) > LONGEST_HOLD:
            raise VideoError(f"damaged: a time stamp {hold:.0f} s after the one before it")
        self._last = number
        return self._seconds(number - self._first)

    def _seconds(self, steps: int) -> float:
        # The double nearest to the exact time; by fractions it would take longer than all else that is done here.
        return steps * self._unit.numerator / self._unit.denominator

    def _number(self, picture: Any) -> int:
        following = 0 if self._first is None else self._last - self._moved + self.period
        if self._source == "grid":
            return following
        # A picture is shown with the chunk that makes the decoder give it; the last ones come after all chunks. Other
        # files have stamps throughout, but for damage.
        stamp = picture.dts if self._source == "chunks" else picture.pts
        return following if stamp is None else stamp

    def lasts(self) -> float:
        """Seconds of a picture that others follow."""
        return self._lasts

    def last_lasts(self, picture: Any, end: int) -> float:
        """Seconds of the picture asked for last, at the end of the video: a period, or as long as the file says.

        Args:
          picture: it may have a duration of its own.
          end: number of the chunk, or stamp, where the file ends; packets that give no picture hold the last one.
        """
        said = [end - self._last] if self._source != "grid" and not self._moved else []
        if self._source == "stamps" and picture.duration:
            said.append(picture.duration)
        seconds = [self._seconds(steps) for steps in said]
        return max([self._lasts + self._rounding, *(s for s in seconds if s <= LONGEST_HOLD)])
