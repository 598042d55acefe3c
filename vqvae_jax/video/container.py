"""Is a video file all there? A container states its own length, and an AVI lists its pictures; decoders ignore both."""

import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from vqvae_jax.video.read import VideoError

_EBML = b"\x1a\x45\xdf\xa3"


class Indexed(NamedTuple):
    """What the index of an AVI says of its video, written as the pictures are; the count in the header may be wrong."""

    chunks: int  # each of them is shown for one period, an empty one by holding the last picture
    pictures: int  # the chunks that are not empty


def check_file(path: Path) -> Indexed | None:
    """Raises `VideoError` for what can be told from the file itself, before a decoder sees it; returns its index.

    Returns:
      None for another container than AVI, or an AVI without index.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise VideoError("not a regular file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise VideoError("empty file")
            lost = missing_bytes(file, size)
            indexed = avi_index(file, size)
    except OSError as error:
        raise VideoError(f"cannot be read: {error.strerror or error}") from error
    if lost:
        raise VideoError(f"truncated: {lost} bytes of the container are missing")
    return indexed


def missing_bytes(file: BinaryIO, size: int) -> int:
    """How many bytes the container announces beyond the `size` bytes that exist; 0 if whole or of another kind.

    Knows RIFF (AVI), ISO media (MP4, MOV) and Matroska (MKV, WebM). A decoder cannot tell: it simply
    stops early.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF" and len(head) == 12:
        return max(0, _riff_end(file, size) - size)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return max(0, _boxes_end(file, size) - size)
    if head[:4] == _EBML:
        return max(0, _elements_end(file, size) - size)
    return 0


def avi_index(file: BinaryIO, size: int) -> Indexed | None:
    """What the index of an AVI of `size` bytes lists; None for another container or an AVI without index."""
    file.seek(0)
    if file.read(4) != b"RIFF":
        return None
    at = 12
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"idx1" and at + 8 + length <= size:
            entries = list(struct.iter_unpack("<4sIII", file.read(length // 16 * 16)))
            video = next((stream for stream, *_ in entries if stream[2:] in (b"dc", b"db")), None)
            sizes = [bytes_ for stream, _, _, bytes_ in entries if stream == video]
            return Indexed(len(sizes), sum(bytes_ > 0 for bytes_ in sizes))
        at += 8 + length + length % 2
    return None


def _riff_end(file: BinaryIO, size: int) -> int:
    """Where the last RIFF chunk ends (OpenDML files hold several). A length of 0 or -1 means "unknown"."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        name, length = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF" or length in (0, 0xFFFFFFFF):
            break
        end += 8 + length
    return end


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Where the last top-level box ends. A length of 0 means "to the end of the file"."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length < 8:
            break
        end += length
    return end


def _elements_end(file: BinaryIO, size: int) -> int:
    """Where the last top-level Matroska element ends. A length of all ones means "unknown" (a live recording)."""
    end = 0
    while end < size:
        file.seek(end)
        head = file.read(12)
        id_bytes = 9 - head[0].bit_length()
        first = head[id_bytes] if id_bytes <= 4 and len(head) > id_bytes else 0
        length_bytes = 9 - first.bit_length()
        digits = head[id_bytes : id_bytes + length_bytes]
        if first == 0 or len(digits) < length_bytes:
            break
        length = int.from_bytes(digits, "big") - (1 << 7 * length_bytes)  # less the marker bit
        if length == (1 << 7 * length_bytes) - 1:
            break
        end += id_bytes + length_bytes + length
    return end
