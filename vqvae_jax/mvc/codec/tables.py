"""Distributions of whole numbers 0 ... K - 1: which of a few kinds is the cheapest, its description, its frequencies.

A table is described in a few bytes: nothing for equal chances, location and scale for three discretised families, and
for counted symbols their costs, which go into the entropy-coded stream as differences. All arithmetic is on integers
(`entropy.mixtures`, `entropy.frequencies`), the same on every machine.
"""

import math
from typing import NamedTuple

import numpy as np

from vqvae_jax.container import varint
from vqvae_jax.entropy.frequencies import WEIGHTS, costs, shares, starts
from vqvae_jax.entropy.mixtures import MEAN_UNITS, SCALES, SCALES_PER_OCTAVE, Kind, Mixture, cumulative
from vqvae_jax.entropy.mixtures import WEIGHTS as WHOLE
from vqvae_jax.entropy.rans import FINE_BITS, CorruptStreamError, Reader
from vqvae_jax.entropy.symbols import Intervals, TableRows

MOST_LEVELS = 1 << 15  # K; of a table that fits 2**16 frequencies and the two that stand for nothing
UNIFORM, COUNTED = 0, 4
PARAMETRIC: dict[int, Kind] = {1: "gaussian", 2: "laplace", 3: "logistic"}
NEVER = 255  # the cost of a symbol that does not occur
MAX_MEAN_BYTES = 4
_STEP_RADIUS = 32  # of the differences between costs, beyond which a number follows


class Table(NamedTuple):
    """One distribution; made by `best_table` or read by `read_table`."""

    kind: int  # `UNIFORM`, one of `PARAMETRIC` or `COUNTED`
    mean: int = 0  # parametric: in 1/64
    scale: int = 0  # number of the scale, see `entropy.mixtures`; of `COUNTED` that of the differences of its costs
    costs: tuple[int, ...] = ()  # `COUNTED`: of every symbol, -log2 of its chance in sixteenths of a bit

    def pack(self) -> bytes:
        """Its description but for the costs."""
        mean = varint.encode(self.mean) if self.kind in PARAMETRIC else b""
        return bytes([self.kind]) + mean + (b"" if self.kind == UNIFORM else bytes([self.scale]))

    def sums(self, levels: int) -> np.ndarray:
        """Sums of 24-bit frequencies, int64 [2 radius + 1], as `symbols.TableRows` wants them.

        The first and the last symbol never occur: behind them that would expect a number. The levels lie between them,
        and one more where their number is odd.
        """
        radius = radius_of(levels)
        if self.kind in PARAMETRIC:
            one = np.array([WHOLE])
            mixture = Mixture(np.array([self.mean - MEAN_UNITS * (radius - 1)]), np.array([self.scale]), one)
            edges = np.arange(-radius, radius + 1)
            return cumulative(PARAMETRIC[self.kind], mixture, edges, radius, FINE_BITS)
        weights = np.zeros(2 * radius, np.int64)
        if self.kind == UNIFORM:
            weights[1 : levels + 1] = 1
        else:
            chances = np.array(self.costs, np.intp)
            weights[1 : levels + 1] = np.where(chances == NEVER, 0, WEIGHTS[chances])
        return starts(shares(weights[None], FINE_BITS))[0].astype(np.int64)

    @property
    def needs_costs(self) -> bool:
        """Whether its description leaves something to the stream."""
        return self.kind == COUNTED

    def write_costs(self) -> Intervals:
        """Intervals of the costs of `COUNTED`, none of other kinds."""
        if not self.needs_costs:
            return [], []
        return _cost_rows(self.scale, len(self.costs)).write(np.diff(self.costs, prepend=NEVER))

    def write(self, symbols: np.ndarray, levels: int) -> Intervals:
        """Intervals of symbols [N] in [0, levels)."""
        rows = TableRows(self.sums(levels)[None], np.zeros(len(symbols), np.intp), FINE_BITS)
        return rows.write(symbols.astype(np.int64) - (radius_of(levels) - 1))


def radius_of(levels: int) -> int:
    """Half of a table's symbols: the levels and at least two that stand for nothing."""
    return (levels + 3) // 2


