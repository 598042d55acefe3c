"""Writing an .msv file chunk by chunk; it appears under its name only when it is whole."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from vqvae_jax import stopping
from vqvae_jax.container import header_bytes, index, varint
from vqvae_jax.container.chunk import Place, pack_chunk
from vqvae_jax.container.header import UINT32_MAX, Header, LevelLayout, Mode
from vqvae_jax.errors import UserError
from vqvae_jax.files import no_folder, refuse_existing, temporary


class Writer:
    """Writes a file whose number of frames is learned on the way. Keeps about two bytes per chunk in memory.

        with Writer(path, mode="range", ...) as writer:
            writer.add_chunk(32, [top, bottom])

    Writes to a temporary name in the same folder; leaving the block renames it, and an exception removes it.
    The arguments are `Header`'s fields, without `frames`.

    Raises:
      ConfigError: if a field is not allowed.
      UserError: if `path` exists and `overwrite` is not given, is no plain file, or cannot be written; on leaving the
        block, also if no chunk was added.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        mode: Mode,
        bundle: bytes,
        width: int,
        height: int,
        source_width: int,
        source_height: int,
        rate: Fraction,
        chunk_frames: int,
        levels: tuple[LevelLayout, ...],
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        self.bytes_written = 0
        self._overwrite = overwrite
        # One frame stands in for those to come: nothing that is written before the end depends on it.
        self._header = Header(
            mode=mode,
            bundle=bundle,
            width=width,
            height=height,
            source_width=source_width,
            source_height=source_height,
            rate=rate,
            frames=1,
            chunk_frames=chunk_frames,
            levels=levels,
        )
        self._stream_crc = header_bytes.stream_crc(self._header)
        self._sizes = bytearray()
        self._chunks = 0
        self._refuse_existing()
        self._part = temporary(self.path)
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        stopping.begin(self._discard)
        try:
            self._file = self._part.open("xb")
        except OSError as error:
            stopping.end(self._discard)
            raise self._unwritable(error) from error
        # The header's place; until it is filled in, this is no .msv file.
        try:
            self._write(bytes(len(header_bytes.pack(self._header))))
        except UserError:
            self._discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def add_chunk(self, frames: int, payloads: Sequence[bytes]) -> None:
        """Appends a chunk.

        Args:
          frames: frames of the video in it, without repeated ones: `chunk_frames`, or fewer in the last chunk.
          payloads: bytes of each level, coarse first; may be empty, at most 2**28 - 1 each.

        Raises:
          ValueError: if `frames` or `payloads` is not of that form, or a chunk follows a shorter one.
          UserError: if the file cannot be written, or a video has more than 2**32 - 1 frames.
        """
        full = self._header.chunk_frames
        if not 1 <= frames <= full:
            raise ValueError(f"a chunk of {frames} frames; expected 1 to {full}")
        if self.frames % full:
            raise ValueError("a chunk behind the last one: only the last may have fewer frames than the others")
        if len(payloads) != len(self._header.levels):
            raise ValueError(f"{len(payloads)} payloads for {len(self._header.levels)} levels")
        if self.frames + frames > UINT32_MAX:
            raise UserError(f"{self.path}: more than {UINT32_MAX} frames do not fit into one file; split the video")
        chunk = pack_chunk(Place(self._stream_crc, self._chunks, frames), payloads)
        self._write(chunk)
        self._sizes += varint.encode(len(chunk))
        self._chunks += 1
        self.frames += frames

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise ValueError("the writer is not open; use it in a `with` block")
        try:
            self._file.write(data)
        except OSError as error:
            raise self._unwritable(error) from error
        self.bytes_written += len(data)

    def _finish(self) -> None:
        if not self.frames:
            raise UserError(f"{self.path}: not written, for the video has no frames")
        header = header_bytes.pack(replace(self._header, frames=self.frames))
        self._write(index.pack(header[-header_bytes.CRC.size :], bytes(self._sizes)))
        assert self._file is not None
        try:
            self._file.seek(0)
            self._file.write(header)
            self._file.close()
            # Somebody else may have written it in the meantime.
            self._refuse_existing()
            self._part.replace(self.path)
        except OSError as error:
            raise self._unwritable(error) from error

    def _discard(self) -> None:
        """Leaves nothing under the temporary name."""
        if self._file is not None:
            # Closing writes what is buffered; on a full disk that fails once more, and it is thrown away anyhow.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
        # Also where a signal came before `_file` was set. The name is ours alone.
        self._part.unlink(missing_ok=True)
        stopping.end(self._discard)

    def _refuse_existing(self) -> None:
        if os.path.lexists(self.path) and not self.path.is_file():
            raise UserError(f"{self.path}: is there and is no plain file; choose another name")
        refuse_existing(self.path, self._overwrite)

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(f"{self.path}: {no_folder(self.path) or f'cannot be written ({error.strerror or error})'}")
