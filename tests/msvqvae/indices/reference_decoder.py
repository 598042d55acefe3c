"""docs/entropy.md read literally: one symbol after another, big integers, fractions, linear search. Slow on purpose."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor


def sixteenths() -> list[int]:
    """round(2**20 * 2**(-k / 16)) to 50 digits."""
    with localcontext(prec=50):
        return [round(Decimal(2) ** (20 - Decimal(k) / 16)) for k in range(16)]


def frequencies_of(costs: Sequence[int], sixteen: Sequence[int]) -> list[int]:
    """Frequencies of one row of costs."""
    weights = [max(1, sixteen[cost % 16] >> (cost // 16)) for cost in costs]
    total, free = sum(weights), 65536 - len(costs)
    result = [1 + floor(Fraction(weight * free, total)) for weight in weights]
    result[weights.index(max(weights))] += 65536 - sum(result)
    return result


def stream_of(intervals: Sequence[tuple[int, int]]) -> bytes:
    """(start, frequency) of each symbol in decoding order -> stream.

    Renormalises when the next state would leave the range, where the package looks at the state before.
    """
    state, words = 1 << 24, b""
    for start, frequency in reversed(intervals):
        following = (state // frequency) * 65536 + state % frequency + start
        if following >= 1 << 40:
            words = (state % 65536).to_bytes(2, "little") + words
            state //= 65536
            following = (state // frequency) * 65536 + state % frequency + start
        state = following
    return state.to_bytes(5, "little") + words


class SymbolReader:
    """The decoder's state."""

    def __init__(self, stream: bytes) -> None:
        self.state, self.rest = int.from_bytes(stream[:5], "little"), stream[5:]

    def symbol(self, frequencies: Sequence[int]) -> int:
        """The next symbol of an alphabet with these frequencies."""
        slot, start, symbol = self.state % 65536, 0, 0
        while start + frequencies[symbol] <= slot:
            start += frequencies[symbol]
            symbol += 1
        self.state = frequencies[symbol] * (self.state // 65536) + slot - start
        if self.state < 1 << 24:
            self.state = self.state * 65536 + int.from_bytes(self.rest[:2], "little")
            self.rest = self.rest[2:]
        return symbol


def context_of(t, y, x, grid, coarse, activity):
    """Context of the repeat flag at (t, y, x), t >= 1, from `grid` as far as it is decoded (nested lists)."""
    height, width = len(grid[0]), len(grid[0][0])

    def repeated(levels, t, y, x):
        return int(levels[t][y][x] == levels[t - 1][y][x])

    def neighbour(y, x):
        return repeated(grid, t, y, x) if y >= 0 and 0 <= x < width else 2

    past = repeated(grid, t - 1, y, x) if t >= 2 else 2
    above = 2
    if coarse is not None:
        sizes = (len(coarse), len(coarse[0]), len(coarse[0][0]))
        at = [p // -(-n // c) for p, n, c in zip((t, y, x), (len(grid), height, width), sizes, strict=True)]
        above = repeated(coarse, *at) if at[0] >= 1 else 2
    digits = (past, above, neighbour(y, x - 1), neighbour(y - 1, x), neighbour(y - 1, x + 1))
    number = activity[grid[t - 1][y][x]]
    for digit in digits:
        number = 3 * number + digit
    return number


def decoded(stream, shape, arrays, coarse=None):
    """Nested lists [T][H][W] of indices, from a stream and the stored tables."""
    steps, height, width = shape
    codes = len(arrays.activity)
    sixteen = sixteenths()
    previous = [frequencies_of(row, sixteen) for row in arrays.previous_costs.tolist()]
    first = [frequencies_of(row, sixteen) for row in arrays.first_costs.tolist()]
    coarse = None if coarse is None else coarse.tolist()
    repeat, activity = arrays.repeat.tolist(), arrays.activity.tolist()
    reader = SymbolReader(stream)
    grid = [[[-1] * width for _ in range(height)] for _ in range(steps)]
    for t in range(steps):
        for y in range(height):
            for x in range(width):
                if t == 0:
                    beside = grid[0][y][x - 1] if x else grid[0][y - 1][0] if y else codes
                    grid[t][y][x] = reader.symbol(first[int(arrays.first_rows[beside])])
                    continue
                chance = repeat[context_of(t, y, x, grid, coarse, activity)]
                before = grid[t - 1][y][x]
                if reader.symbol([chance, 65536 - chance]) == 0:
                    grid[t][y][x] = before
                else:
                    grid[t][y][x] = reader.symbol(previous[int(arrays.previous_rows[before])])
    assert reader.state == 1 << 24 and not reader.rest
    return grid
