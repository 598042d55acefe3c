"""Pillow's antialiased bicubic, the same bytes, by matrix products: half of its time for pictures made much smaller.

Pillow scales along rows, rounds to 8 bits, then scales along columns and rounds again. Its weights are integers over
2^22, so every level is an exact sum, rounded. Here 32-bit products tell all levels but those about halfway between two;
the sums of these are taken again in 64 bits, where they are exact.
"""

import functools
from typing import NamedTuple

import numpy as np
from PIL import Image

_ONE = 1 << 22  # what Pillow takes for a weight of 1 in pictures of 8 bits
_OUTPUTS = 8  # of one product; it takes all samples that one of them needs
_SAMPLES = 1 << 18  # at once, so that they stay in the cache
_PRODUCT = 500_000  # multiplications; OpenBLAS starts threads for 524,288, and there is a process per core already


class Kernel(NamedTuple):
    """How outputs are made of a row of samples."""

    samples: np.ndarray  # [outputs, taps], the places of those that count
    weights: np.ndarray  # [outputs, taps] float64, exact
    products: list[tuple[slice, slice, np.ndarray]]  # some outputs, the samples they need, float32 [samples, outputs]
    error: float  # more than a 32-bit sum can be off, in levels

    def exact(self, outputs: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Levels of some outputs, not clipped yet, of their samples [outputs, taps]."""
        return np.floor(np.einsum("nk,nk->n", samples, self.weights.take(outputs, 0)) + 0.5)


@functools.lru_cache(maxsize=16)
def kernel(length: int, count: int) -> Kernel:
    """Pillow's kernel from `length` samples to `count`."""
    weights = _weights(length, count)
    used = weights != 0
    first, last = used.argmax(1), length - used[:, ::-1].argmax(1)
    taps = int((last - first).max())
    samples = np.minimum(first, length - taps)[:, None] + np.arange(taps)
    products = []
    for begin in range(0, count, _OUTPUTS):
        outputs = slice(begin, begin + _OUTPUTS)
        needed = slice(int(first[outputs].min()), int(last[outputs].max()))
        products.append((outputs, needed, np.ascontiguousarray(weights[outputs, needed].T, np.float32)))
    # A sum of n products, in whatever order, is off by no more than n roundings (2^-24) of the sum of their magnitudes.
    # Eight more for what rounding to a level adds; twice all that, to be safe.
    error = 2 * (taps + 8) * 2.0**-24 * 255 * float(np.abs(weights).sum(1).max())
    return Kernel(samples, np.take_along_axis(weights, samples, 1), products, error)


def _weights(length: int, count: int) -> np.ndarray:
    """[count, length] float64: what Pillow makes of unit impulses in its 32-bit mode, which rounds as its weights."""
    found = []
    for begin in range(0, length, 1024):  # all at once would take a gibibyte for the largest pictures
        impulses = np.zeros((min(1024, length - begin), length), np.int32)
        np.fill_diagonal(impulses[:, begin:], _ONE)
        scaled = Image.fromarray(impulses).resize((count, len(impulses)), Image.Resampling.BICUBIC)
        found.append(np.asarray(scaled).T / _ONE)
    return np.concatenate(found, axis=1)


class Bicubic:
    """Scales pictures, uint8 [H, W, C] in any order in memory, to uint8 [height, width, C].

    Its working memory is kept from one picture to the next: not for several threads at once.
    """

    def __init__(self, height: int, width: int) -> None:
        self._height, self._width = height, width
        self._shape: tuple[int, ...] = ()

    def __call__(self, image_HWC: np.ndarray) -> np.ndarray:
        planes_CHW = image_HWC.transpose(2, 0, 1)
        if planes_CHW.shape != self._shape:
            self._prepare(*planes_CHW.shape)
        rows, at_once = len(image_HWC), self._samples.shape[1]
        for begin in range(0, rows, at_once):
            begin = min(begin, rows - at_once)  # the last ones are as many as ever; some of them come twice
            some = slice(begin, begin + at_once)
            self._samples[...] = planes_CHW[:, some]
            self._across(self._narrow[:, some])
        return self._down().transpose(1, 2, 0).astype(np.uint8, order="C")

    def _prepare(self, channels: int, height: int, width: int) -> None:
        self._shape = channels, height, width
        self._columns, self._rows = kernel(width, self._width), kernel(height, self._height)
        widest = max(len(weights) * _OUTPUTS for _, _, weights in self._columns.products)
        most = max(1, min(_SAMPLES // width, _PRODUCT // widest) // channels)
        at_once = -(-height // -(-height // most))  # as many strips as it takes, of one height
        self._samples = np.empty((channels, at_once, width), np.float32)
        self._across_sums = np.empty((channels, at_once, self._width), np.float32)
        self._narrow = np.empty((channels, height, self._width), np.float32)
        self._down_sums, self._levels = np.empty((2, channels, self._height, self._width), np.float32)

    def _across(self, levels_CNW: np.ndarray) -> None:
        """Makes the levels of the rows in `_samples`."""
        by, samples, sums = self._columns, self._samples, self._across_sums
        rows_NL, sums_NW = samples.reshape(-1, samples.shape[2]), sums.reshape(-1, sums.shape[2])
        for outputs, needed, weights in by.products:
            np.matmul(rows_NL[:, needed], weights, out=sums_NW[:, outputs])
        unsure = _round(sums, by.error, levels_CNW)
        if unsure.size:
            c, y, x = np.unravel_index(unsure, sums.shape)
            levels_CNW[c, y, x] = by.exact(x, samples[c[:, None], y[:, None], by.samples.take(x, 0)])
        levels_CNW.clip(0, 255, out=levels_CNW)

    def _down(self) -> np.ndarray:
        """The levels of the whole picture, float32 [C, height, width]."""
        by, narrow_CHW, sums, levels = self._rows, self._narrow, self._down_sums, self._levels
        for outputs, needed, weights in by.products:
            np.matmul(weights.T, narrow_CHW[:, needed], out=sums[:, outputs])
        unsure = _round(sums, by.error, levels)
        if unsure.size:
            c, y, x = np.unravel_index(unsure, sums.shape)
            levels[c, y, x] = by.exact(y, narrow_CHW[c[:, None], by.samples.take(y, 0), x[:, None]])
        return levels.clip(0, 255, out=levels)


def _round(sums: np.ndarray, error: float, levels: np.ndarray) -> np.ndarray:
    """Rounds sums, which are lost; returns the places, in the flattened array, where the error may have decided."""
    np.add(sums, 0.5, out=levels)
    np.floor(levels, out=levels)
    sums -= levels
    return np.flatnonzero(np.abs(sums, out=sums) > 0.5 - error)
