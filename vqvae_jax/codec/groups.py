"""What families share whose chunks are closed groups of pictures, of one part each."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError

Frame = TypeVar("Frame")

PARTS = ("y",)  # a byte of the name is a thousandth of a small file


def grouped(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """Frames in lists of `size`; the last may be shorter."""
    group: list[Frame] = []
    for frame in frames:
        group.append(frame)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def padded(side: int, multiple: int) -> int:
    """The next multiple."""
    return -(-side // multiple) * multiple


def family_header(header: Header, family: str, size: int) -> bytes:
    """The family's part of a file's header.

    Args:
      header: of the file.
      family: that wrote it.
      size: bytes that its part has.

    Raises:
      UserError: if parts or size are not the family's, or are of a later version.
    """
    if header.parts != PARTS or header.head_parts:
        raise UserError(f"its parts are {', '.join((*header.head_parts, *header.parts))}, not y; it is damaged")
    if len(header.family_header) != size:
        raise unreadable(header, family)
    return header.family_header


def unreadable(header: Header, family: str) -> UserError:
    """For a family's part that says what this program does not know."""
    return UserError(
        f"its {family} header is {header.family_header[:8].hex()}, which this program cannot read; update it"
    )
