"""A scene's weights as bytes, with what its frames' embeddings are read by: one stream, behind the tables of all."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.mvc.codec.embedding import Tables, fit_tables
from vqvae_jax.mvc.codec.grids import pack_channels, pack_grid, unpack_channels, unpack_grid
from vqvae_jax.mvc.codec.stream import StreamReader, Writer, entropy_bits
from vqvae_jax.mvc.codec.tables import Table, best_table, unpack_table
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.quantise import Grid, values
from vqvae_jax.mvc.weights import decoder_shapes

MOST_PARAMETERS = 1 << 26
#: A weight takes an eighth of a bit at least, so that a few bytes cannot ask for a large model.
MOST_PER_BYTE = 64


class Tensor(NamedTuple):
    """Whole numbers on a grid."""

    numbers: np.ndarray  # int32, in [0, levels)
    grid: Grid

    @property
    def values(self) -> np.ndarray:
        """Float32, the same in encoder and decoder bit for bit."""
        return values(self.numbers, self.grid)


class Scene(NamedTuple):
    """What a file says of a scene."""

    config: MvcConfig
    weights: tuple[Tensor, ...]  # in canonical order
    embedding: Tensor | None  # numbers [T, h, w, c], a grid for each channel; none for kinds that have none

    @property
    def entropy_bits(self) -> float:
        """Empirical entropies of tensors and of the channels of embeddings, added."""
        e = self.embedding
        channels = [] if e is None else [e.numbers[..., channel] for channel in range(e.numbers.shape[-1])]
        return sum(map(entropy_bits, [*(tensor.numbers for tensor in self.weights), *channels]))


class Described(NamedTuple):
    """What a decoder knows of a scene before it reads embeddings."""

    weights: dict[str, np.ndarray]  # float32, by name
    grid: Grid | None  # of the embeddings
    tables: list[Tables]  # of their channels


def write_scene(scene: Scene, groups: Sequence[slice]) -> tuple[bytes, list[Tables]]:
    """A scene's part of the head chunk, and the tables by which its groups are to be written.

    Args:
      scene: to be written.
      groups: frames of the scene that are decoded together.

    Raises:
      ValueError: if a tensor is not of the model's shape, or weights say next to nothing.
    """
    shapes = list(decoder_shapes(scene.config).values())
    if [tensor.numbers.shape for tensor in scene.weights] != shapes:
        raise ValueError("the scene's tensors are not those of its model")
    described, writer = b"", Writer()
    for tensor in scene.weights:
        # Levels above the highest number that occurs are not spoken of.
        grid = tensor.grid._replace(levels=int(tensor.numbers.max()) + 1)
        described += pack_grid(grid)
        if grid.levels > 1:
            table = best_table(tensor.numbers, grid.levels)
            described += table.pack()
            writer.costs(table)
            writer.symbols(table, tensor.numbers, grid.levels)
    tables: list[Tables] = []
    if scene.embedding is not None:
        numbers, grid = scene.embedding
        tables = fit_tables(numbers, groups, grid.levels)
        described += pack_channels(grid)
        for table in (table for pair in tables for table in pair):
            described += table.pack()
            writer.costs(table)
    content = described + writer.stream()
    if sum(map(prod, shapes)) > MOST_PER_BYTE * len(content):
        raise ValueError(f"weights of under 1/{MOST_PER_BYTE // 8} bit each")
    return content, tables


def read_scene(config: MvcConfig, content: bytes, embedding_levels: int) -> Described:
    """The inverse.

    Raises:
      CorruptStreamError: if no writer wrote this, or it is too short for such a model.
    """
    shapes = decoder_shapes(config)
    parameters = sum(map(prod, shapes.values()))
    if parameters > min(MOST_PARAMETERS, MOST_PER_BYTE * len(content)):
        raise CorruptStreamError(f"{parameters:,} weights in {len(content):,} bytes")
    offset, grids, tables, pairs = 0, list[Grid](), list[Table | None](), list[Table]()
    for _ in shapes:
        grid, offset = unpack_grid(content, offset)
        table = None
        if grid.levels > 1:
            table, offset = unpack_table(content, offset)
        grids.append(grid)
        tables.append(table)
    embedding: Grid | None = None
    if config.embedding is not None:
        embedding, offset = unpack_channels(content, offset, config.context_channels, embedding_levels)
        for _ in range(2 * config.context_channels):
            table, offset = unpack_table(content, offset)
            pairs.append(table)
    reader = StreamReader(content[offset:])
    weights = {}
    for (name, shape), grid, table in zip(shapes.items(), grids, tables, strict=True):
        numbers = np.zeros(shape, np.int32)
        if table is not None:
            table = reader.costs(table, grid.levels)
            numbers = reader.symbols(table, shape, grid.levels)
        weights[name] = values(numbers, grid)
    pairs = [reader.costs(table, embedding_levels) for table in pairs]
    reader.check_end()
    channels = [Tables(*two) for two in zip(pairs[::2], pairs[1::2], strict=True)]
    return Described(weights, embedding, channels)
