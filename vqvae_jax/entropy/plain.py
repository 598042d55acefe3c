"""The two rates that the paper reports, as streams: fixed-length indices, and DEFLATE over 16-bit ones."""

import math
import zlib

import numpy as np

from vqvae_jax.entropy.rans import CorruptStreamError

Grid = tuple[int, int, int]
DEFLATE_RATIO = 1032  # at most: 258 bytes from two bits


def encode_fixed(indices_THW: np.ndarray, codes: int) -> bytes:
    """Indices of ceil(log2 K) bits each, the highest first, in t, h, w order; the last byte filled with zeros."""
    width = index_bits(codes)
    bits = (indices_THW.reshape(-1, 1).astype(np.int64) >> np.arange(width - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def decode_fixed(stream: bytes, shape: Grid, codes: int) -> np.ndarray:
    """The inverse of `encode_fixed`: int32 [T, H, W].

    Raises:
      CorruptStreamError: if the length is another one, the filling is not zero, or an index is not in [0, K).
    """
    count, width = math.prod(shape), index_bits(codes)
    if len(stream) != -(-count * width // 8):
        raise CorruptStreamError(f"{count} indices of {width} bits are not {len(stream)} bytes")
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))
    if bits[count * width :].any():
        raise CorruptStreamError("fixed-length indices end in bits that are not zero")
    values = bits[: count * width].reshape(count, width).astype(np.int32) @ (1 << np.arange(width - 1, -1, -1))
    return _checked(values.astype(np.int32), shape, codes)


def encode_deflate(indices_THW: np.ndarray) -> bytes:
    """zlib, level 9, over 16-bit little-endian indices in t, h, w order."""
    return zlib.compress(indices_THW.astype("<u2").tobytes(), 9)


def decode_deflate(stream: bytes, shape: Grid, codes: int) -> np.ndarray:
    """The inverse of `encode_deflate`: int32 [T, H, W]. Never unpacks more than the shape needs.

    Raises:
      CorruptStreamError: if the stream is damaged, of another length, or an index is not in [0, K).
    """
    size = 2 * math.prod(shape)
    if size > DEFLATE_RATIO * len(stream):
        raise CorruptStreamError(f"{size} bytes cannot come out of a DEFLATE stream of {len(stream)}")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(stream, size + 1)
    except zlib.error as error:
        raise CorruptStreamError(f"a DEFLATE stream is damaged ({error})") from error
    if len(content) != size or not unpacker.eof or unpacker.unused_data:
        raise CorruptStreamError(f"a DEFLATE stream does not hold exactly {size} bytes")
    return _checked(np.frombuffer(content, "<u2").astype(np.int32), shape, codes)


def index_bits(codes: int) -> int:
    """ceil(log2 K)."""
    return (codes - 1).bit_length()


def _checked(values: np.ndarray, shape: Grid, codes: int) -> np.ndarray:
    if values.size and values.max() >= codes:
        raise CorruptStreamError(f"an index of {values.max()} in a level of {codes} codes")
    return values.reshape(shape)
