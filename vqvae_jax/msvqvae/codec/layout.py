"""What a file of this family says beyond the common header: how indices are written, and the levels' geometry.

In version 1 of the format these are fields of the header itself (docs/format.md); here they are the bytes that the
container passes on: mode, padding right, padding bottom, number of levels, level records.
"""

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from vqvae_jax.codec.interface import MODES, Grid, Mode
from vqvae_jax.config import check, check_choice
from vqvae_jax.container.header import LEVEL_1, Header
from vqvae_jax.errors import ConfigError, UserError

FIRST = struct.Struct("<BBBB")
MAX_INDICES_PER_CHUNK = 2**26
UINT8_MAX = 255


class LevelLayout(NamedTuple):
    """One level of indices."""

    strides: Grid  # pixels per index along time, height, width; 1 to 255 each
    codes: int  # size of the codebook, 2 to 65536; indices lie in [0, codes)


@dataclass(frozen=True)
class Layout:
    """Levels and the sizes of their grids in one file; validated.

    Raises:
      ConfigError: if a field is out of its range, a level is not at least as coarse as the next (each stride a multiple
        of the next level's), `chunk_frames` is no multiple of the temporal stride, or a chunk would hold more than
        `MAX_INDICES_PER_CHUNK` indices.
    """

    mode: Mode
    levels: Mapping[str, LevelLayout]  # coarse first
    width: int  # as coded, before padding
    height: int
    chunk_frames: int

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, MODES)
        for name, level in self.levels.items():
            strides_ok = len(level.strides) == 3 and all(1 <= s <= UINT8_MAX for s in level.strides)
            check(strides_ok, f"level {name}.strides", level.strides, f"three integers from 1 to {UINT8_MAX}")
            check(2 <= level.codes <= 65536, f"level {name}.codes", level.codes, "an integer from 2 to 65536")
        levels = list(self.levels.values())
        for coarse, fine in itertools.pairwise(levels):
            nested = all(c % f == 0 for c, f in zip(coarse.strides, fine.strides, strict=True))
            check(nested, "levels", f"{coarse.strides}, {fine.strides}", "multiples of the next level's strides")
        stride = self.multiple[0]
        whole = self.chunk_frames % stride == 0
        check(whole, "chunk_frames", self.chunk_frames, f"a multiple of the temporal stride {stride}")
        indices = sum(prod(self._grid(level, self.chunk_frames)) for level in levels)
        allowed = f"at most {MAX_INDICES_PER_CHUNK} indices per chunk: a smaller picture or shorter chunks"
        check(indices <= MAX_INDICES_PER_CHUNK, "levels", f"{indices} indices per chunk", allowed)

    @classmethod
    def parse(cls, header: Header) -> "Layout":
        """The layout of a file.

        Raises:
          UserError: if the header's bytes are not what `pack` writes for some layout.
        """
        try:
            return cls._parsed(header)
        except ConfigError as error:
            raise UserError(f"its header is not valid ({error})") from error

    @classmethod
    def _parsed(cls, header: Header) -> "Layout":
        own = header.family_header
        try:
            mode, _, _, count = FIRST.unpack_from(own)
            levels, offset = {}, FIRST.size
            for _ in range(count):
                t, h, w, top_code, name_bytes = LEVEL_1.unpack_from(own, offset)
                offset += LEVEL_1.size
                levels[own[offset : offset + name_bytes].decode("latin-1")] = LevelLayout((t, h, w), top_code + 1)
                offset += name_bytes
        except struct.error as error:
            raise ConfigError("config: the header is shorter than its fields") from error
        check(mode < len(MODES), "mode", mode, f"0 to {len(MODES) - 1}")
        check(tuple(levels) == header.parts, "levels", tuple(levels), f"a level for each part, {header.parts}")
        found = cls(MODES[mode], levels, header.width, header.height, header.chunk_frames)
        # Padding that does not follow from the sizes, bytes left over.
        if found.pack() != own:
            raise ConfigError("config: the header's fields contradict one another")
        return found

    def pack(self) -> bytes:
        """The layout as a header's `family_header`."""
        first = MODES.index(self.mode), self.padded_width - self.width, self.padded_height - self.height
        records = (
            LEVEL_1.pack(*level.strides, level.codes - 1, len(name)) + name.encode("ascii")
            for name, level in self.levels.items()
        )
        return FIRST.pack(*first, len(self.levels)) + b"".join(records)

    @property
    def multiple(self) -> Grid:
        """What coded frames, padded height and padded width are multiples of: the coarsest level's strides."""
        return next(iter(self.levels.values())).strides

    @property
    def padded_width(self) -> int:
        """`width` up to the next multiple; the columns are added on the right."""
        return round_up(self.width, self.multiple[2])

    @property
    def padded_height(self) -> int:
        """`height` up to the next multiple; the rows are added at the bottom."""
        return round_up(self.height, self.multiple[1])

    def grids(self, frames: int) -> dict[str, Grid]:
        """Shape of every level's grid in a chunk of so many frames, which are filled up to the next multiple."""
        coded = round_up(frames, self.multiple[0])
        return {name: self._grid(level, coded) for name, level in self.levels.items()}

    def _grid(self, level: LevelLayout, frames: int) -> Grid:
        t, h, w = level.strides
        return frames // t, self.padded_height // h, self.padded_width // w

    def describe(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "mode": self.mode,
            "padded_width": self.padded_width,
            "padded_height": self.padded_height,
            "levels": {n: {"codes": level.codes, "strides": list(level.strides)} for n, level in self.levels.items()},
        }


def round_up(value: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-value // step) * step