def unpack_table(data: bytes, offset: int) -> tuple[Table, int]:
    """A description as `Table.pack` writes it, and the offset behind it; costs come with `read_costs`.

    Raises:
      CorruptStreamError: if it is none.
    """
    try:
        kind = data[offset]
        if kind == UNIFORM:
            return Table(kind), offset + 1
        if kind == COUNTED:
            table, offset = Table(kind, 0, data[offset + 1]), offset + 2
        elif kind in PARAMETRIC:
            mean, offset = varint.decode(data, offset + 1, MAX_MEAN_BYTES)
            table, offset = Table(kind, mean, data[offset]), offset + 1
        else:
            raise CorruptStreamError(f"there is no table of kind {kind}")
    except (IndexError, varint.VarintError) as error:
        raise CorruptStreamError("the description of a table is cut short") from error
    if table.scale >= SCALES or table.mean > MEAN_UNITS * MOST_LEVELS:
        raise CorruptStreamError(f"a table of mean {table.mean} and scale number {table.scale}")
    return table, offset


def read_costs(table: Table, levels: int, reader: Reader) -> Table:
    """The table with the costs that `Table.write_costs` wrote.

    Raises:
      CorruptStreamError: if they are none.
    """
    found = NEVER + np.cumsum(_cost_rows(table.scale, levels).read(reader))
    if found.min() < 0 or found.max() > NEVER or found.min() == NEVER:
        raise CorruptStreamError("the costs of counted symbols are none")
    return table._replace(costs=tuple(found.tolist()))


def best_table(symbols: np.ndarray, levels: int) -> Table:
    """The table that codes symbols [N] in [0, levels) in the fewest bits, its own description included."""
    if not 1 <= levels <= MOST_LEVELS:
        raise ValueError(f"tables have 1 to {MOST_LEVELS} levels, not {levels}")
    counts = np.bincount(symbols.reshape(-1).astype(np.int64), minlength=levels)
    if not counts.sum():
        return Table(UNIFORM)
    tables = [Table(UNIFORM), _counted(counts), *(t for kind in PARAMETRIC for t in _parametric(kind, counts))]
    return min(tables, key=lambda table: _bits(table, counts))


def _bits(table: Table, counts: np.ndarray) -> float:
    """Of all symbols under a table, with its description."""
    own = 8 * len(table.pack()) + sum(FINE_BITS - math.log2(f) for f in table.write_costs()[1])
    frequencies = np.diff(table.sums(len(counts)))[1 : len(counts) + 1]
    return own + float(counts @ (FINE_BITS - np.log2(frequencies)))


def _counted(counts: np.ndarray) -> Table:
    """Costs of the symbols' own shares, and the cheapest description of these."""
    used = counts > 0
    chances = np.where(used, counts, 1) / counts.sum()
    found = tuple(np.where(used, np.minimum(costs(chances), NEVER - 1), NEVER).tolist())
    if counts.max() == counts.sum():
        found = tuple(np.where(used, 0, NEVER).tolist())
    tried = (Table(COUNTED, 0, scale, found) for scale in range(0, 113, 8))
    return min(tried, key=lambda table: sum(FINE_BITS - math.log2(f) for f in table.write_costs()[1]))


def _parametric(kind: int, counts: np.ndarray) -> list[Table]:
    """The cheapest scale around that of the moments, for the mean and for the median as location."""
    levels, total = np.arange(len(counts)), counts.sum()
    mean = float(counts @ levels / total)
    median = float(np.searchsorted(np.cumsum(counts), total / 2))

    def best(middle: int, numbers: range) -> Table:
        tables = (Table(kind, middle, min(max(number, 0), SCALES - 1)) for number in numbers)
        return min(tables, key=lambda table: _bits(table, counts))

    found = []
    for middle in {round(MEAN_UNITS * mean), round(MEAN_UNITS * median)}:
        spread = math.sqrt(float(counts @ (levels - middle / MEAN_UNITS) ** 2 / total)) or 2.0**-4
        about = round(SCALES_PER_OCTAVE * (math.log2(spread) + 4))
        coarse = best(middle, range(about - 28, about + 13, 4))
        found.append(best(middle, range(coarse.scale - 3, coarse.scale + 4)))
    return found


def _cost_rows(scale: int, count: int) -> TableRows:
    """Tables of the differences between costs."""
    mixture = Mixture(np.array([0]), np.array([scale]), np.array([WHOLE]))
    edges = np.arange(-_STEP_RADIUS, _STEP_RADIUS + 1)
    sums = cumulative("laplace", mixture, edges, _STEP_RADIUS, FINE_BITS)
    return TableRows(sums[None], np.zeros(count, np.intp), FINE_BITS)
