"""What was written is read: headers, payloads, geometry, and no more bytes than asked for."""

import io
import os
from dataclasses import replace
from fractions import Fraction

import pytest
from example_files import CHUNKS, HEADER, named, write_file
from hypothesis import given, settings
from hypothesis import strategies as st

from vqvae_jax.container.header import Header
from vqvae_jax.container.reader import Reader
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import ConfigError, UserError

UINT32 = st.integers(1, 2**32 - 1)
NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=15)


def level_records(names, draw):
    """Version 1: three bytes, number of levels, and for each five bytes, size of the name, name."""
    records = [draw(st.binary(min_size=5, max_size=5)) + bytes([len(name)]) + name.encode() for name in names]
    return draw(st.binary(min_size=3, max_size=3)) + bytes([len(names)]) + b"".join(records)


@st.composite
def files(draw):
    """A header, the parts of the head chunk, and those of every chunk."""
    family = draw(st.one_of(st.just(""), NAMES))
    most = 16 if family else 4
    names = draw(st.lists(NAMES, min_size=1, max_size=most, unique=True))
    heads = draw(st.lists(NAMES, max_size=most, unique=True)) if family else []
    own = draw(st.binary(max_size=4096)) if family else level_records(names, draw)
    chunk_frames = draw(st.integers(1, 65535))
    part = st.binary(max_size=300)
    chunks = draw(st.lists(st.tuples(*[part] * len(names)), min_size=1, max_size=12))
    compact = bool(family) and draw(st.booleans())
    size = 4 if compact else 8
    header = Header(
        bundle=draw(st.binary(min_size=size, max_size=size)),
        width=draw(st.integers(1, 16384)),
        height=draw(st.integers(1, 16384)),
        source_width=draw(st.integers(1, 65535)),
        source_height=draw(st.integers(1, 65535)),
        rate=Fraction(draw(UINT32), draw(UINT32)),
        frames=(len(chunks) - 1) * chunk_frames + draw(st.integers(1, chunk_frames)),
        chunk_frames=chunk_frames,
        parts=tuple(names),
        family_header=own,
        family=family,
        head_parts=tuple(heads),
        compact=compact,
    )
    return header, dict(zip(heads, draw(st.tuples(*[part] * len(heads))), strict=True)), chunks


@settings(max_examples=100)
@given(files(), st.sampled_from(["path", "bytes", "file"]))
def test_any_header_and_any_parts_come_back_from_disk_and_from_memory(tmp_path_factory, file, where):
    header, head, chunks = file
    path = tmp_path_factory.getbasetemp() / "any.msv"
    memory = io.BytesIO()
    with Writer(path if where == "path" else memory, replace(header, frames=77), overwrite=True) as writer:
        if head:
            writer.add_head_chunk(head)
        for number, payloads in enumerate(chunks):
            writer.add_chunk(header.frames_in_chunk(number), dict(zip(header.parts, payloads, strict=True)))
    assert memory.tell() == (0 if where == "path" else writer.bytes_written)
    with Reader(path if where == "path" else memory.getvalue() if where == "bytes" else memory) as reader:
        assert reader.header == header and reader.size == writer.bytes_written
        assert reader.header.version == (3 if header.compact else 2 if header.family else 1)
        assert (reader.chunk_count, reader.whole_chunks, reader.index_damaged) == (len(chunks), len(chunks), False)
        assert reader.read_head_chunk() == head
        for i in reversed(range(len(chunks))):
            assert list(reader.part_sizes(i).values()) == list(map(len, chunks[i]))
            for count in range(1, len(header.parts) + 1):
                assert list(reader.read_chunk(i, count).items()) == list(
                    zip(header.parts[:count], chunks[i][:count], strict=True)
                )
    assert not memory.closed


def test_the_last_chunk_holds_the_frames_that_are_left():
    assert HEADER.chunks == 3 and [HEADER.frames_in_chunk(i) for i in range(3)] == [8, 8, 5]


