"""A model of this family ready to code with: arrays, token data sets and files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vqvae_jax.codec.bundle import Bundle
from vqvae_jax.codec.interface import (
    LARGE_CHUNK,
    Chunk,
    Grid,
    Mode,
    Options,
    RateOption,
    VideoInfo,
    check_chunk_frames,
    check_chunk_pixels,
)
from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.codec.layout import Layout, LevelLayout
from vqvae_jax.msvqvae.codec.tokenizer import Tokenizer
from vqvae_jax.msvqvae.codec.weights import CONTEXT_MODELS, Weights, context_models, unpack_weights
from vqvae_jax.msvqvae.codec.windows import CodedChunk, WindowEncoder, coded_chunks
from vqvae_jax.msvqvae.indices.index_coder import pack, unpack

if TYPE_CHECKING:  # what trains is not imported to code
    from vqvae_jax.training.snapshot import Snapshot

FAMILY = "msvqvae"
MAX_RATE_WEIGHT = 100.0  # far beyond it nothing but repeats is sent


class CodecModel(Tokenizer):
    """A `Tokenizer` that also codes files: `codec.interface.TokenModel`.

    Args:
      bundle: of this family.

    Raises:
      UserError: if the bundle's content does not fit the family.
    """

    family = FAMILY
    rate_option: RateOption = "rate_weight"

    def __init__(self, bundle: Bundle, weights: Weights | None = None) -> None:
        super().__init__(unpack_weights(bundle) if weights is None else weights, str(bundle.path or bundle.name))
        self.name, self.digest, self.identity, self.origin = bundle.name, bundle.digest, bundle.identity, bundle.origin

    @property
    def clip(self) -> Grid:
        """Frames, height, width that it was trained on."""
        return self.weights.config.clip

    def check(self, options: Options) -> None:
        """Raises a `UserError` unless the options are a mode, a rate weight and chunks that there are."""
        check_chunk_frames(options, self.weights.config.multiple[0])
        if options.quality is not None:
            raise UserError(f"quality={options.quality}: this model has one quality; rate-weight asks for fewer bits")
        if options.effort:
            raise UserError(f"effort={options.effort}: this model's encoder has no more to try; leave it at 0")
        if not 0 <= options.rate_weight <= MAX_RATE_WEIGHT:
            raise UserError(f"rate-weight={options.rate_weight} must be a number from 0 to {MAX_RATE_WEIGHT}")
        if options.rate_weight:
            if options.mode != "range":
                raise UserError(
                    f"rate-weight={options.rate_weight} weighs entropy-coded bits; mode={options.mode} has none, "
                    "leave it at 0"
                )
            context_models(self.weights.tables, self.name)

    def chunk_frames(self, width: int, height: int, options: Options) -> int:
        """Frames of a chunk: the model's clip length, less for pictures above 640x480, so that memory stays bounded."""
        if options.chunk_frames is not None:
            return options.chunk_frames
        stride = self.weights.config.multiple[0]
        fit = LARGE_CHUNK // (width * height) // stride * stride
        return max(stride, min(self.clip[0], fit))

    def layout(self, mode: Mode, width: int, height: int, chunk_frames: int) -> Layout:
        """What a file of such pictures says of the model."""
        levels = {name: LevelLayout(level.strides, level.codes) for name, level in self.levels.items()}
        return Layout(mode, levels, width, height, chunk_frames)

    def encoder(self, video: VideoInfo, options: Options) -> "FileEncoder":
        """For one video.

        Raises:
          UserError: about the options, or if chunks would be too large.
        """
        self.check(options)
        self.check_weights()  # before a file is made with them; a decoder finds out as it goes
        size = self.chunk_frames(video.width, video.height, options)
        return FileEncoder(self, self.layout(options.mode, video.width, video.height, size), options.rate_weight)

    def decoder(self, header: Header, head: Mapping[str, bytes]) -> "FileDecoder":
        """For one file.

        Raises:
          UserError: if the file contradicts the model, or its chunks are too large.
        """
        found = Layout.parse(header)
        expected = self.layout(found.mode, header.width, header.height, header.chunk_frames).levels
        if list(found.levels.items()) != list(expected.items()):
            raise UserError(
                f"its levels are {_plain(found.levels)}, the bundle's {_plain(expected)}; the file is damaged"
            )
        return FileDecoder(self, found, header.frames)


