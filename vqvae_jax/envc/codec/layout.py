"""The family's part of a file's header: which models it takes."""

from typing import Any, NamedTuple

from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError

PARTS = ("y",)  # a byte of the name is a thousandth of a small file
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
        content = header.family_header
        if header.parts != PARTS or header.head_parts:
            raise UserError(f"its parts are {', '.join((*header.head_parts, *header.parts))}, not y; it is damaged")
        if len(content) != 1 or content[0] >= 1 << 5:
            raise UserError(f"its {FAMILY} header is {content[:8].hex()}, which this program cannot read; update it")
        (flags,) = content
        residual = "pixel" if flags >> 3 & 1 else "feature"
        return cls(bool(flags & 1), PREDICTORS[flags >> 1 & 3], residual, bool(flags >> 4))

    def describe(self) -> dict[str, Any]:
        """As JSON values."""
        return self._asdict()
