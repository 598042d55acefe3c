"""The family's part of a file's header: which models it takes."""

from typing import Any, NamedTuple

from vqvae_jax.codec.groups import family_header, unreadable
from vqvae_jax.container.header import Header

FAMILY = "envc"
PREDICTORS = ("cross_scale", "pixel_flow", "scale_space", "feature_deform")


class Layout(NamedTuple):
    """What can be said of a file without its model."""

    ar: bool
    predictor: str
    residual: str  # "feature" or "pixel"
    refine: bool

    def pack(self) -> bytes:
        """As bytes of the header."""
        flags = self.ar, PREDICTORS.index(self.predictor) << 1, (self.residual == "pixel") << 3, self.refine << 4
        return bytes([sum(flags)])

    @classmethod
    def parse(cls, header: Header) -> "Layout":
        """The inverse.

        Raises:
          UserError: if the header is not one of this family's, or of a later version.
        """
        (flags,) = family_header(header, FAMILY, 1)
        if flags >= 1 << 5:
            raise unreadable(header, FAMILY)
        residual = "pixel" if flags >> 3 & 1 else "feature"
        return cls(bool(flags & 1), PREDICTORS[flags >> 1 & 3], residual, bool(flags >> 4))

    def describe(self) -> dict[str, Any]:
        """As JSON values."""
        return self._asdict()
