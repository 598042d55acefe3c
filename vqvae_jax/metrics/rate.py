"""Rate: bits per pixel by formula, by DEFLATE on the serialised indices, and by their entropy; raw video beside them.

All rates are bits per pixel of the clip, T * H * W pixels, whatever the number of channels.
"""

import math
import zlib
from collections.abc import Sequence

import numpy as np

from vqvae_jax.errors import ConfigError, UserError

RAW_BPP = 24.0  # 8-bit RGB
MAX_CODES = 65536  # what a uint16 index can name
Grid = tuple[int, int, int]


def formula_bpp(latent_grids: Sequence[Grid], codebook_sizes: Sequence[int], clip_size: Grid) -> float:
    """Sum over levels of N log2 K, over T * H * W: every index at its fixed length, no entropy coding.

    Args:
      latent_grids: (t, h, w) of each level's index grid.
      codebook_sizes: K of each level, in the same order.
      clip_size: (T, H, W).

    Raises:
      ConfigError: if the two lists differ in length or a size is not positive.
    """
    if len(latent_grids) != len(codebook_sizes):
        raise ConfigError(f"rate: {len(latent_grids)} latent grids but {len(codebook_sizes)} codebook sizes")
    if min([*codebook_sizes, *clip_size, *(side for grid in latent_grids for side in grid)]) < 1:
        raise ConfigError(f"rate: sizes must be positive: {latent_grids=}, {codebook_sizes=}, {clip_size=}")
    bits = sum(math.prod(grid) * math.log2(k) for grid, k in zip(latent_grids, codebook_sizes, strict=True))
    return bits / math.prod(clip_size)


def serialise_indices(levels_THW: Sequence[np.ndarray], codebook_sizes: Sequence[int]) -> bytes:
    """One clip's indices as uint16 little-endian, level after level (coarsest first), each in t, h, w order.

    Args:
      levels_THW: integer indices of each level, (t, h, w), coarsest (top) first.
      codebook_sizes: K of each level, in the same order.

    Raises:
      ConfigError: if K is above 65536, or the lists differ in length.
      UserError: if an array is not an integer (t, h, w) grid or an index is outside [0, K).
    """
    if len(levels_THW) != len(codebook_sizes):
        raise ConfigError(f"rate: {len(levels_THW)} index grids but {len(codebook_sizes)} codebook sizes")
    parts = []
    for level, (indices, k) in enumerate(zip(levels_THW, codebook_sizes, strict=True)):
        if not 1 <= k <= MAX_CODES:
            raise ConfigError(f"rate: codebook of {k} codes; an index is stored as uint16, so 1 to {MAX_CODES} codes")
        indices = np.asarray(indices)
        if indices.ndim != 3 or not np.issubdtype(indices.dtype, np.integer):
            raise UserError(f"rate: level {level} holds {indices.dtype}{indices.shape}; expected integers (t, h, w)")
        if indices.size and (indices.min() < 0 or indices.max() >= k):
            raise UserError(f"rate: level {level} holds indices outside [0, {k})")
        parts.append(indices.astype("<u2").tobytes(order="C"))
    return b"".join(parts)


def deflate_bytes(levels_THW: Sequence[np.ndarray], codebook_sizes: Sequence[int]) -> int:
    """Bytes of one clip's serialised indices as one zlib stream at level 9, header and checksum included.

    The format matters: uniform 10-bit indices cost 12.3 bits each in it, since DEFLATE sees the two bytes of a uint16.

    Args and errors as `serialise_indices`.
    """
    return len(zlib.compress(serialise_indices(levels_THW, codebook_sizes), level=9))


def bytes_to_bpp(size_bytes: float, clip_size: Grid) -> float:
    """Bits per pixel of `size_bytes` for a clip of (T, H, W)."""
    return 8.0 * size_bytes / math.prod(clip_size)


def index_entropy(counts: np.ndarray) -> float:
    """Zero-order entropy, in bits per index, of the use counts [K] of one level; 0 if nothing was counted."""
    counts = np.asarray(counts, np.float64)
    used = counts[counts > 0]
    if not used.size:
        return 0.0
    probabilities = used / used.sum()
    return float(-(probabilities * np.log2(probabilities)).sum()) + 0.0  # + 0.0: a single code gives -0.0


def entropy_bpp(level_counts: Sequence[np.ndarray], latent_grids: Sequence[Grid], clip_size: Grid) -> float:
    """Bits per pixel of an ideal coder that knows only how often each code of each level is used."""
    bits = sum(math.prod(g) * index_entropy(c) for g, c in zip(latent_grids, level_counts, strict=True))
    return bits / math.prod(clip_size)
