"""Random damage to a file, for fuzzing."""

import random

EXTREMES = [b"\0", b"\x7f", b"\x80", b"\xff", b"\0\0", b"\xff\xff", b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f"]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One to three mutations, half of them near the two ends, where header and index are."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = _position(len(out), rng)
        span = min(rng.choice((1, 2, 4, 16, 64)), len(out) - at)
        match rng.randrange(8):
            case 0 | 1:
                if span:
                    out[at] ^= 1 << rng.randrange(8)
            case 2:
                out[at : at + span] = rng.randbytes(span)
            case 3:
                extreme = rng.choice(EXTREMES)
                out[at : at + len(extreme)] = extreme
            case 4:
                del out[at : at + span]
            case 5:
                out[at:at] = rng.randbytes(span)
            case 6:
                source = _position(len(out), rng)
                out[at : at + span] = out[source : source + span]
            case 7:
                del out[at:]
    return bytes(out)


def _position(size: int, rng: random.Random) -> int:
    region = rng.randrange(4)
    if region == 0:
        return rng.randrange(min(80, size) + 1)
    if region == 1:
        return size - rng.randrange(min(40, size) + 1)
    return rng.randrange(size + 1)
