"""Files of scenes: a decoder that needs the file alone, and an encoder of scenes that were fitted before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from vqvae_jax.codec.interface import (
    MAX_CHUNK_PIXELS,
    Chunk,
    Grid,
    Options,
    RateOption,
    VideoInfo,
    check_chunk_frames,
)
from vqvae_jax.container import varint
from vqvae_jax.container.header import COMPACT, SHORT_BUNDLE_BYTES, Header
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.errors import UserError
from vqvae_jax.mvc.codec.embedding import read_group, write_group
from vqvae_jax.mvc.codec.frames import Program, check_activations
from vqvae_jax.mvc.codec.layout import FAMILY, HEAD_PARTS, PARTS, Layout
from vqvae_jax.mvc.codec.scene import Described, Scene, read_scene, write_scene
from vqvae_jax.mvc.quantise import values

GROUP = 16  # frames of a group, if nobody asks for others
MOST_NUMBERS = 1 << 22  # of a group's embeddings
_LENGTH_BYTES = 4


class Segment(NamedTuple):
    """What a group has of a scene."""

    scene: int
    frames: slice  # of the scene


class MvcModel:
    """See `codec.interface.Model`. Decodes any file; encodes the video whose scenes it was made with.

    Args:
      scenes: of the video, in order; none to decode alone.
      embed_bits: of embeddings.
    """

    family = name = FAMILY
    digest = ""
    identity = bytes(SHORT_BUNDLE_BYTES)  # no bundle's
    rate_option: RateOption = "none"

    def __init__(self, scenes: Sequence[Scene] = (), embed_bits: int = 8) -> None:
        self.scenes, self.embed_bits = tuple(scenes), embed_bits
        self.origin: dict[str, Any] = {}

    @property
    def clip(self) -> Grid:
        """Of the video that it was made for."""
        return sum(s.config.frames for s in self.scenes), *(self.scenes[0].config.clip[1:] if self.scenes else (0, 0))

    def check(self, options: Options) -> None:
        check_options(options)

    def chunk_frames(self, width: int, height: int, options: Options) -> int:
        if options.chunk_frames is not None:
            return options.chunk_frames
        return min(GROUP, max(MAX_CHUNK_PIXELS // (width * height), 1))

    def encoder(self, video: VideoInfo, options: Options) -> "FileEncoder":
        self.check(options)
        if (video.height, video.width) != self.clip[1:]:
            raise UserError(f"pictures of {video.width}x{video.height}; the scenes were fitted to {self.clip[1:]}")
        return FileEncoder(self, self.chunk_frames(video.width, video.height, options))

    def decoder(self, header: Header, head: Mapping[str, bytes]) -> "FileDecoder":
        return FileDecoder(header, Layout.parse(header), head[HEAD_PARTS[0]])


def check_options(options: Options) -> None:
    """Raises a `UserError` for what no file of this family has."""
    whose = f"files of family {FAMILY}"
    if options.mode != "range":
        raise UserError(f"mode={options.mode}: {whose} are always range")
    for name in ("rate_weight", "quality", "effort"):
        if value := getattr(options, name):
            option = name.replace("_", "-")
            raise UserError(f"{option}={value}: {whose} have none; --bpp or --parameters sets their rate")
    check_chunk_frames(options, 1)


def segments(lengths: Sequence[int], start: int, frames: int) -> list[Segment]:
    """What scenes of these lengths have in the frames from `start` on."""
    found = []
    for scene, end in enumerate(accumulate(lengths)):
        begin = end - lengths[scene]
        first, last = max(start, begin), min(start + frames, end)
        if first < last:
            found.append(Segment(scene, slice(first - begin, last - begin)))
    return found


class FileEncoder:
    """Writes fitted scenes: `codec.interface.ChunkEncoder`."""

    file_version = COMPACT
    parts: tuple[str, ...] = PARTS
    head_parts: tuple[str, ...] = HEAD_PARTS

    def __init__(self, model: MvcModel, size: int) -> None:
        self._scenes, self._size, self._embed_bits = model.scenes, size, model.embed_bits
        self._lengths = [scene.config.frames for scene in model.scenes]

    def header(self) -> bytes:
        """Network and scenes."""
        return Layout.of([scene.config for scene in self._scenes], self._embed_bits).pack()

    def chunks(self, frames: Iterable[np.ndarray]) -> Iterator[Chunk]:
        """The weights, then embeddings in groups; frames are counted, for what they look like is in the weights.

        Raises:
          ValueError: if they are not as many as the scenes have.
        """
        total = sum(self._lengths)
        groups = [segments(self._lengths, start, self._size) for start in range(0, total, self._size)]
        head, tables = b"", []
        for number, scene in enumerate(self._scenes):
            content, found = write_scene(scene, [s.frames for group in groups for s in group if s.scene == number])
            head += varint.encode(len(content)) + content
            tables.append(found)
        yield Chunk(0, {HEAD_PARTS[0]: head})
        count = 0
        for _ in frames:
            count += 1
            if count % self._size == 0 or count == total:
                group = groups[(count - 1) // self._size]
                payload = _joined([self._segment(tables[s.scene], s) for s in group])
                yield Chunk(sum(s.frames.stop - s.frames.start for s in group), {PARTS[0]: payload})
        if count != total:
            raise ValueError(f"{count} frames of a video whose scenes have {total}")

    def _segment(self, tables: Any, segment: Segment) -> bytes:
        embedding = self._scenes[segment.scene].embedding
        return (
            b"" if embedding is None else write_group(tables, embedding.numbers[segment.frames], 1 << self._embed_bits)
        )


def _joined(segments: Sequence[bytes]) -> bytes:
    """All but the last with their lengths before them."""
    return b"".join(varint.encode(len(s)) + s for s in segments[:-1]) + segments[-1]


class FileDecoder:
    """Decodes one file: `codec.interface.ChunkDecoder`. A chunk's content is scene, numbers of frames and embeddings of
    each of its segments. A scene's weights are read when one of its frames is asked for.

    Raises:
      UserError: if head and header contradict one another, or the network is too large.
    """

    context, layers = 0, {PARTS[0]: 1}

    def __init__(self, header: Header, layout: Layout, head: bytes) -> None:
        self._levels = 1 << layout.embed_bits
        self._lengths = [scene.frames for scene in layout.scenes]
        self._configs = [layout.scene_config(n, header.width, header.height) for n in range(len(layout.scenes))]
        for config in self._configs:
            check_activations(config)
        numbers = layout.h * layout.w * layout.context_channels * min(header.chunk_frames, header.frames)
        if numbers > MOST_NUMBERS:
            raise UserError(
                f"its chunks have {numbers:,} numbers beside the weights; at most {MOST_NUMBERS:,} are read"
            )
        self._contents, offset = [], 0
        for number in range(len(self._configs)):
            try:
                length, offset = varint.decode(head, offset, _LENGTH_BYTES)
            except varint.VarintError as error:
                raise UserError(f"its weights end before scene {number}; the file is damaged") from error
            self._contents.append(head[offset : offset + length])
            offset += length
        if offset != len(head):
            raise UserError(f"its weights are {len(head):,} bytes, its scenes say {offset:,}; the file is damaged")
        self._read: dict[int, Described] = {}
        self._programs: dict[int, Program] = {}

    def scene(self, number: int) -> Described:
        """A scene's weights and tables, read once.

        Raises:
          CorruptStreamError: if no encoder wrote them.
        """
        if number not in self._read:
            try:
                self._read[number] = read_scene(self._configs[number], self._contents[number], self._levels)
            except CorruptStreamError as error:
                raise CorruptStreamError(f"weights of scene {number}: {error}") from error
        return self._read[number]

    def unpack(self, chunk: Chunk) -> list[tuple[Segment, np.ndarray | None]]:
        """Embeddings of every segment, float32 [T, h, w, c].

        Raises:
          CorruptStreamError: if no encoder wrote these bytes or its scenes' weights.
        """
        found = segments(self._lengths, chunk.start, chunk.frames)
        parts, data, offset = [], chunk.parts[PARTS[0]], 0
        try:
            for _ in found[:-1]:
                length, offset = varint.decode(data, offset, _LENGTH_BYTES)
                parts.append(data[offset : offset + length])
                offset += length
        except varint.VarintError as error:
            raise CorruptStreamError("a group's embeddings are cut short") from error
        parts.append(data[offset:])
        return [(segment, self._embedding(segment, part)) for segment, part in zip(found, parts, strict=True)]

    def _embedding(self, segment: Segment, data: bytes) -> np.ndarray | None:
        described, config = self.scene(segment.scene), self._configs[segment.scene]
        if described.grid is None:
            if data:
                raise CorruptStreamError(f"{len(data)} bytes of embeddings in a file that has none")
            return None
        shape = segment.frames.stop - segment.frames.start, config.h, config.w, config.context_channels
        return values(read_group(described.tables, data, shape, self._levels), described.grid)

    def decode(
        self,
        before: Sequence[Any],
        chunk: list[tuple[Segment, np.ndarray | None]],
        after: Sequence[Any],
        layer: str | None,
    ) -> np.ndarray:
        """Frames of one chunk, uint8 RGB (T, H, W, 3)."""
        found = []
        for segment, embedding in chunk:
            number = segment.scene
            if number not in self._programs:
                self._programs[number] = Program(self._configs[number], self.scene(number).weights)
            frames = range(segment.frames.start, segment.frames.stop)
            found.append(self._programs[number].frames(frames, embedding))
        return np.concatenate(found)
