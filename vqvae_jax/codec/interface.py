"""What a family of models says, so that one encoder, one decoder, one command line and one fuzzer serve them all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, get_args

from vqvae_jax.config import is_number, is_whole
from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError

if TYPE_CHECKING:  # NumPy is half of what `vqvae-jax info` would take
    import numpy as np

RAW_BPP = 24  # of 8-bit RGB
LARGE_CHUNK = 32 * 640 * 480  # pixels up to which a chunk keeps the model's clip length
MAX_CHUNK_PIXELS = 2**25  # four frames of 3840x2160

#: How symbols are written: entropy-coded; or as the paper of the first family counts bits, by DEFLATE or fixed length.
Mode = Literal["range", "deflate", "fixed"]
MODES: tuple[Mode, ...] = get_args(Mode)

#: What a family's rate is chosen by, of `Options`; "none": by the bundle alone.
RateOption = Literal["rate_weight", "quality", "none"]

Grid = tuple[int, int, int]  # along time, height, width
Indices = dict[str, "np.ndarray"]  # by level, coarse first, [t, h, w] integers
#: What a family makes of a chunk's bytes before it makes frames of them: symbols, or the bytes themselves.
Content = Any


class VideoInfo(NamedTuple):
    """What an encoder knows of a video before its first frame."""

    width: int  # of the frames that are coded
    height: int
    source_width: int  # of the source, whose aspect a player should show
    source_height: int
    rate: Fraction  # frames per second


class Chunk(NamedTuple):
    """Frames that are coded together, as bytes."""

    frames: int  # of the video; 0 in the head chunk
    parts: dict[str, bytes]  # in decoding order; each gets a checksum of its own
    start: int = 0  # number of its first frame, which decoders are told


@dataclass(frozen=True)
class Options:
    """One set for all families; a family refuses what it does not have.

    Raises:
      UserError: if a value is of the wrong kind.
    """

    mode: Mode = "range"
    rate_weight: float = 0.0  # what a bit is worth to an encoder that weighs bits against errors; 0 does not
    quality: float | None = None  # 0 to 100, for families of several rates; by default the family's choice
    effort: int = 0  # steps of whatever an encoder can do to find a better file for the same decoder; takes longer
    chunk_frames: int | None = None  # frames of a chunk, the unit of random access; by default the model's choice

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UserError(f"mode={self.mode!r} is not allowed; expected one of {', '.join(MODES)}")
        for name, optional, fits, kind in (
            ("rate_weight", False, is_number, float),
            ("quality", True, is_number, float),
            ("effort", False, is_whole, int),
            ("chunk_frames", True, is_whole, int),
        ):
            value = getattr(self, name)
            if optional and value is None:
                continue
            if not fits(value):
                expected = "a finite number" if kind is float else "a whole number"
                raise UserError(f"{name.replace('_', '-')}={value!r} is not allowed; expected {expected}")
            object.__setattr__(self, name, kind(value))  # NumPy's overflow


@dataclass(frozen=True)
class FitWish:
    """What is asked for where a model is fitted to a video.

    Raises:
      UserError: unless one of rate and size is given, all are above 0, and the rate is not above that of raw video.
    """

    bpp: float | None = None  # bits of the whole file per pixel, to be met within a few percent
    parameters: int | None = None  # of the models of all scenes, at most
    epochs: int = 300  # how often a frame is seen

    def __post_init__(self) -> None:
        if (self.bpp is None) == (self.parameters is None):
            raise UserError("--bpp and --parameters: give one of them, the size of the network that is fitted")
        if self.bpp is not None and not (is_number(self.bpp) and 0 < self.bpp <= RAW_BPP):
            raise UserError(f"bpp={self.bpp!r} is not allowed; expected above 0 and at most {RAW_BPP}, raw video")
        for name in ("parameters", "epochs"):
            value = getattr(self, name)
            if value is not None and not (is_whole(value) and value >= 1):
                raise UserError(f"{name}={value!r} is not allowed; expected a whole number of at least 1")


class ChunkEncoder(Protocol):
    """Codes one video."""

    file_version: int  # of the format to write: 1 without the family's name, 2 with it, 3 compact (docs/format.md)
    parts: tuple[str, ...]  # names of a chunk's parts, in decoding order
    head_parts: tuple[str, ...]  # names of the head chunk's; empty if there is none

    def header(self) -> bytes:
        """What the family's decoder needs to know of the file beyond the common header."""

    def chunks(self, frames: Iterable["np.ndarray"]) -> Iterator[Chunk]:
        """The chunks in order, the head chunk (of 0 frames) first if there is one.

        Args:
          frames: uint8 RGB [H, W, 3] of one size, checked.
        """


