"""Range asymmetric numeral systems (Duda 2013) over integer frequencies that sum to 2**16, or to 2**24.

With totals of 2**n the state is in [2**(n+8), 2**(2n+8)), renormalised by words of n bits: 256 states per unit of
frequency keep the loss against the tables' cross-entropy under 0.1 %, and one word is always enough. A stream is the
final state (5 bytes, or 7) and the words, all little-endian, in the order in which the decoder wants them. The encoder
starts from the lowest state, so a decoder that does not end there, or with words left, has read something else than was
written.

16 bits are enough for tables of many likely symbols. Where most symbols are all but certain, the unit that every symbol
has for itself costs more than they do: 24 bits.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from vqvae_jax.errors import UserError

SCALE_BITS = 16
SCALE = 1 << SCALE_BITS  # what the frequencies of a table sum to, unless more bits are asked for
LOWEST = 1 << 24  # state, with that scale
FINE_BITS = 24
LONGEST_EXCESS = 40  # bits of a number beyond a table's range
TOO_EARLY = "an entropy-coded stream ends too early"
NO_END = "an entropy-coded stream holds a number without end"
NOT_AT_BEGINNING = "an entropy-coded stream does not end where its encoder began"


class CorruptStreamError(UserError):
    """Bytes that no encoder with these tables wrote."""


def encode(starts: Sequence[int], frequencies: Sequence[int], bits: int = SCALE_BITS) -> bytes:
    """The stream from which a decoder reads the symbols in the given order.

    Args:
      starts: of each symbol, the sum of the frequencies before it in its table.
      frequencies: of each symbol, 1 ... 2**bits.
      bits: 16 or 24.
    """
    scale, mask, room, words = 1 << bits, (1 << bits) - 1, bits + 8, []
    state = 1 << room
    for start, frequency in zip(reversed(starts), reversed(frequencies), strict=True):
        if state >= frequency << room:
            words.append(state & mask)
            state >>= bits
        # quotient * 2**bits + remainder + start, with one division.
        state += state // frequency * (scale - frequency) + start
    words.reverse()
    content = np.array(words, "<u4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    return state.to_bytes(state_bytes(bits), "little") + content


def state_bytes(bits: int = SCALE_BITS) -> int:
    """Bytes of the state at the start of a stream."""
    return (2 * bits + 8) // 8


def split(stream: bytes, bits: int = SCALE_BITS) -> tuple[int, list[int]]:
    """The state and the words that a decoder starts with.

    Raises:
      CorruptStreamError: if the length or the state cannot be an encoder's.
    """
    first, width = state_bytes(bits), bits // 8
    if len(stream) < first or (len(stream) - first) % width:
        raise CorruptStreamError(f"an entropy-coded stream cannot be {len(stream)} bytes long")
    state = int.from_bytes(stream[:first], "little")
    if state < 1 << bits + 8:
        raise CorruptStreamError("an entropy-coded stream starts with an impossible state")
    words = np.zeros(((len(stream) - first) // width, 4), np.uint8)
    words[:, :width] = np.frombuffer(stream, np.uint8, offset=first).reshape(-1, width)
    return state, words.view("<u4")[:, 0].tolist()


def check_end(state: int, words_read: int, words: int, bits: int = SCALE_BITS) -> None:
    """Raises `CorruptStreamError` unless a decoder that took all symbols is where the encoder began."""
    if state != 1 << bits + 8 or words_read != words:
        raise CorruptStreamError(NOT_AT_BEGINNING)


class Reader:
    """Where a decoder stands. Loops that run once per symbol keep these in local variables."""

    def __init__(self, stream: bytes, bits: int = SCALE_BITS) -> None:
        self.bits = bits
        self.state, self.words = split(stream, bits)
        self.position = 0

    def symbol(self, cumulative: Callable[[int], int], low: int, high: int) -> int:
        """The next symbol, of [low, high).

        Args:
          cumulative: sum of the frequencies of all symbols below one: 0 at `low`, 2**bits at `high`, strictly
            increasing. Asked for about log2(high - low) symbols only, so that no table need be made.

        Raises:
          CorruptStreamError: if the stream ends too early.
        """
        slot = self.state & (1 << self.bits) - 1
        found = bisect_right(range(low + 1, high), slot, key=cumulative) + low
        start = cumulative(found)
        self._take(slot, start, cumulative(found + 1) - start)
        return found

    def excess(self) -> int:
        """The next number >= 0 of any size, as `excess_intervals` writes it.

        Raises:
          CorruptStreamError: if it is longer than any, or the stream ends too early.
        """
        length = 0
        while not self._bit():
            length += 1
            if length > LONGEST_EXCESS:
                raise CorruptStreamError(NO_END)
        value = 1
        for _ in range(length):
            value = value << 1 | self._bit()
        return value - 1

    def _bit(self) -> int:
        half = 1 << self.bits - 1
        slot = self.state & (1 << self.bits) - 1
        one = slot >= half
        self._take(slot, half if one else 0, half)
        return int(one)

    def _take(self, slot: int, start: int, frequency: int) -> None:
        self.state = frequency * (self.state >> self.bits) + slot - start
        if self.state < 1 << self.bits + 8:
            if self.position == len(self.words):
                raise CorruptStreamError(TOO_EARLY)
            self.state = self.state << self.bits | self.words[self.position]
            self.position += 1

    def check_end(self) -> None:
        """Raises `CorruptStreamError` unless the stream ends here."""
        check_end(self.state, self.position, len(self.words), self.bits)


def excess_intervals(value: int, bits: int = SCALE_BITS) -> Iterable[tuple[int, int]]:
    """Starts and frequencies of a number >= 0 of any size, by an exponential Golomb code of order 0: what a symbol at
    the end of a table's range is followed by, if values may lie beyond it.
    """
    half, length = 1 << bits - 1, (value + 1).bit_length() - 1
    if length > LONGEST_EXCESS:
        raise ValueError(f"{value} is too large to code")
    for place in range(2 * length, -1, -1):  # `length` zeros, then the number itself
        yield (value + 1 >> place & 1) * half, half
