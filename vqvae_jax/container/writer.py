"""Writing an .msv file chunk by chunk; it appears under its name only when it is whole."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

from vqvae_jax import stopping
from vqvae_jax.container import index, varint
from vqvae_jax.container.chunk import HEAD, Place, pack_chunk
from vqvae_jax.container.header import CRC, UINT32_MAX, Header, pack, stream_crc
from vqvae_jax.errors import UserError
from vqvae_jax.files import check_output, no_folder, temporary


class Writer:
    """Writes a file whose number of frames is learned on the way. Keeps about two bytes per chunk in memory.

        with Writer(path, header) as writer:
            writer.add_chunk(32, {"top": top, "bottom": bottom})

    A path is written under a temporary name in the same folder; leaving the block renames it, and an exception removes
    it. A file that is given open must be able to seek; it is written from where it stands and left open.

    Args:
      target: a path, or a binary file open for writing.
      header: what it says of `frames` is not looked at.
      overwrite: replace an existing file.

    Raises:
      UserError: if the path exists and `overwrite` is not given, is no plain file, or cannot be written; on leaving the
        block, also if no chunk was added.
    """

    def __init__(self, target: str | Path | BinaryIO, header: Header, overwrite: bool = False) -> None:
        self.path = Path(target) if isinstance(target, str | Path) else None
        self.name = "the coded video" if self.path is None else str(self.path)
        self.frames = 0
        self.bytes_written = 0
        self._overwrite = overwrite
        # One frame stands in for those to come: nothing that is written before the end depends on it.
        self._header = replace(header, frames=1)
        self._stream_crc = stream_crc(self._header)
        self._sizes = bytearray()
        self._chunks = 0
        self._file: BinaryIO | None = None if isinstance(target, str | Path) else target
        self._part: Path | None = None
        self._refuse_existing()
        if self.path is not None:
            self._part = temporary(self.path)

    def __enter__(self) -> Self:
        stopping.begin(self._discard)
        try:
            if self._part is not None:
                self._file = self._part.open("xb")
            assert self._file is not None
            self._begin = self._file.tell()
        except OSError as error:
            stopping.end(self._discard)
            raise self._unwritable(error) from error
        # The header's place; until it is filled in, this is no .msv file.
        try:
            self._write(bytes(len(pack(self._header))))
        except UserError:
            self._discard()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def add_head_chunk(self, parts: Mapping[str, bytes]) -> None:
        """Writes what comes before the first chunk: bytes for each of the header's `head_parts`.

        Raises:
          ValueError: if the header names others, or a chunk is there already.
          UserError: if the file cannot be written.
        """
        if self._sizes or not self._header.head_parts:
            raise ValueError("a head chunk comes before all others, in a file whose header names its parts")
        self._add(parts, self._header.head_parts, Place(self._stream_crc, HEAD, 0))

    def add_chunk(self, frames: int, parts: Mapping[str, bytes]) -> None:
        """Appends a chunk.

        Args:
          frames: frames of the video in it, without repeated ones: `chunk_frames`, or fewer in the last chunk.
          parts: bytes of each of the header's `parts`; may be empty, at most 2**28 - 1 each.

        Raises:
          ValueError: if `frames` or `parts` is not of that form, a chunk follows a shorter one, or the head chunk is
            missing.
          UserError: if the file cannot be written, or a video has more than 2**32 - 1 frames.
        """
        full = self._header.chunk_frames
        if not 1 <= frames <= full:
            raise ValueError(f"a chunk of {frames} frames; expected 1 to {full}")
        if self.frames % full:
            raise ValueError("a chunk behind the last one: only the last may have fewer frames than the others")
        if self._header.head_parts and not self._sizes:
            raise ValueError("a chunk before the head chunk")
        if self.frames + frames > UINT32_MAX:
            raise UserError(f"{self.name}: more than {UINT32_MAX} frames do not fit into one file; split the video")
        self._add(parts, self._header.parts, Place(self._stream_crc, self._chunks, frames))
        self._chunks += 1
        self.frames += frames

    def _add(self, parts: Mapping[str, bytes], names: tuple[str, ...], place: Place) -> None:
        if tuple(parts) != names:
            raise ValueError(f"parts {', '.join(parts)}; the header names {', '.join(names)}")
        chunk = pack_chunk(place, list(parts.values()))
        self._write(chunk)
        self._sizes += varint.encode(len(chunk))

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
            raise UserError(f"{self.name}: not written, for the video has no frames")
        known = replace(self._header, frames=self.frames)
        header = pack(known)
        if known.indexed:
            self._write(index.pack(header[-CRC.size :], bytes(self._sizes)))
        assert self._file is not None
        try:
            self._file.seek(self._begin)
            self._file.write(header)
            if self.path is None or self._part is None:
                self._file.seek(self._begin + self.bytes_written)
                return
            self._file.close()
            # Somebody else may have written it in the meantime.
            self._refuse_existing()
            self._part.replace(self.path)
        except OSError as error:
            raise self._unwritable(error) from error

    def _discard(self) -> None:
        """Leaves nothing under the temporary name."""
        if self._part is not None:
            if self._file is not None:
                # Closing writes what is buffered; on a full disk that fails once more, and it is thrown away anyhow.
                with contextlib.suppress(OSError):
                    self._file.close()
            # Also where a signal came before `_file` was set. The name is ours alone.
            self._part.unlink(missing_ok=True)
        self._file = None
        stopping.end(self._discard)

    def _refuse_existing(self) -> None:
        if self.path is not None:
            check_output(self.path, self._overwrite)

    def _unwritable(self, error: OSError) -> UserError:
        missing = None if self.path is None else no_folder(self.path)
        return UserError(f"{self.name}: {missing or f'cannot be written ({error.strerror or error})'}")
