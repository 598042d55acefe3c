"""Is a video file all there? Containers state their own length; a file shorter than that was cut."""

import struct
from typing import BinaryIO


def missing_bytes(file: BinaryIO, size: int) -> int:
    """How many bytes the container announces beyond the `size` bytes that exist; 0 if whole or of another kind.

    Knows RIFF (AVI) and ISO media (MP4, MOV). Neither a decoder nor its header's frame count can tell: both accept a
    cut file and simply stop early.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF" and len(head) == 12:
        return max(0, _riff_end(file, size) - size)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return max(0, _boxes_end(file, size) - size)
    return 0


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
