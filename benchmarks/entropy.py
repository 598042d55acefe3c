"""Symbols per second and bits of the entropy coder, encoding and decoding, against other coders of the same indices.

    python -m benchmarks.entropy [--data DIR] [--bundle FILE] [--clips 32]

Indices are those of the clips under a bundle; a symbol is one index, every level of every clip is a stream of its own.
Ours: adaptive contexts, in Python and NumPy. Peers:

- zlib level 9 over 16-bit indices (C), the paper's DEFLATE;
- zero-order rANS: our coder with one fixed table per level, the best one for just these indices, not counted;
- constriction's ANS coder (Rust) with the same fixed table, if it is installed.

A ratio is ours over the peer's: above 1 we are faster, or need more bits. Every stream is decoded and compared.
"""

import zlib
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from benchmarks.inputs import Bundle, Count, DataSet, clips_of, data_facts
from benchmarks.report import Result, Row, benchmark, missing, timings, versions
from vqvae_jax.codec.interface import Indices
from vqvae_jax.data.source import ClipSet
from vqvae_jax.entropy.frequencies import costs, frequencies, starts
from vqvae_jax.entropy.rans import SCALE, SCALE_BITS, check_end, encode, split
from vqvae_jax.msvqvae.codec.model import CodecModel
from vqvae_jax.msvqvae.indices.index_coder import LevelModel, pack, unpack
from vqvae_jax.packaged import TOKENS, find_bundle

Grid = tuple[int, int, int]


class Coder(NamedTuple):
    """One way to code a clip's levels."""

    encode: Callable[[Indices], list[Any]]
    decode: Callable[[list[Any], Mapping[str, Grid]], Indices]
    size: Callable[[list[Any]], int]  # bytes


def lengths(streams: list[bytes]) -> int:
    """Bytes of all streams."""
    return sum(map(len, streams))


def container_coder(tables: Mapping[str, LevelModel], mode: Any) -> Coder:
    """As our files are coded in that mode."""
    return Coder(
        lambda indices: pack(mode, tables, indices),
        lambda streams, shapes: unpack(mode, tables, streams, shapes),
        lengths,
    )


