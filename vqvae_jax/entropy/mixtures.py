"""Discretised mixtures of Gaussian, logistic or Laplace distributions as integer frequencies, alike on every machine.

What a model says of a value, means and scales, is rounded to integers first; everything behind that is arithmetic on
integers and a table that is made of exactly rounded decimals. No table of a symbol's distribution is needed: the sum of
the frequencies below any value can be asked for by itself, so an encoder computes two of them for each symbol and a
decoder about log2 of their number (`rans.Reader.symbol`).
"""

from decimal import Decimal, localcontext
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from vqvae_jax.entropy.frequencies import FRACTIONS

Kind = Literal["gaussian", "logistic", "laplace"]

MEAN_UNITS = 64  # of a mean, per symbol
SCALES_PER_OCTAVE = 16
SCALES = 161  # scale number s is 2**(s / 16 - 4): 1/16 ... 64
WEIGHTS = 256  # what the weights of a mixture sum to, or
FINE_WEIGHTS = 4096  # where a component that is rare counts
_STEPS = 128  # of the table, per unit
_TABLE_BITS = 30
_END = {"gaussian": 7, "logistic": 22, "laplace": 22}  # beyond it the rest is under 2**-31
#: 2**20 / scale, for scales counted from the first one.
_INVERSE = np.array([int(FRACTIONS[s % 16]) >> s // 16 for s in range(SCALES)], np.int64)


class Mixture(NamedTuple):
    """Parameters of the distributions of symbols of any shape, [..., J] for J components; integers."""

    means: np.ndarray  # in 1/64 of a symbol, within +-2**20
    scales: np.ndarray  # numbers of scales, 0 ... 160
    weights: np.ndarray  # sum to 256 or 4096 along the last axis


def cumulative(
    kind: Kind, mixture: Mixture, edges: np.ndarray, radius: int | np.ndarray, bits: int, weights: int = WEIGHTS
) -> np.ndarray:
    """Sum of the frequencies of all symbols of [-radius, radius) below each of `edges`.

    Every frequency is at least 1 and all together are 2**bits; what lies outside is given to the first and the last
    symbol, behind which a number may say by how much (`rans.excess_intervals`).

    Args:
      kind: of the components. A Gaussian's scale is its standard deviation, the others' the divisor
        in their exponential.
      mixture: of each edge's symbol; broadcast against `edges[..., None]`.
      edges: integers in [-radius, radius].
      radius: at most 2**15, and a quarter of 2**bits; one for all, or broadcast against the edges.
      bits: 16 or 24.
      weights: what they sum to, 256 or 4096.

    Returns:
      int64, 0 at -radius, 2**bits at radius, strictly increasing between them.
    """
    k = np.asarray(edges, np.int64)
    distance = MEAN_UNITS * k[..., None] - MEAN_UNITS // 2 - np.asarray(mixture.means, np.int64)
    # Steps of the table in 2**-12: distance / 64 * 128 / (2**(s / 16) / 16) * 2**12, with 2**20 in the inverse.
    at = np.abs(distance) * _INVERSE[mixture.scales] >> 3
    table = _table(kind)
    step = np.minimum(at >> 12, len(table) - 2)
    upper = table[step] + ((table[step + 1] - table[step]) * np.minimum(at - (step << 12), 1 << 12) >> 12)
    below = np.where(distance < 0, (1 << _TABLE_BITS) - upper, upper)
    total_bits = _TABLE_BITS + WEIGHTS.bit_length() - 1
    total = np.sum(below * np.asarray(mixture.weights, np.int64), axis=-1) // (weights // WEIGHTS)
    total = np.where(k <= -radius, 0, np.where(k >= radius, 1 << total_bits, total))
    # A product of 38 and 24 bits.
    return (total * ((1 << bits) - 2 * radius) >> total_bits) + k + radius


@cache
def _table(kind: Kind) -> np.ndarray:
    """2**30 times the standard distribution function at 0, 1/128, 2/128 ...; int64, ending with 2**30.

    By decimals, whose arithmetic and exponential are rounded exactly: the last digit of a machine's `exp` is its own.
    """
    with localcontext() as context:
        context.prec = 40
        half, scale = Decimal("0.5"), Decimal(1 << _TABLE_BITS)
        root = Decimal("2.506628274631000502415765284811045253006986740609938")  # of 2 pi
        values = []
        for number in range(_END[kind] * _STEPS):
            t = Decimal(number) / _STEPS
            if kind == "logistic":
                values.append(1 / (1 + (-t).exp()))
                continue
            if kind == "laplace":
                values.append(1 - (-t).exp() / 2)
                continue
            # Marsaglia 2004: 1/2 + density times t + t**3 / 3 + t**5 / (3 * 5) + ...
            term = total = t
            for odd in range(3, 400, 2):
                term *= t * t / odd
                total += term
                if term < Decimal("1e-20"):
                    break
            values.append(half + total * (-t * t / 2).exp() / root)
        rounded = [int((value * scale).to_integral_value()) for value in values]
    return np.array([*rounded, 1 << _TABLE_BITS], np.int64)
