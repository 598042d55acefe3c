"""The family's part of a file's header: the rate."""

import struct
from typing import Any, NamedTuple

from vqvae_jax.codec.groups import family_header
from vqvae_jax.container.header import Header

FAMILY = "ntc"
_FIELDS = struct.Struct("<H")
HIGHEST = 100.0  # quality


class Layout(NamedTuple):
    """What the decoder needs to know of a file."""

    rate: int  # number of the rate

    def pack(self) -> bytes:
        """As bytes of the header."""
        return _FIELDS.pack(self.rate)

    @classmethod
    def parse(cls, header: Header) -> "Layout":
        """The inverse.

        Raises:
          UserError: if the header is not one of this family's, or of a later version.
        """
        return cls(*_FIELDS.unpack(family_header(header, FAMILY, _FIELDS.size)))

    def describe(self) -> dict[str, Any]:
        """As JSON values."""
        return {"rate": self.rate}


def rate_of(quality: float, rates: int) -> int:
    """The number of the rate for a quality of 0 to 100."""
    return round(quality / HIGHEST * (rates - 1))
