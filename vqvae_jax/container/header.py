"""What a file says about its video: sizes, rate, levels, and the geometry of chunks that follows from them."""

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Literal, get_args

from vqvae_jax.config import check, check_choice

Mode = Literal["range", "deflate", "fixed"]
MODES: tuple[Mode, ...] = get_args(Mode)

BUNDLE_BYTES = 8
MAX_LEVELS = 4
MAX_NAME_BYTES = 15
MAX_SIDE = 2**14
MAX_INDICES_PER_CHUNK = 2**26
UINT8_MAX, UINT16_MAX, UINT32_MAX = 2**8 - 1, 2**16 - 1, 2**32 - 1


@dataclass(frozen=True)
class LevelLayout:
    """One level of indices."""

    name: str  # 1 to 15 printable ASCII characters
    strides: tuple[int, int, int]  # pixels per index along time, height, width; 1 to 255 each
    codes: int  # size of the codebook, 2 to 65536; indices lie in [0, codes)

    def __post_init__(self) -> None:
        name_ok = isinstance(self.name, str) and self.name.isascii() and self.name.isprintable()
        check(name_ok and 1 <= len(self.name) <= MAX_NAME_BYTES, "level.name", self.name, "1 to 15 printable ASCII")
        check(len(self.strides) == 3, "level.strides", self.strides, "three integers: time, height, width")
        for stride in self.strides:
            _check_integer("level.strides", stride, 1, UINT8_MAX)
        _check_integer("level.codes", self.codes, 2, UINT16_MAX + 1)


@dataclass(frozen=True)
class Header:
    """Everything a file says about its video; validated, so that a header in hand can be trusted.

    Raises:
      ConfigError: if a field is out of its range, names repeat, a level is not at least as coarse as the next (each
        stride a multiple of the next level's), `chunk_frames` is no multiple of the temporal stride, or a chunk would
        hold more than `MAX_INDICES_PER_CHUNK` indices.
    """

    mode: Mode
    bundle: bytes  # 8 bytes: start of the digest of the model file
    width: int  # pixels as coded, before padding; 1 to 16384
    height: int
    source_width: int  # pixels of the source video, whose aspect the picture is shown at; 1 to 65535
    source_height: int
    rate: Fraction  # frames per second; numerator and denominator below 2**32
    frames: int  # 1 to 2**32 - 1
    chunk_frames: int  # frames of every chunk but the last; a multiple of the temporal stride, up to 65535
    levels: tuple[LevelLayout, ...]  # 1 to 4, coarse first

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, MODES)
        bundle_ok = isinstance(self.bundle, bytes) and len(self.bundle) == BUNDLE_BYTES
        check(bundle_ok, "bundle", self.bundle, f"{BUNDLE_BYTES} bytes")
        _check_integer("width", self.width, 1, MAX_SIDE)
        _check_integer("height", self.height, 1, MAX_SIDE)
        _check_integer("source_width", self.source_width, 1, UINT16_MAX)
        _check_integer("source_height", self.source_height, 1, UINT16_MAX)
        check(isinstance(self.rate, Fraction), "rate", self.rate, "a Fraction")
        _check_integer("rate.numerator", self.rate.numerator, 1, UINT32_MAX)
        _check_integer("rate.denominator", self.rate.denominator, 1, UINT32_MAX)
        _check_integer("frames", self.frames, 1, UINT32_MAX)
        _check_integer("chunk_frames", self.chunk_frames, 1, UINT16_MAX)
        self._check_levels()

    def _check_levels(self) -> None:
        check(1 <= len(self.levels) <= MAX_LEVELS, "levels", len(self.levels), f"1 to {MAX_LEVELS} levels")
        names = [level.name for level in self.levels]
        check(len(set(names)) == len(names), "levels", names, "names that differ")
        for coarse, fine in zip(self.levels, self.levels[1:], strict=False):
            nested = all(c % f == 0 for c, f in zip(coarse.strides, fine.strides, strict=True))
            check(
                nested, "levels", f"{coarse.strides}, {fine.strides}", "strides that are multiples of the next level's"
            )
        whole = self.chunk_frames % self.temporal_stride == 0
        check(whole, "chunk_frames", self.chunk_frames, f"a multiple of the temporal stride {self.temporal_stride}")
        indices = sum(prod(self._grid(level, self.chunk_frames)) for level in self.levels)
        allowed = f"at most {MAX_INDICES_PER_CHUNK} indices per chunk: a smaller picture or shorter chunks"
        check(indices <= MAX_INDICES_PER_CHUNK, "levels", f"{indices} indices per chunk", allowed)

    @property
    def temporal_stride(self) -> int:
        """Frames per index of the coarsest level."""
        return self.levels[0].strides[0]

    @property
    def padded_width(self) -> int:
        """`width` up to the next multiple of the coarsest stride; the columns are added on the right."""
        return _round_up(self.width, self.levels[0].strides[2])

    @property
    def padded_height(self) -> int:
        """`height` up to the next multiple of the coarsest stride; the rows are added at the bottom."""
        return _round_up(self.height, self.levels[0].strides[1])

    @property
    def chunks(self) -> int:
        """Number of chunks, at least 1."""
        return -(-self.frames // self.chunk_frames)

    def frames_in_chunk(self, chunk: int) -> int:
        """Frames of the video in a chunk: `chunk_frames`, fewer in the last.

        Raises:
          IndexError: if there is no such chunk.
        """
        if not 0 <= chunk < self.chunks:
            raise IndexError(f"chunk {chunk} of {self.chunks}")
        return min(self.chunk_frames, self.frames - chunk * self.chunk_frames)

    def coded_frames_in_chunk(self, chunk: int) -> int:
        """Frames as coded: the last chunk repeats its last frame up to the next multiple of the temporal stride."""
        return _round_up(self.frames_in_chunk(chunk), self.temporal_stride)

    def grid(self, level: int, chunk: int) -> tuple[int, int, int]:
        """Indices along time, height and width of level number `level` (0 is the coarsest) in a chunk."""
        return self._grid(self.levels[level], self.coded_frames_in_chunk(chunk))

    def _grid(self, level: LevelLayout, frames: int) -> tuple[int, int, int]:
        t, h, w = level.strides
        return frames // t, self.padded_height // h, self.padded_width // w


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _check_integer(field: str, value: object, low: int, high: int) -> None:
    ok = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    check(ok, field, value, f"an integer from {low} to {high}")