def shares(clips: list[Indices], codes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """How often each code occurs over all clips, by level: [K], above 0, summing to 1."""
    found = {}
    for level, k in codes.items():
        counts = np.sum([np.bincount(indices[level].ravel(), minlength=k) for indices in clips], axis=0) + 1e-3
        found[level] = counts / counts.sum()
    return found


def by_level(
    encode: Callable[[str, np.ndarray], Any], decode: Callable[[str, Any, int], Any], size: Callable[[list[Any]], int]
) -> Coder:
    """A coder from what codes one level's indices, [n] int32, and gives back n of them."""

    def decode_all(streams: list[Any], shapes: Mapping[str, Grid]) -> Indices:
        pairs = zip(streams, shapes.items(), strict=True)
        return {
            level: np.asarray(decode(level, stream, int(np.prod(shape))), np.int32).reshape(shape)
            for stream, (level, shape) in pairs
        }

    return Coder(lambda clip: [encode(level, grid.ravel()) for level, grid in clip.items()], decode_all, size)


def zero_order(probabilities: Mapping[str, np.ndarray]) -> Coder:
    """rANS with one table per level."""
    tables = {level: starts(frequencies(costs(p[None])))[0] for level, p in probabilities.items()}
    listed = {level: table.tolist() for level, table in tables.items()}

    def encode_level(level: str, symbols: np.ndarray) -> bytes:
        begin = tables[level][symbols]
        return encode(begin.tolist(), (tables[level][symbols + 1] - begin).tolist())

    return by_level(encode_level, lambda level, stream, n: decode_symbols(listed[level], stream, n), lengths)


def decode_symbols(table: list[int], stream: bytes, count: int) -> list[int]:
    """`count` symbols of a table's cumulative frequencies [K + 1]."""
    state, words = split(stream)
    position, found = 0, []
    for _ in range(count):
        slot = state & (SCALE - 1)
        symbol = bisect_right(table, slot) - 1
        begin = table[symbol]
        state = (table[symbol + 1] - begin) * (state >> SCALE_BITS) + slot - begin
        if state < 0x1000000:
            state = state << 16 | words[position]
            position += 1
        found.append(symbol)
    check_end(state, position, len(words))
    return found


def constriction_coder(probabilities: Mapping[str, np.ndarray]) -> Coder:
    """constriction's stack coder with one table per level; needs constriction."""
    import constriction

    models = {
        level: constriction.stream.model.Categorical(p.astype(np.float32), perfect=False)
        for level, p in probabilities.items()
    }

    def encode_level(level: str, symbols: np.ndarray) -> np.ndarray:
        coder = constriction.stream.stack.AnsCoder()
        coder.encode_reverse(symbols.astype(np.int32), models[level])
        return coder.get_compressed()

    def decode_level(level: str, stream: np.ndarray, count: int) -> np.ndarray:
        return constriction.stream.stack.AnsCoder(stream).decode(models[level], count)

    return by_level(encode_level, decode_level, lambda streams: sum(stream.nbytes for stream in streams))


def clip_indices(model: CodecModel, clips: ClipSet) -> list[Indices]:
    """Each clip's indices, coded by itself."""
    size = clips.clip_shape[0]
    return [next(iter(model.coded_chunks(clips.read([n])[0], size))).indices for n in range(len(clips))]


def compare(clips: list[Indices], coders: Mapping[str, Coder], repeats: int) -> list[Row]:
    """A row for each coder; the first is ours.

    Raises:
      AssertionError: if a coder does not give back what it was given.
    """
    shapes = {level: grid.shape for level, grid in clips[0].items()}
    symbols = sum(grid.size for indices in clips for grid in indices.values())
    coded = {name: [coder.encode(indices) for indices in clips] for name, coder in coders.items()}
    for name, coder in coders.items():
        for indices, streams in zip(clips, coded[name], strict=True):
            decoded = coder.decode(streams, shapes)
            if not all(np.array_equal(decoded[level], grid) for level, grid in indices.items()):
                raise AssertionError(f"{name}: decoded indices are not those that were encoded")
    encoding = timings({n: lambda c=c: [c.encode(i) for i in clips] for n, c in coders.items()}, repeats)  # type: ignore[misc]
    decoding = timings(
        {n: lambda n=n, c=c: [c.decode(s, shapes) for s in coded[n]] for n, c in coders.items()},  # type: ignore[misc]
        repeats,
    )
    bits = {name: 8 * sum(map(coder.size, coded[name])) / symbols for name, coder in coders.items()}
    ours = next(iter(coders))
    return [
        {
            "coder": name,
            "encode Msymbols/s": symbols / encoding[name].median_s / 1e6,
            "decode Msymbols/s": symbols / decoding[name].median_s / 1e6,
            "bits/symbol": bits[name],
            "ours / it, encoding": None if name == ours else encoding[name].median_s / encoding[ours].median_s,
            "ours / it, decoding": None if name == ours else decoding[name].median_s / decoding[ours].median_s,
            "ours / it, bits": None if name == ours else bits[ours] / bits[name],
        }
        for name in coders
    ]


@benchmark
def main(
    data: DataSet = None, split: str = "test", bundle: Bundle = None, clips: Count = 32, repeats: int = 5
) -> Result:
    model = cast(CodecModel, find_bundle(bundle, TOKENS))
    with clips_of(data, split, clips) as chosen:
        indices, facts = clip_indices(model, chosen), data_facts(chosen)
    probabilities = shares(indices, {name: level.codes for name, level in model.levels.items()})
    coders = {
        "ours": container_coder(model.weights.tables, "range"),
        "zlib level 9": container_coder(model.weights.tables, "deflate"),
        "zero-order rANS": zero_order(probabilities),
    }
    no_constriction = missing("constriction", "constriction", "pip install constriction")
    if no_constriction is None:
        coders["constriction, zero-order ANS"] = constriction_coder(probabilities)
    return {
        "rows": compare(indices, coders, repeats),
        "peers": versions("constriction") | {"zlib": zlib.ZLIB_RUNTIME_VERSION},
        "threads": {"every coder": 1},
        "left_out": [no_constriction],
        "repeats": repeats,
        "bundle": {"name": model.name, "digest": model.digest},
        "data": facts,
    }


if __name__ == "__main__":
    main()
