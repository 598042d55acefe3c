"""One record of a token data set: a chunk of a video as grids of indices, readable without this package."""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from vqvae_jax.codec.interface import Grid, Indices, TokenModel, check_chunk_pixels
from vqvae_jax.errors import UserError

DATASET_NAME = "tokens"
SPLIT = "train"


class TokenChunk(NamedTuple):
    """A chunk's indices and what it takes to make frames of them."""

    video: str  # path of the file within its tree, with forward slashes
    label: str  # class: of UCF101's file names, else the parent folder
    number: int  # of the chunk within its video, from 0
    frames: int  # of the video in this chunk, before padding
    height: int  # coded picture, before padding to the model's multiple
    width: int
    fps: Fraction
    indices: Indices  # by level, coarse first, uint16 [t, h, w] of a full chunk


def token_features(grids: Mapping[str, Grid | None]) -> Any:
    """The TFDS features of a record. Needs tensorflow_datasets.

    Args:
      grids: shape of each level's grid; none where it differs from video to video.
    """
    import tensorflow_datasets as tfds

    text, whole = tfds.features.Text, tfds.features.Scalar
    facts = {"video": text(), "label": text(), "chunk": whole(np.int32), "frames": whole(np.int32)}
    facts |= {"height": whole(np.int32), "width": whole(np.int32), "fps": text()}
    # "bytes": as plain integers the indices would take three times the room and be slow to decode.
    tokens = {
        level: tfds.features.Tensor(shape=grid or (None, None, None), dtype=np.uint16, encoding="bytes")
        for level, grid in grids.items()
    }
    return tfds.features.FeaturesDict(facts | tokens)


def to_example(chunk: TokenChunk) -> dict[str, Any]:
    """What `token_features` serialises."""
    return {
        "video": chunk.video,
        "label": chunk.label,
        "chunk": chunk.number,
        "frames": chunk.frames,
        "height": chunk.height,
        "width": chunk.width,
        "fps": str(chunk.fps),
        **chunk.indices,
    }


def from_example(example: Mapping[str, Any], levels: list[str]) -> TokenChunk:
    """The inverse of `to_example`.

    Raises:
      UserError: if the record is not one of a token data set, or a number in it makes no sense.
    """
    try:
        chunk = TokenChunk(
            example["video"].decode(),
            example["label"].decode(),
            int(example["chunk"]),
            int(example["frames"]),
            int(example["height"]),
            int(example["width"]),
            Fraction(example["fps"].decode()),
            {level: example[level] for level in levels},
        )
    except (KeyError, ValueError, ZeroDivisionError, AttributeError, TypeError) as error:
        raise UserError(f"not a record of tokens ({type(error).__name__}: {error})") from error
    if min(chunk.frames, chunk.height, chunk.width) < 1 or chunk.fps <= 0 or chunk.number < 0:
        raise UserError(f"not a record of tokens: {chunk._replace(indices={})}")
    return chunk


def filled_up(indices: Indices, model: TokenModel, size: int) -> Indices:
    """Grids of a full chunk of `size` frames as uint16: the last step is repeated, as the decoder does there."""
    full = {}
    for level, grid in indices.items():
        missing = size // model.levels[level].strides[0] - len(grid)
        full[level] = np.pad(grid, ((0, missing), (0, 0), (0, 0)), mode="edge").astype(np.uint16)
    return full


def without_filling(chunk: TokenChunk, model: TokenModel) -> Indices:
    """Grids of the steps that cover the chunk's frames: what `filled_up` was given."""
    coarse = multiple(model)[0]
    covered = -(-chunk.frames // coarse) * coarse
    return {level: grid[: covered // model.levels[level].strides[0]] for level, grid in chunk.indices.items()}


def multiple(model: TokenModel) -> Grid:
    """What coded frames, height and width are padded to multiples of: the coarsest level's strides."""
    return next(iter(model.levels.values())).strides


def grids(model: TokenModel, frames: int, height: int, width: int, where: str) -> dict[str, Grid]:
    """Shape of each level's grid, [t, h, w], in a chunk of so many frames, a multiple of the coarsest stride.

    Raises:
      UserError: begins with `where`, if chunks of such pictures are too large to code.
    """
    _, high, wide = multiple(model)
    padded = (frames, height + -height % high, width + -width % wide)
    check_chunk_pixels(where, frames, padded[2], padded[1])
    shapes = {}
    for name, level in model.levels.items():
        t, h, w = level.strides
        shapes[name] = padded[0] // t, padded[1] // h, padded[2] // w
    return shapes


def check_grids(chunk: TokenChunk, model: TokenModel) -> None:
    """Raises a `UserError` unless the grids are those of a full chunk of this model that holds the chunk's frames."""
    size = multiple(model)[0] * len(chunk.indices[next(iter(model.levels))])
    where = f"chunk {chunk.number} of {chunk.video}"
    for level, expected in grids(model, size, chunk.height, chunk.width, where).items():
        found = chunk.indices[level].shape
        if found != expected or chunk.frames > size:
            raise UserError(
                f"{where}: {chunk.frames} frames of {chunk.width}x{chunk.height} with {level} indices {found}, "
                f"expected {expected}; write the tokens again"
            )


def chunk_digest(chunk: TokenChunk) -> str:
    """SHA-256 of everything in a record but the label, which may name the folder that the tree lies in."""
    facts = (chunk.video, chunk.number, chunk.frames, chunk.height, chunk.width, chunk.fps)
    digest = hashlib.sha256("\0".join(map(str, facts)).encode())
    for level, grid in chunk.indices.items():
        digest.update(f"\0{level}\0{','.join(map(str, grid.shape))}\0".encode())
        digest.update(grid.astype("<u2").tobytes())
    return digest.hexdigest()
