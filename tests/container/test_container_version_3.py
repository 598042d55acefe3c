"""Version 3: the shortest header that says the same; a single chunk needs no index."""

import io
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from mend import mend
from mutate import mutate

from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.header import Header, pack
from vqvae_jax.container.reader import Reader
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import UserError

SMALL = Header(
    bundle=bytes.fromhex("01234567"),
    width=64,
    height=64,
    source_width=64,
    source_height=64,
    rate=Fraction(16),
    frames=32,
    chunk_frames=32,
    parts=("y",),
    family_header=b"\x50\x00",
    family="ntc",
    compact=True,
)
LONG = replace(SMALL, frames=75, source_width=320, source_height=240)
#: Written by hand from docs/format.md.
GOLDEN = bytes.fromhex(
    """
    89 4d 53 56 03 25 00  01 23 45 67  20 00 00 00
    40 40 00 00 10 01 20
    03 6e 74 63  01 01 79  00  02 50 00  CCCCCCCC
    05 CC 68 65 6c 6c 6f CCCCCCCC
    """.replace("C", "0")
)


def written(header):
    memory = io.BytesIO()
    with Writer(memory, header) as writer:
        for chunk in range(header.chunks):
            writer.add_chunk(header.frames_in_chunk(chunk), {"y": b"hello" * (chunk + 1)})
    return memory.getvalue()


def found(data):
    with Reader(data) as reader:
        chunks = []
        for chunk in range(reader.chunk_count):
            try:
                chunks.append(next(iter(reader.read_chunk(chunk).values())))
            except DamagedChunk:
                chunks.append(None)
        return chunks, reader.index_damaged


def test_a_file_of_one_chunk_is_what_the_page_says():
    assert written(SMALL) == mend(GOLDEN) and len(GOLDEN) == 37 + 6 + 5
    assert found(written(SMALL)) == ([b"hello"], False)
    # Version 2 takes 16 bytes more for the header and 13 for the index.
    assert len(written(replace(SMALL, compact=False, bundle=bytes(8)))) == len(GOLDEN) + 29


def test_the_sources_size_is_named_where_it_is_another():
    with Reader(written(LONG)) as reader:
        assert reader.header == LONG and (reader.header.source_width, reader.header.source_height) == (320, 240)
    assert len(pack(LONG)) == len(pack(SMALL)) + 2


def test_several_chunks_have_an_index():
    data = written(LONG)
    assert found(data) == ([b"hello", b"hello" * 2, b"hello" * 3], False)
    damaged = bytearray(data)
    damaged[len(pack(LONG))] ^= 1  # the first chunk's length
    assert found(bytes(damaged)) == ([None, b"hello" * 2, b"hello" * 3], False)


def test_what_is_cut_off_or_added_is_noticed():
    data = written(SMALL)
    assert found(data + b"x") == ([b"hello"], True)
    assert found(data[:-1]) == ([None], True)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        if bit < 8 * 37:
            with pytest.raises(UserError, match=r"not an \.msv file|newer|header"):
                Reader(bytes(flipped))
        else:
            assert found(bytes(flipped))[0] == [None]


def test_a_longer_form_of_the_same_header_is_refused():
    data = bytearray(GOLDEN)
    data[15:16] = b"\xc0\x00"  # width 64 in two bytes
    data[5] += 1
    with pytest.raises(UserError, match="shorter than its fields"):
        Reader(mend(bytes(data)))
    data = bytearray(GOLDEN)
    data[17:19] = b"\x40\x40"  # the source's size, which is the coded one
    with pytest.raises(UserError, match="contradict"):
        Reader(mend(bytes(data)))


def test_mutated_files_end_in_one_line_or_in_bytes():
    rng, outcomes = random.Random(3), set()
    for number in range(4000):
        whole = written(SMALL if number % 2 else LONG)
        data = mutate(whole, rng)
        data = mend(data, rebuild_index=number % 8 < 4) if number % 4 < 2 else data
        try:
            with Reader(data) as reader:
                if reader.chunk_count > 10_000:
                    continue
            chunks, _ = found(data)
            outcomes.add("read" if any(chunk is not None for chunk in chunks) else "lost")
        except UserError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes == {"read", "lost", "refused"}
