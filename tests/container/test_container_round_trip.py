"""What was written is read: headers, payloads, geometry, and no more bytes than asked for."""

import os
from fractions import Fraction

import pytest
from example_files import CHUNKS, LAYOUT, write_file
from hypothesis import given, settings
from hypothesis import strategies as st

from vqvae_jax.container.header import MAX_INDICES_PER_CHUNK, MODES, Header, LevelLayout
from vqvae_jax.container.reader import Reader
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import ConfigError, UserError

UINT32 = st.integers(1, 2**32 - 1)
NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=15)


@st.composite
def level_layouts(draw):
    count = draw(st.integers(1, 4))
    names = draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    finest = draw(st.tuples(*[st.integers(1, 3)] * 3))
    factors = [draw(st.tuples(*[st.integers(1, 4)] * 3)) for _ in range(count - 1)]
    strides = [finest]
    for factor in factors:
        strides.append(tuple(s * f for s, f in zip(strides[-1], factor, strict=True)))
    codes = draw(st.lists(st.integers(2, 65536), min_size=count, max_size=count))
    return tuple(LevelLayout(*fields) for fields in zip(names, reversed(strides), codes, strict=True))


@st.composite
def files(draw):
    """Arguments of a `Writer`, frames of every chunk, payloads of every chunk."""
    levels = draw(level_layouts())
    stride = levels[0].strides[0]
    layout = {
        "mode": draw(st.sampled_from(MODES)),
        "bundle": draw(st.binary(min_size=8, max_size=8)),
        "width": draw(st.integers(1, 400)),
        "height": draw(st.integers(1, 400)),
        "source_width": draw(st.integers(1, 65535)),
        "source_height": draw(st.integers(1, 65535)),
        "rate": Fraction(draw(UINT32), draw(UINT32)),
        "chunk_frames": draw(st.integers(1, max(1, 32 // stride))) * stride,
        "levels": levels,
    }
    payloads = draw(st.lists(st.tuples(*[st.binary(max_size=300)] * len(levels)), min_size=1, max_size=12))
    last = draw(st.integers(1, layout["chunk_frames"]))
    return layout, [layout["chunk_frames"]] * (len(payloads) - 1) + [last], payloads


@settings(max_examples=100)
@given(files())
def test_any_header_and_any_payloads_come_back(tmp_path_factory, file):
    layout, frames, chunks = file
    path = tmp_path_factory.getbasetemp() / "any.msv"
    write_file(path, chunks, frames, **layout, overwrite=True)
    with Reader(path) as reader:
        assert reader.header == Header(**layout, frames=sum(frames))
        assert (reader.chunk_count, reader.whole_chunks, reader.index_damaged) == (len(chunks), len(chunks), False)
        for i in reversed(range(len(chunks))):
            assert reader.header.frames_in_chunk(i) == frames[i]
            assert reader.payload_sizes(i) == tuple(map(len, chunks[i]))
            for levels in range(1, len(layout["levels"]) + 1):
                assert reader.read_chunk(i, levels) == list(chunks[i][:levels])


def test_large_payloads_come_back(tmp_path):
    payloads = [os.urandom(3_000_000), os.urandom(200)]
    write_file(tmp_path / "a.msv", [payloads], [8])
    with Reader(tmp_path / "a.msv") as reader:
        assert reader.read_chunk(0) == payloads


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
        assert reader.read_chunk(93) == chunks[93]
        assert reader.bytes_read - opened == 3300 + 5 + 8
    with Reader(tmp_path / "a.msv") as reader:
        for chunk in range(120):
            reader.read_chunk(chunk)
        assert reader.bytes_read == len(data)


def test_the_top_level_alone_reads_no_byte_of_the_other(tmp_path):
    write_file(tmp_path / "a.msv", [[bytes(600), bytes(2700)]], [8])
    with Reader(tmp_path / "a.msv") as reader:
        opened = reader.bytes_read
        assert reader.read_chunk(0, levels=1) == [bytes(600)]
        assert reader.bytes_read - opened == 5 + 600 + 4


def test_geometry_pads_the_picture_and_the_last_chunk_to_the_coarsest_stride():
    header = Header(**LAYOUT, frames=21)
    assert (header.padded_width, header.padded_height, header.chunks) == (64, 40, 3)
    assert [header.frames_in_chunk(i) for i in range(3)] == [8, 8, 5]
    assert [header.coded_frames_in_chunk(i) for i in range(3)] == [8, 8, 8]
    assert (header.grid(0, 1), header.grid(1, 1)) == ((2, 5, 8), (4, 10, 16))
    short = Header(**LAYOUT, frames=17)
    assert (short.coded_frames_in_chunk(2), short.grid(0, 2), short.grid(1, 2)) == (4, (1, 5, 8), (2, 10, 16))


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "zip"},
        {"bundle": b"short"},
        {"width": 0},
        {"height": 16385},
        {"source_width": 65536},
        {"rate": Fraction(0)},
        {"rate": Fraction(1, 2**32)},
        {"rate": 16.0},
        {"chunk_frames": 6},
        {"chunk_frames": 0},
        {"levels": ()},
        {"levels": (LevelLayout("a", (2, 4, 4), 8), LevelLayout("b", (4, 8, 8), 8))},
        {"levels": (LevelLayout("a", (2, 4, 4), 8), LevelLayout("a", (2, 4, 4), 8))},
    ],
    ids=str,
)
def test_a_field_out_of_range_is_named(tmp_path, change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        Writer(tmp_path / "a.msv", **{**LAYOUT, **change})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "fields",
    [
        ("", (1, 1, 1), 2),
        ("é", (1, 1, 1), 2),
        ("x" * 16, (1, 1, 1), 2),
        ("a", (0, 1, 1), 2),
        ("a", (1, 1, 256), 2),
        ("a", (1, 1), 2),
        ("a", (1, 1, 1), 1),
        ("a", (1, 1, 1), 65537),
    ],
    ids=str,
)
def test_a_level_out_of_range_is_refused(fields):
    with pytest.raises(ConfigError, match="level"):
        LevelLayout(*fields)


def test_the_number_of_indices_per_chunk_is_capped_at_the_number_itself():
    levels = (LevelLayout("only", (1, 1, 1), 2),)
    at_cap = {**LAYOUT, "levels": levels, "width": 2**13, "height": 2**13, "chunk_frames": 1, "frames": 1}
    assert MAX_INDICES_PER_CHUNK == 2**26
    Header(**at_cap)
    with pytest.raises(ConfigError, match="indices per chunk"):
        Header(**{**at_cap, "width": 2**13 + 1})


def test_bytes_written_are_the_size_of_the_file(tmp_path):
    with Writer(tmp_path / "a.msv", **LAYOUT) as writer:
        writer.add_chunk(8, CHUNKS[0])
        writer.add_chunk(1, CHUNKS[1])
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
        assert [tuple(reader.read_chunk(i)) for i in range(3)] == list(CHUNKS)
        with pytest.raises(IndexError):
            reader.read_chunk(3)
        with pytest.raises(IndexError):
            reader.read_chunk(-1)
        with pytest.raises(ValueError, match="levels=3"):
            reader.read_chunk(0, levels=3)
