"""Symbol costs (one byte each) and the integer frequencies that the coder makes of them.

A cost is -log2 of a probability in sixteenths of a bit, 0 ... 255: off by 3 % of the probability at most, which costs
0.0003 bits a symbol, at half the size of 16-bit frequencies. From there on all arithmetic is on integers.
"""

import numpy as np

from vqvae_jax.entropy.rans import SCALE_BITS

STEPS_PER_BIT = 16
# round(2**20 * 2**(-k / 16)), written out: the last digit of a power function is not the same everywhere.
FRACTIONS = np.array(
    [
        1048576, 1004120, 961548, 920782, 881744, 844361, 808563, 774282,
        741455, 710020, 679917, 651091, 623487, 597053, 571740, 547500,
    ],
    np.int64,
)  # fmt: skip
_WEIGHTS = np.array([int(FRACTIONS[c % STEPS_PER_BIT]) >> (c // STEPS_PER_BIT) for c in range(256)], np.float64)


def costs(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities [..., K], above 0 -> uint8 costs in sixteenths of a bit."""
    bits = -np.log2(np.asarray(probabilities, np.float64))
    return np.clip(np.rint(bits * STEPS_PER_BIT), 0, 255).astype(np.uint8)


def frequencies(costs_RK: np.ndarray, bits: int = SCALE_BITS) -> np.ndarray:
    """uint8 costs [R, K] -> int64 frequencies [R, K], each at least 1, every row of sum 2**bits, twice K at least.

    Exact arithmetic on integers throughout, so the same costs give the same frequencies on every machine.
    """
    return shares(_WEIGHTS.take(costs_RK), bits)


def shares(weights_RK: np.ndarray, bits: int = SCALE_BITS) -> np.ndarray:
    """Whole weights, of counted symbols say -> int64 frequencies [R, K], each at least 1, every row summing to 2**bits.

    Args:
      weights_RK: whole numbers, 0 ... 2**28, with at least one above 0 in every row.
      bits: 16 or 24.
    """
    rows, codes = weights_RK.shape
    if not 1 <= codes <= 1 << bits - 1:
        raise ValueError(f"tables of {codes} symbols do not fit frequencies that sum to {1 << bits}")
    weights = np.asarray(weights_RK, np.float64)
    # One unit for everybody, the rest by weight: no symbol is impossible, and no row needs to be taken from.
    free = (1 << bits) - codes
    # Products stay under 2**53, and no fraction of such integers is rounded up to the next one: float64 divides as
    # integers do, only faster.
    found = np.floor(weights * free / weights.sum(axis=1, keepdims=True)).astype(np.int64)
    left = free - found.sum(axis=1)
    found[np.arange(rows), weights.argmax(axis=1)] += left
    return found + 1


def starts(frequencies_RK: np.ndarray) -> np.ndarray:
    """Sums of the frequencies before each symbol: int64 [R, K + 1], from 0 to the scale."""
    ends = np.cumsum(frequencies_RK, axis=1, dtype=np.int64)
    return np.concatenate([np.zeros((len(ends), 1), np.int64), ends], axis=1)
