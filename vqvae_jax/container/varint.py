"""Unsigned LEB128: seven bits a byte, least significant first, the high bit set on every byte but the last."""


class VarintError(ValueError):
    """Bytes that are no integer as `encode` writes it: cut short, too long, or padded with zeros."""


def encode(value: int) -> bytes:
    """The shortest form of `value` >= 0."""
    if value < 0:
        raise ValueError(f"varints are unsigned, not {value}")
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def decode(data: bytes, offset: int, max_bytes: int) -> tuple[int, int]:
    """The integer that starts at `offset`, of at most `max_bytes` bytes, and the offset behind it.

    Raises:
      VarintError: if `data` ends within it, it is longer than `max_bytes`, or a shorter form exists.
    """
    value = 0
    for place, byte in enumerate(data[offset : offset + max_bytes]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if place and not byte:
                raise VarintError("padded with zeros")
            return value, offset + place + 1
    raise VarintError("cut short or too long")