def test_large_payloads_come_back(tmp_path):
    payloads = [os.urandom(3_000_000), os.urandom(200)]
    write_file(tmp_path / "a.msv", [payloads], [8])
    with Reader(tmp_path / "a.msv") as reader:
        assert reader.read_chunk(0) == named(payloads)


def test_ten_seconds_cost_less_than_one_percent(tmp_path):
    chunks = [[bytes(620), bytes(2680)]] * 5
    data = write_file(tmp_path / "a.msv", chunks, [32] * 5, width=64, height=64, rate=Fraction(16), chunk_frames=32)
    assert len(data) - 5 * 3300 <= 153 < 0.01 * len(data)


def test_a_chunk_far_into_the_file_is_read_without_those_before(tmp_path):
    chunks = [[bytes(600), bytes(2700)]] * 120
    data = write_file(tmp_path / "a.msv", chunks, [8] * 120)
    with Reader(tmp_path / "a.msv") as reader:
        opened = reader.bytes_read
        assert opened < 66 + 12 + 120 * 2 + 1
        assert reader.read_chunk(93) == named(chunks[93])
        assert reader.bytes_read - opened == 3300 + 5 + 8
    with Reader(tmp_path / "a.msv") as reader:
        for chunk in range(120):
            reader.read_chunk(chunk)
        assert reader.bytes_read == len(data)


def test_the_top_level_alone_reads_no_byte_of_the_other(tmp_path):
    write_file(tmp_path / "a.msv", [[bytes(600), bytes(2700)]], [8])
    with Reader(tmp_path / "a.msv") as reader:
        opened = reader.bytes_read
        assert reader.read_chunk(0, parts=1) == {"top": bytes(600)}
        assert reader.bytes_read - opened == 5 + 600 + 4


@pytest.mark.parametrize(
    "change",
    [
        {"bundle": b"short"},
        {"width": 0},
        {"height": 16385},
        {"source_width": 65536},
        {"rate": Fraction(0)},
        {"rate": Fraction(1, 2**32)},
        {"rate": 16.0},
        {"chunk_frames": 0},
        {"chunk_frames": 65536},
        {"parts": ()},
        {"parts": ("a", "b", "c", "d", "e")},
        {"parts": tuple(map(str, range(17))), "family": "x"},
        {"parts": ("a", "a"), "family": "x"},
        {"parts": ("é",), "family": "x"},
        {"parts": ("x" * 16,), "family": "x"},
        {"head_parts": ("a", "a"), "family": "x"},
        {"head_parts": ("a",)},
        {"family": "é"},
        {"family_header": bytes(4097), "family": "x"},
        {"family_header": HEADER.family_header[:-1]},
        {"family_header": HEADER.family_header + b"x"},
        {"family_header": b""},
    ],
    ids=str,
)
def test_a_field_out_of_range_is_named(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        replace(HEADER, **change)


def test_bytes_written_are_the_size_of_the_file(tmp_path):
    with Writer(tmp_path / "a.msv", HEADER) as writer:
        writer.add_chunk(8, named(CHUNKS[0]))
        writer.add_chunk(1, named(CHUNKS[1]))
    with Reader(tmp_path / "a.msv") as reader:
        assert writer.bytes_written == reader.size == (tmp_path / "a.msv").stat().st_size
        assert writer.frames == reader.header.frames == 9


def test_what_cannot_be_opened_is_one_line(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        Reader(tmp_path / "none.msv")
    with pytest.raises(UserError, match="no plain file"):
        Reader(tmp_path)
    with pytest.raises(UserError, match=r"not an \.msv file"):
        Reader(__file__)


def test_chunks_reach_the_reader_in_the_order_of_the_file(tmp_path):
    write_file(tmp_path / "a.msv")
    with Reader(tmp_path / "a.msv") as reader:
        assert [tuple(reader.read_chunk(i).values()) for i in range(3)] == list(CHUNKS)
        with pytest.raises(IndexError):
            reader.read_chunk(3)
        with pytest.raises(IndexError):
            reader.read_chunk(-1)
        with pytest.raises(ValueError, match="parts=3"):
            reader.read_chunk(0, parts=3)
