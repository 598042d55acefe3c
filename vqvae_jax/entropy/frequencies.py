"""Symbol costs (one byte each) and the integer frequencies that the coder makes of them.

A cost is -log2 of a probability in sixteenths of a bit, 0 ... 255: off by 3 % of the probability at most, which costs
0.0003 bits a symbol, at half the size of 16-bit frequencies. From there on all arithmetic is on integers.
"""

import numpy as np

from vqvae_jax.entropy.rans import SCALE

STEPS_PER_BIT = 16
# round(2**20 * 2**(-k / 16)), written out: the last digit of a power function is not the same everywhere.
_FRACTIONS = np.array(
    [
        1048576, 1004120, 961548, 920782, 881744, 844361, 808563, 774282,
        741455, 710020, 679917, 651091, 623487, 597053, 571740, 547500,
    ],
    np.int64,
)  # fmt: skip
_WEIGHTS = np.array([int(_FRACTIONS[c % STEPS_PER_BIT]) >> (c // STEPS_PER_BIT) for c in range(256)], np.float64)


def costs(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities [..., K], above 0 -> uint8 costs in sixteenths of a bit."""
    bits = -np.log2(np.asarray(probabilities, np.float64))
    return np.clip(np.rint(bits * STEPS_PER_BIT), 0, 255).astype(np.uint8)


def frequencies(costs_RK: np.ndarray) -> np.ndarray:
    """uint8 costs [R, K] -> int64 frequencies [R, K], each at least 1, every row summing to 2**16. K <= 2**15.

    Exact arithmetic on integers throughout, so the same costs give the same frequencies on every machine.
    """
    rows, codes = costs_RK.shape
    if not 1 <= codes <= SCALE // 2:
        raise ValueError(f"tables of {codes} symbols do not fit frequencies that sum to {SCALE}")
    weights = _WEIGHTS.take(costs_RK)
    # One unit for everybody, the rest by weight: no symbol is impossible, and no row needs to be taken from.
    free = SCALE - codes
    # Products stay under 2**53, and no fraction of such integers is rounded up to the next one: float64 divides as
    # integers do, only faster.
    shares = np.floor(weights * free / weights.sum(axis=1, keepdims=True)).astype(np.int64)
    left = free - shares.sum(axis=1)
    shares[np.arange(rows), weights.argmax(axis=1)] += left
    return shares + 1


def starts(frequencies_RK: np.ndarray) -> np.ndarray:
    """Sums of the frequencies before each symbol: int64 [R, K + 1], from 0 to 2**16."""
    ends = np.cumsum(frequencies_RK, axis=1, dtype=np.int64)
    return np.concatenate([np.zeros((len(ends), 1), np.int64), ends], axis=1)