def model_of_snapshot(snapshot: "Snapshot") -> CodecModel:
    """A checkpoint's model for arrays alone: it has no entropy model and no digest."""
    experiment = snapshot.experiment
    weights = Weights(experiment.model, snapshot.params, snapshot.extras["codebooks"], {})
    nameless = Bundle(experiment.name, "", CONTEXT_MODELS, {}, {}, {"step": snapshot.step}, "float32", "")
    return CodecModel(nameless, weights)


class FileEncoder:
    """Codes one video: `codec.interface.ChunkEncoder`.

    Raises:
      UserError: if chunks would be too large.
    """

    file_version = 1
    head_parts: tuple[str, ...] = ()

    def __init__(self, model: CodecModel, layout: Layout, rate_weight: float) -> None:
        size = layout.chunk_frames, layout.padded_width, layout.padded_height
        check_chunk_pixels(f"{layout.width}x{layout.height}", *size)
        self._layout, self._tables, self._strides = layout, model.weights.tables, model.strides
        self._encode: WindowEncoder = model.encode_window
        if rate_weight:
            from vqvae_jax.msvqvae.codec.index_choice import RateWeighted

            models = context_models(model.weights.tables, model.name)
            self._encode = RateWeighted(model.weights, models, rate_weight).encode
        self.parts = tuple(layout.levels)

    def header(self) -> bytes:
        """The layout."""
        return self._layout.pack()

    def chunks(self, frames: Iterable[np.ndarray]) -> Iterator[Chunk]:
        """A part for each level, coarse first."""
        for chunk in coded_chunks(self._encode, self._strides, frames, self._layout.chunk_frames):
            payloads = pack(self._layout.mode, self._tables, chunk.indices)
            yield Chunk(chunk.frames, dict(zip(self.parts, payloads, strict=True)))


class FileDecoder:
    """Decodes one file: `codec.interface.ChunkDecoder`. A chunk's content is its indices by level.

    Raises:
      UserError: if chunks are too large.
    """

    context = 1

    def __init__(self, model: CodecModel, layout: Layout, frames: int) -> None:
        # With its padding, which the decoder of all families does not know.
        size = min(layout.chunk_frames, frames), layout.padded_width, layout.padded_height
        check_chunk_pixels("its pictures", *size)
        self._model, self._layout = model, layout
        self.layers = {name: number + 1 for number, name in enumerate(layout.levels)}

    def unpack(self, chunk: Chunk) -> CodedChunk:
        """Indices of the levels whose parts there are.

        Raises:
          CorruptStreamError: if no encoder wrote these bytes.
        """
        shapes = self._layout.grids(chunk.frames)
        tables, payloads = self._model.weights.tables, list(chunk.parts.values())
        return CodedChunk(chunk.frames, unpack(self._layout.mode, tables, payloads, shapes))

    def decode(
        self,
        before: Sequence[CodedChunk | None],
        chunk: CodedChunk,
        after: Sequence[CodedChunk | None],
        layer: str | None,
    ) -> np.ndarray:
        """Frames of one chunk, uint8 RGB (T, H, W, 3)."""
        previous, following = (None if side is None else side.indices for side in (before[-1], after[0]))
        shape, size = (chunk.frames, self._layout.height, self._layout.width), self._layout.chunk_frames
        return self._model.decoded_chunk(chunk.indices, previous, following, shape, size, layer)


def _plain(levels: Mapping[str, LevelLayout]) -> dict[str, Any]:
    return {name: tuple(level) for name, level in levels.items()}