class ChunkDecoder(Protocol):
    """Decodes one file."""

    context: int  # how many chunks before and after one `decode` wants to see

    @property
    def layers(self) -> Mapping[str, int]:
        """How many leading parts of a chunk each layer takes, coarse first; the last takes all."""

    def unpack(self, chunk: Chunk) -> Content:
        """A chunk, or the leading parts of one, made ready to decode: what neighbours are given as well.

        Raises:
          CorruptStreamError: if no encoder wrote these bytes.
        """

    def decode(
        self, before: Sequence[Content | None], chunk: Content, after: Sequence[Content | None], layer: str | None
    ) -> "np.ndarray":
        """Frames of one chunk, uint8 RGB (T, H, W, 3).

        Args:
          before, after: `context` neighbours each, in order; None outside the video, or where one is lost.
          layer: one of `layers`; none for all.

        Raises:
          CorruptStreamError: if no encoder wrote this.
        """


class Model(Protocol):
    """A model ready to code with: what a bundle becomes."""

    name: str
    family: str
    digest: str  # SHA-256 of the bundle, hexadecimal
    identity: bytes  # the eight by which a coded file names its bundle, or the first four of them
    origin: dict[str, Any]  # what it was made from: step, checkpoint and data digests
    rate_option: RateOption  # which option asks for fewer bits, or more

    @property
    def clip(self) -> Grid:
        """Frames, height, width that it was trained on."""

    def check(self, options: Options) -> None:
        """Raises a `UserError` unless the family has what is asked for."""

    def chunk_frames(self, width: int, height: int, options: Options) -> int:
        """Frames of every chunk but the last, for pictures of this size."""

    def encoder(self, video: VideoInfo, options: Options) -> ChunkEncoder:
        """For one video.

        Raises:
          UserError: about the options, or if chunks would be too large.
        """

    def decoder(self, header: Header, head: Mapping[str, bytes]) -> ChunkDecoder:
        """For one file.

        Args:
          header: of the file.
          head: parts of its head chunk; empty if it has none.

        Raises:
          UserError: if the file contradicts the model, its parts (which any header may name) are not the family's, or
            its chunks are too large.
        """


class Level(NamedTuple):
    """A level of a model's codes."""

    codes: int  # size of the codebook; indices lie in [0, codes)
    dim: int  # width of a code's vector
    strides: tuple[int, int, int]  # frames, rows and columns for one index


class TokenModel(Model, Protocol):
    """A model whose chunks are grids of indices."""

    @property
    def levels(self) -> Mapping[str, Level]:
        """By name, coarse first: every stride is a multiple of the next level's."""

    def encode(self, frames_THWC: "np.ndarray") -> Indices:
        """Indices of one clip of any length and size."""

    def decode(self, indices: Indices, shape: Grid | None = None, level: str | None = None) -> "np.ndarray":
        """Frames of one clip, uint8 RGB (T, H, W, 3)."""

    def latents(self, x_BTHWC: Any) -> dict[str, Any]:
        """Vectors before quantisation by level, float32 [B, t, h, w, D]; a pure function that differentiates.

        Args:
          x_BTHWC: float32 JAX array in [0, 1], of any size.
        """

    def coded_chunks(self, frames: Iterable["np.ndarray"], size: int) -> Iterator[tuple[int, Indices]]:
        """Frames of the video and indices of every chunk of a video, each seen with a little of its neighbours."""

    def decoded_chunk(
        self,
        chunk: Indices,
        before: Indices | None,
        after: Indices | None,
        shape: Grid,
        size: int,
        level: str | None = None,
    ) -> "np.ndarray":
        """Frames of one chunk of `size`, cut to `shape`."""


def check_chunk_frames(options: Options, multiple: int) -> None:
    """Raises a `UserError` that names the option unless chunks are of so many frames, or twice, three times, ..."""
    frames = options.chunk_frames
    if frames is not None and (frames < multiple or frames % multiple):
        expected = f"a multiple of {multiple} frames above 0" if multiple > 1 else "at least 1 frame"
        raise UserError(f"chunk-frames={frames} (--gop) is not allowed; expected {expected}")


def check_chunk_pixels(what: object, frames: int, width: int, height: int) -> None:
    """Raises a `UserError` that begins with `what` if chunks of so many frames of this size are too large to code.

    Coding one takes some hundred bytes of memory for every pixel in it. Asked before anything is allocated for it.
    """
    pixels = frames * width * height
    if pixels > MAX_CHUNK_PIXELS:
        raise UserError(
            f"{what}: chunks of {frames} frames of {width}x{height} are {pixels:,} pixels; at most "
            f"{MAX_CHUNK_PIXELS:,} can be coded: smaller pictures or shorter chunks"
        )
