"""A bundle of this family, ready to code with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jax import Array

from vqvae_jax.codec.bundle import Bundle
from vqvae_jax.codec.groups import PARTS, grouped, padded
from vqvae_jax.codec.interface import (
    MAX_CHUNK_PIXELS,
    Chunk,
    Grid,
    Options,
    RateOption,
    VideoInfo,
    check_chunk_frames,
    check_chunk_pixels,
)
from vqvae_jax.container.header import COMPACT, Header
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.envc.codec import checks
from vqvae_jax.envc.codec.latents import LIMIT, Reader, Walk, Writer
from vqvae_jax.envc.codec.layout import FAMILY, Layout
from vqvae_jax.envc.codec.programs import Programs
from vqvae_jax.envc.codec.weights import unpack_weights
from vqvae_jax.envc.coding import Inter, Intra
from vqvae_jax.envc.config import MULTIPLE
from vqvae_jax.errors import UserError

Latents = Intra[np.ndarray] | Inter[np.ndarray]

GROUP = 12  # frames of a group of pictures, if nobody asks for others


class EnvcModel:
    """See `codec.interface.Model`."""

    family = FAMILY
    rate_option: RateOption = "none"

    def __init__(self, bundle: Bundle) -> None:
        self.name, self.digest, self.identity, self.origin = bundle.name, bundle.digest, bundle.identity, bundle.origin
        self.config, params, self.tables = unpack_weights(bundle)
        self.programs = Programs(self.config, params)

    @property
    def clip(self) -> Grid:
        return self.config.clip

    @property
    def layout(self) -> Layout:
        """What its files say of it."""
        c = self.config
        return Layout(c.ar, c.predictor, c.residual, c.refine)

    def check(self, options: Options) -> None:
        whose = f"{self.name!r} is of family {FAMILY}"
        if options.mode != "range":
            raise UserError(f"mode={options.mode}: {whose}, whose files are always range")
        for name in ("rate_weight", "quality", "effort"):
            value = getattr(options, name)
            if value:
                option = name.replace("_", "-")
                raise UserError(f"{option}={value}: {whose}, whose models have one rate each; choose another bundle")
        check_chunk_frames(options, 1)

    def chunk_frames(self, width: int, height: int, options: Options) -> int:
        if options.chunk_frames is not None:
            return options.chunk_frames
        return min(GROUP, max(MAX_CHUNK_PIXELS // (padded(width, MULTIPLE) * padded(height, MULTIPLE)), 1))

    def encoder(self, video: VideoInfo, options: Options) -> "FileEncoder":
        self.check(options)
        return FileEncoder(self, video, self.chunk_frames(video.width, video.height, options))

    def decoder(self, header: Header, head: Mapping[str, bytes]) -> "FileDecoder":
        layout = Layout.parse(header)
        if layout != self.layout:
            raise UserError(f"its header is of a model with {layout}, not {self.layout}; the file is damaged")
        return FileDecoder(self, header)


class FileEncoder:
    """Codes one video: `codec.interface.ChunkEncoder`.

    Attributes:
      bits: of each part of the code so far ("inter_m" is the motion), without what finishes a stream.

    Raises:
      UserError: if chunks would be too large.
    """

    file_version = COMPACT
    parts: tuple[str, ...] = PARTS
    head_parts: tuple[str, ...] = ()

    def __init__(self, model: EnvcModel, video: VideoInfo, chunk_frames: int) -> None:
        self._model, self._size = model, chunk_frames
        self._padding = padding_of(video.height), padding_of(video.width), (0, 0)
        self._padded = padded(video.height, MULTIPLE), padded(video.width, MULTIPLE)
        check_chunk_pixels(f"{video.width}x{video.height}", chunk_frames, self._padded[1], self._padded[0])
        self.bits: dict[str, float] = {}

    def header(self) -> bytes:
        """The kind of model."""
        return self._model.layout.pack()

    def chunks(self, frames: Iterable[np.ndarray]) -> Iterator[Chunk]:
        """Groups of an I frame and P frames, of one part each."""
        return map(self._chunk, grouped(frames, self._size))

    def _chunk(self, group: Sequence[np.ndarray]) -> Chunk:
        writer = Writer()
        walk = Walk(self._model.programs, self._model.tables, writer, self._padded)
        found: list[int] = []
        before: Array | None = None
        for frame in group:
            # Padding is the encoder's affair: a decoder cuts it off.
            before = self._frame(walk, np.pad(frame, self._padding, mode="edge")[None], before)
            found.append(checks.checked(found[-1] if found else 0, walk.crc, np.asarray(before)))
        for name, bits in writer.bits.items():
            self.bits[name] = self.bits.get(name, 0.0) + bits
        return Chunk(len(group), {PARTS[0]: checks.pack(found) + writer.stream()})

    def _frame(self, walk: Walk, frame: np.ndarray, before: Array | None) -> Array:
        """Writes a frame; returns it as a decoder will have it."""
        programs = self._model.programs
        if before is None:
            y, z = programs.analyse(frame)
            known = walk.intra(Intra(whole(z), whole(y)))
            return programs.synthesise(known.y)[0]
        motion, current = programs.encode_motion(frame, before)
        m = whole(motion)
        prediction = programs.predict(m, before)
        r, z = programs.encode_residual(current, prediction)
        walk.inter(latents := Inter(m, whole(z), whole(r)))
        return programs.reconstruct(latents.r, prediction)[0]


class FileDecoder:
    """Decodes one file: `codec.interface.ChunkDecoder`. A chunk's content is the latents of its frames, each with the
    CRC-32 of `latents.Walk`, and the group's checks.

    Raises:
      UserError: if chunks are too large.
    """

    context, layers = 0, {PARTS[0]: 1}

    def __init__(self, model: EnvcModel, header: Header) -> None:
        self._model, self._shown = model, (header.height, header.width)
        self._padded = padded(header.height, MULTIPLE), padded(header.width, MULTIPLE)
        frames = min(header.chunk_frames, header.frames)
        check_chunk_pixels("its pictures", frames, self._padded[1], self._padded[0])

    def unpack(self, chunk: Chunk) -> tuple[list[tuple[Latents, int]], bytes]:
        """Latents and checks.

        Raises:
          CorruptStreamError: if no encoder wrote these bytes, or one that computes other distributions.
        """
        payload, size = chunk.parts[PARTS[0]], checks.size_of(chunk.frames)
        try:
            reader = Reader(payload[size:])
            walk = Walk(self._model.programs, self._model.tables, reader, self._padded)
            frames = [(walk.inter() if number else walk.intra(), walk.crc) for number in range(chunk.frames)]
            reader.check_end()
        except CorruptStreamError as error:
            raise CorruptStreamError(
                f"{error}; where its bytes are right, they were coded by a machine or software that computes other "
                "numbers than this"
            ) from error
        return frames, payload[:size]

    def decode(
        self,
        before: Sequence[Any],
        chunk: tuple[list[tuple[Latents, int]], bytes],
        after: Sequence[Any],
        layer: str | None,
    ) -> np.ndarray:
        """Frames of one chunk, uint8 RGB (T, H, W, 3).

        Raises:
          CorruptStreamError: if they are not those that the encoder had.
        """
        programs, (frames, wanted) = self._model.programs, chunk
        (height, width), (top, left) = self._shown, (padding_of(side)[0] for side in self._shown)
        shown = np.empty((len(frames), height, width, 3), np.uint8)
        reference: Array | None = None
        check = 0
        for number, (latents, crc) in enumerate(frames):
            if isinstance(latents, Intra):
                reference, picture = programs.synthesise(latents.y)
            else:
                assert reference is not None
                prediction = programs.predict(latents.m, reference)
                reference, picture = programs.reconstruct(latents.r, prediction)
            check = checks.checked(check, crc, np.asarray(reference))
            checks.compare(number, check, wanted)
            shown[number] = np.asarray(picture)[0, top : top + height, left : left + width]
        return shown


def whole(latents: np.ndarray) -> np.ndarray:
    """Latents as they are sent, int32.

    Raises:
      UserError: if one is not finite.
    """
    if not np.isfinite(latents).all():
        raise UserError("the model gives latents that are not finite for these frames; its bundle is of no use")
    return np.clip(np.rint(latents), -LIMIT, LIMIT - 1).astype(np.int32)


def padding_of(side: int) -> tuple[int, int]:
    """Of a side: pictures lie in the middle of the padded ones, a pixel nearer to the beginning where they cannot."""
    more = padded(side, MULTIPLE) - side
    return more // 2, more - more // 2
