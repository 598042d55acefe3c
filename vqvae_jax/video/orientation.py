"""The display matrix of a video: turned by quarters and mirrored, as cameras and phones write it."""

from collections.abc import Callable
from typing import Any

import numpy as np

Turn = Callable[[np.ndarray], np.ndarray]


class Orientation:
    """What a display matrix (ISO/IEC 14496-12, 8.3.2) does to pictures.

    It maps x, y of the stored picture to a x + c y, b x + d y of the shown one. Of the eight that have only zeros, ones
    and minus ones this is exact; of any other, the nearest of them counts.

    Args:
      picture: a decoded `av.VideoFrame`; one without matrix is shown as it is.
    """

    def __init__(self, picture: Any) -> None:
        from av.sidedata.sidedata import Type

        found = picture.side_data.get(Type.DISPLAYMATRIX)
        matrix: list[int] = [1, 0, 0, 0, 1] if found is None else np.frombuffer(found, np.int32)[:5].tolist()
        self._a, self._b, _, self._c, self._d = matrix
        self.swaps_sides = abs(self._b) + abs(self._c) > abs(self._a) + abs(self._d)

    def upright(self, image_HWC: np.ndarray) -> np.ndarray:
        """The picture as it should be shown; a view."""
        if self.swaps_sides:
            return image_HWC.transpose(1, 0, 2)[_step(self._b), _step(self._c)]
        return image_HWC[_step(self._d), _step(self._a)]


def _step(sign: int) -> slice:
    return slice(None, None, -1 if sign < 0 else 1)
