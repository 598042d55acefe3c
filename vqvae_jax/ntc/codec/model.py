"""A bundle of this family, ready to code with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jax import Array

from vqvae_jax.codec.bundle import Bundle
from vqvae_jax.codec.groups import PARTS, grouped, padded
from vqvae_jax.codec.interface import (
    LARGE_CHUNK,
    Chunk,
    Grid,
    Options,
    RateOption,
    VideoInfo,
    check_chunk_frames,
    check_chunk_pixels,
)
from vqvae_jax.container.header import COMPACT, Header
from vqvae_jax.errors import UserError
from vqvae_jax.kept_programs import KeptProgram
from vqvae_jax.ntc.codec.integer_prior import IntegerPrior
from vqvae_jax.ntc.codec.latents import Walk, Writer
from vqvae_jax.ntc.codec.layout import FAMILY, HIGHEST, Layout, rate_of
from vqvae_jax.ntc.codec.weights import floats, unpack_weights
from vqvae_jax.ntc.config import MULTIPLE, PATCH, SLICES, UNIT
from vqvae_jax.training.state import PyTree

DEFAULT_QUALITY = 50.0
MAX_EFFORT = 10_000
MAX_REFINED_FRAMES = 64  # each unit is written out in the program that is compiled
MAX_REFINED_PIXELS = 2**21  # a gradient keeps about two kilobytes for each
Carried = tuple[Any, Any]  # the fields of `ntc.model.Carry`, arrays: features and last frame of a unit

_encode = KeptProgram("vqvae_jax.ntc.codec.programs", "encode")
_decode = KeptProgram("vqvae_jax.ntc.codec.programs", "decode")


class NtcModel:
    """See `codec.interface.Model`."""

    family = FAMILY
    rate_option: RateOption = "quality"

    def __init__(self, bundle: Bundle) -> None:
        self.name, self.digest, self.identity, self.origin = bundle.name, bundle.digest, bundle.identity, bundle.origin
        weights = unpack_weights(bundle)
        self.config, self.transform, self.skip = weights.config, weights.transform, weights.skip
        self.prior = IntegerPrior(weights.prior)
        self._integers = weights.prior

    @property
    def clip(self) -> Grid:
        return self.config.clip

    @cached_property
    def params(self) -> PyTree:
        """Transform and prior as training has them: for gradients."""
        return {"transform": self.transform, "prior": floats(self._integers)}

    def check(self, options: Options) -> None:
        if options.mode != "range":
            raise UserError(f"mode={options.mode}: {self.name!r} is of family {FAMILY}, whose files are always range")
        if options.rate_weight:
            raise UserError(
                f"rate-weight={options.rate_weight}: {self.name!r} is of family {FAMILY}; --quality chooses its rate"
            )
        quality = options.quality
        if quality is not None and not 0 <= quality <= HIGHEST:
            raise UserError(f"quality={quality} is not allowed; expected a number from 0 to {HIGHEST:.0f}")
        if not 0 <= options.effort <= MAX_EFFORT:
            raise UserError(f"effort={options.effort} is not allowed; expected a whole number from 0 to {MAX_EFFORT}")
        check_chunk_frames(options, UNIT)

    def chunk_frames(self, width: int, height: int, options: Options) -> int:
        if options.chunk_frames is not None:
            return options.chunk_frames
        pixels = padded(width, MULTIPLE) * padded(height, MULTIPLE)
        return min(self.config.clip[0], max(LARGE_CHUNK // pixels // UNIT, 1) * UNIT)

    def encoder(self, video: VideoInfo, options: Options) -> "FileEncoder":
        self.check(options)
        size = self.chunk_frames(video.width, video.height, options)
        quality = DEFAULT_QUALITY if options.quality is None else options.quality
        return FileEncoder(self, video, size, rate_of(quality, self.config.rates), options.effort)

    def decoder(self, header: Header, head: Mapping[str, bytes]) -> "FileDecoder":
        return FileDecoder(self, header, Layout.parse(header))


class FileEncoder:
    """Codes one video: `codec.interface.ChunkEncoder`.

    Raises:
      UserError: if chunks would be too large.
    """

    file_version = COMPACT
    parts: tuple[str, ...] = PARTS
    head_parts: tuple[str, ...] = ()

    def __init__(self, model: NtcModel, video: VideoInfo, chunk_frames: int, rate: int, effort: int) -> None:
        self._height, self._width = padded(video.height, MULTIPLE), padded(video.width, MULTIPLE)
        check_chunk_pixels(f"{video.width}x{video.height}", chunk_frames, self._width, self._height)
        pixels = chunk_frames * self._width * self._height
        if effort and (pixels > MAX_REFINED_PIXELS or chunk_frames > MAX_REFINED_FRAMES):
            raise UserError(
                f"effort={effort}: chunks of {chunk_frames} frames of {video.width}x{video.height}; at most "
                f"{MAX_REFINED_FRAMES} frames and {MAX_REFINED_PIXELS:,} pixels are refined at a time: shorter chunks "
                "(--gop), smaller pictures, or no effort"
            )
        self._model, self._size, self._rate = model, chunk_frames, rate
        self._source, self._effort = (video.height, video.width), effort

    def header(self) -> bytes:
        """The rate."""
        return Layout(self._rate).pack()

    def chunks(self, frames: Iterable[np.ndarray]) -> Iterator[Chunk]:
        """Closed groups of pictures, of one part each."""
        return map(self._chunk, grouped(frames, self._size))

    def _chunk(self, group: Sequence[np.ndarray]) -> Chunk:
        height, width = self._source
        padding = (0, -len(group) % UNIT), (0, self._height - height), (0, self._width - width), (0, 0)
        frames = np.pad(np.stack(group), padding, mode="edge")
        payload, shown = self._coded(frames, None)
        if self._effort:
            from vqvae_jax.ntc.codec.refine import refined_latents

            model = self._model
            latents = refined_latents(model.config, model.params, model.skip, frames, self._rate, self._effort)
            refined, others = self._coded(frames, latents)
            cost, lower = self._cost(payload, shown, frames), self._cost(refined, others, frames)
            # The plain encoder sees each unit as it is decoded, skipping included; refinement begins with latents of
            # which none is skipped, and now and then its file costs more.
            payload = refined if lower < cost else payload
        return Chunk(len(group), {PARTS[0]: payload})

    def _coded(self, frames_THWC: np.ndarray, latents: np.ndarray | None) -> tuple[bytes, list[Array]]:
        """A payload, and the units that a decoder will show, still on the device.

        Args:
          frames_THWC: padded to whole units.
          latents: before rounding; without them each unit is encoded with what the decoder will have made of those
            before it.
        """
        grid = self._height // MULTIPLE, self._width // MULTIPLE
        writer = Writer(Walk(self._model.prior, self._rate, self._model.skip, grid))
        program = Program(self._model, self._rate)
        carry: Carried | None = None
        anchor: np.ndarray | None = None
        decoded: list[Array] = []
        for number, begin in enumerate(range(0, len(frames_THWC), UNIT)):
            unit = frames_THWC[begin : begin + UNIT]
            q = writer.unit(program.encode(unit, anchor, carry) if latents is None else latents[number])
            shown, carry = program.decode(q, carry)
            decoded.append(shown)
            anchor = unit[-1]
        return writer.payload(), decoded

    def _cost(self, payload: bytes, shown: Sequence[Array], frames_THWC: np.ndarray) -> float:
        """Bits, and lambda times the squared error."""
        squared = float(np.sum((np.concatenate(shown).astype(np.float64) - frames_THWC) ** 2))
        return 8 * len(payload) + self._model.config.lagrangian(self._rate) * squared / 3


class FileDecoder:
    """Decodes one file: `codec.interface.ChunkDecoder`. A chunk's content is its latents, [U, h, w, M].

    Raises:
      UserError: if chunks are too large, or the rate is none of the model's.
    """

    context, layers = 0, {PARTS[0]: 1}

    def __init__(self, model: NtcModel, header: Header, layout: Layout) -> None:
        self._height, self._width = padded(header.height, MULTIPLE), padded(header.width, MULTIPLE)
        frames = padded(min(header.chunk_frames, header.frames), UNIT)
        check_chunk_pixels("its pictures", frames, self._width, self._height)
        if layout.rate >= model.config.rates:
            raise UserError(f"its rate is number {layout.rate} of {model.config.rates}; the file is damaged")
        self._model, self._layout, self._shown = model, layout, (header.height, header.width)

    def unpack(self, chunk: Chunk) -> tuple[int, np.ndarray]:
        """Frames, and latents.

        Raises:
          CorruptStreamError: if no encoder wrote these bytes.
        """
        grid = self._height // MULTIPLE, self._width // MULTIPLE
        walk = Walk(self._model.prior, self._layout.rate, self._model.skip, grid)
        units = -(-chunk.frames // UNIT)
        found = walk.read(chunk.parts[PARTS[0]], units)
        return chunk.frames, np.stack([q.astype(np.int32) for q in found])

    def decode(
        self, before: Sequence[Any], chunk: tuple[int, np.ndarray], after: Sequence[Any], layer: str | None
    ) -> np.ndarray:
        """Frames of one chunk, uint8 RGB (T, H, W, 3)."""
        frames, latents = chunk
        program = Program(self._model, self._layout.rate)
        carry: Carried | None = None
        height, width = self._shown
        shown = np.empty((len(latents) * UNIT, height, width, 3), np.uint8)
        for number, q in enumerate(latents):
            unit, carry = program.decode(q, carry)
            shown[number * UNIT : (number + 1) * UNIT] = np.asarray(unit)[:, :height, :width]
        return shown[:frames]


class Program:
    """The transform for one unit at a time, at one rate; compiled once for each size of picture."""

    def __init__(self, model: NtcModel, rate: int) -> None:
        self._config, self._params, self._rate = model.config, model.transform, np.full((1,), rate, np.int32)

    def encode(self, unit_THWC: np.ndarray, anchor_HWC: np.ndarray | None, carry: Carried | None) -> np.ndarray:
        """Latents of uint8 frames before rounding: float32 [h, w, M].

        Args:
          unit_THWC: four frames.
          anchor_HWC: the frame before them; none in the first unit of a group of pictures.
          carry: of the unit before; none in the first.
        """
        anchor = unit_THWC[0] if anchor_HWC is None else anchor_HWC
        before = self._nothing(*unit_THWC.shape[1:3]) if carry is None else carry
        known = np.bool_(carry is not None)
        return np.asarray(_encode(self._config, self._params, unit_THWC, anchor, known, before, self._rate))

    def decode(self, q_hwM: np.ndarray, carry: Carried | None) -> tuple[Array, Carried]:
        """Frames uint8 [4, H, W, 3] of whole latents; `carry` as for `encode`."""
        before = self._nothing(*(MULTIPLE * side for side in q_hwM.shape[:2])) if carry is None else carry
        known, q = np.bool_(carry is not None), q_hwM.astype(np.float32)
        frames, *carried = _decode(self._config, self._params, q, known, before, self._rate)
        return frames, (carried[0], carried[1])

    def _nothing(self, height: int, width: int) -> Carried:
        """In place of a carry that is not there: what a group of pictures starts from is made where it is needed, for
        a program of its own would take as long to load as the others.
        """
        shapes = (SLICES, height // PATCH, width // PATCH, self._config.width), (height, width, 3)
        return np.zeros((1, *shapes[0]), np.float32), np.zeros((1, *shapes[1]), np.float32)
