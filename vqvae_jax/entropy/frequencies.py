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
#: By cost; whole numbers.
WEIGHTS = np.array([int(FRACTIONS[c % STEPS_PER_BIT]) >> (c // STEPS_PER_BIT) for c in range(256)], np.float64)

#: From this cost on, neighbouring ones may have the same weight.
_FIRST_TIE = int(np.flatnonzero(WEIGHTS[1:] == WEIGHTS[:-1])[0])


def costs(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities [..., K], above 0 -> uint8 costs in sixteenths of a bit."""
    bits = -np.log2(np.asarray(probabilities, np.float64))
    return np.clip(np.rint(bits * STEPS_PER_BIT), 0, 255).astype(np.uint8)


def frequencies(costs_RK: np.ndarray, bits: int = SCALE_BITS) -> np.ndarray:
    """uint8 costs [R, K] -> int32 frequencies [R, K], each at least 1, every row of sum 2**bits, twice K at least.

    As `shares` of the costs' weights, with one division for each cost instead of each symbol. Exact arithmetic on
    integers throughout, so the same costs give the same frequencies on every machine.
    """
    rows, codes = costs_RK.shape
    free = _free(codes, bits)
    at = costs_RK.astype(np.intp)
    total = WEIGHTS.take(at).sum(axis=1, keepdims=True)
    # Costs that a row lacks may ask for more than there is.
    by_cost = np.minimum(np.floor(WEIGHTS * free / total), free).astype(np.int32) + 1
    at += 256 * np.arange(rows)[:, None]
    found = by_cost.ravel().take(at)
    every = np.arange(rows)
    first = costs_RK.argmin(axis=1)
    if rows and costs_RK[every, first].max() >= _FIRST_TIE:
        first = WEIGHTS.take(costs_RK).argmax(axis=1)
    found[every, first] += (1 << bits) - found.sum(axis=1, dtype=np.int32)
    return found


def shares(weights_RK: np.ndarray, bits: int = SCALE_BITS) -> np.ndarray:
    """Whole weights, of counted symbols say -> int64 frequencies [R, K], each at least 1, every row summing to 2**bits.

    Args:
      weights_RK: whole numbers, 0 ... 2**28, with at least one above 0 in every row.
      bits: 16 or 24.
    """
    rows, codes = weights_RK.shape
    free = _free(codes, bits)
    weights = np.asarray(weights_RK, np.float64)
    # Products stay under 2**53, and no fraction of such integers is rounded up to the next one: float64 divides as
    # integers do, only faster.
    found = np.floor(weights * free / weights.sum(axis=1, keepdims=True)).astype(np.int64)
    left = free - found.sum(axis=1)
    found[np.arange(rows), weights.argmax(axis=1)] += left
    return found + 1


def starts(frequencies_RK: np.ndarray) -> np.ndarray:
    """Sums of the frequencies before each symbol: int32 [R, K + 1], from 0 to the scale."""
    rows, codes = frequencies_RK.shape
    found = np.zeros((rows, codes + 1), np.int32)
    np.cumsum(frequencies_RK, axis=1, out=found[:, 1:])
    return found


def _free(codes: int, bits: int) -> int:
    """What is shared by weight, once everybody has one: no symbol is impossible, and no row needs to be taken from."""
    if not 1 <= codes <= 1 << bits - 1:
        raise ValueError(f"tables of {codes} symbols do not fit frequencies that sum to {1 << bits}")
    return (1 << bits) - codes
