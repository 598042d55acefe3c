"""Range asymmetric numeral systems (Duda 2013) over integer frequencies that sum to 2**16.

State in [2**24, 2**40), renormalised by 16 bits: 256 states per frequency unit keep the loss against the tables'
cross-entropy under 0.1 %. A stream is the final state (5 bytes) and the 16-bit words, both little-endian, in the order
in which the decoder wants them. The encoder starts from the lowest state, so a decoder that does not end there, or
with words left, has read something else than was written.
"""

from collections.abc import Sequence

import numpy as np

from vqvae_jax.errors import UserError

SCALE_BITS = 16
SCALE = 1 << SCALE_BITS  # what the frequencies of a table sum to
LOWEST = 1 << 24
STATE_BYTES = 5


class CorruptStreamError(UserError):
    """Bytes that no encoder with these tables wrote."""


def encode(starts: Sequence[int], frequencies: Sequence[int]) -> bytes:
    """The stream from which a decoder reads the symbols in the given order.

    Args:
      starts: of each symbol, the sum of the frequencies before it in its table.
      frequencies: of each symbol, 1 ... 2**16.
    """
    state, words = LOWEST, []
    for start, frequency in zip(reversed(starts), reversed(frequencies), strict=True):
        if state >= frequency << 24:
            words.append(state & 0xFFFF)
            state >>= 16
        # quotient * 2**16 + remainder + start, with one division.
        state += state // frequency * (SCALE - frequency) + start
    words.reverse()
    return state.to_bytes(STATE_BYTES, "little") + np.array(words, "<u2").tobytes()


def split(stream: bytes) -> tuple[int, list[int]]:
    """The state and the words that a decoder starts with.

    Raises:
      CorruptStreamError: if the length or the state cannot be an encoder's.
    """
    if len(stream) < STATE_BYTES or (len(stream) - STATE_BYTES) % 2:
        raise CorruptStreamError(f"an entropy-coded stream cannot be {len(stream)} bytes long")
    state = int.from_bytes(stream[:STATE_BYTES], "little")
    if state < LOWEST:
        raise CorruptStreamError("an entropy-coded stream starts with an impossible state")
    return state, np.frombuffer(stream, "<u2", offset=STATE_BYTES).tolist()


def check_end(state: int, words_read: int, words: int) -> None:
    """Raises `CorruptStreamError` unless a decoder that took all symbols is where the encoder began."""
    if state != LOWEST or words_read != words:
        raise CorruptStreamError("an entropy-coded stream does not end where its encoder began")


class Reader:
    """Where a decoder stands. Loops that run once per symbol keep these in local variables."""

    def __init__(self, stream: bytes) -> None:
        self.state, self.words = split(stream)
        self.position = 0

    def check_end(self) -> None:
        """Raises `CorruptStreamError` unless the stream ends here."""
        check_end(self.state, self.position, len(self.words))
