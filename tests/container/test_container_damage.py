"""Damage is found, costs no more than it must, and never anything but a `UserError`."""

import random
import struct
import time
import tracemalloc

import pytest
from example_files import CHUNKS, HEADER, write_file
from mend import mend
from mutate import mutate

from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError

HEADER_BYTES = 66
LOST = None


@pytest.fixture
def small(tmp_path):
    return write_file(tmp_path / "small.msv")


@pytest.fixture
def starts(tmp_path, small):
    """Where every chunk of `small` starts, and where the last one ends, from the payloads' sizes."""
    ends = [HEADER_BYTES]
    for payloads in CHUNKS:
        ends.append(ends[-1] + 1 + sum(len(p) + 4 + (2 if len(p) > 127 else 1) for p in payloads))
    assert ends[-1] + 3 + 1 + 12 == len(small)  # The second chunk's size takes two bytes.
    return ends


def open_bytes(tmp_path, data):
    path = tmp_path / "damaged.msv"
    path.write_bytes(data)
    return Reader(path)


def chunks_of(reader):
    """Every chunk's payloads, or `LOST`."""
    chunks = []
    for i in range(reader.chunk_count):
        try:
            chunks.append(tuple(reader.read_chunk(i).values()))
        except DamagedChunk as error:
            assert error.chunk == i
            chunks.append(LOST)
    return chunks


def without(*lost):
    return [LOST if i in lost else payloads for i, payloads in enumerate(CHUNKS)]


def test_a_file_cut_at_any_byte_gives_its_whole_chunks_or_one_error(tmp_path, small, starts):
    for size in range(len(small)):
        if size < HEADER_BYTES:
            with pytest.raises(UserError, match="not an .msv file" if size < 4 else "no chunk is whole"):
                open_bytes(tmp_path, small[:size])
            continue
        whole = sum(end <= size for end in starts[1:])
        with open_bytes(tmp_path, small[:size]) as reader:
            assert reader.index_damaged
            assert reader.whole_chunks == whole
            assert chunks_of(reader) == without(*range(whole, 3))
            if whole < 3:
                with pytest.raises(UserError, match=f"truncated or damaged; {whole} of 3 chunks are whole"):
                    reader.require_whole()
            else:
                reader.require_whole()


def test_any_flipped_bit_of_a_chunk_costs_that_chunk_only(tmp_path, small, starts):
    for bit in range(8 * starts[0], 8 * starts[-1]):
        hit = max(i for i in range(3) if 8 * starts[i] <= bit)
        with open_bytes(tmp_path, flipped(small, bit)) as reader:
            assert chunks_of(reader) == without(hit)


def test_any_flipped_bit_of_the_index_costs_nothing(tmp_path, small, starts):
    for bit in range(8 * starts[-1], 8 * len(small)):
        with open_bytes(tmp_path, flipped(small, bit)) as reader:
            assert reader.index_damaged
            assert chunks_of(reader) == list(CHUNKS)


def test_any_flipped_bit_of_the_header_is_found(tmp_path, small):
    for bit in range(8 * HEADER_BYTES):
        with pytest.raises(UserError, match=r"not an \.msv file|newer|header"):
            open_bytes(tmp_path, flipped(small, bit))


def test_flipped_bits_of_the_top_level_are_found_when_it_is_read_alone(tmp_path, small, starts):
    payloads = CHUNKS[0]
    top_end = starts[0] + 3 + len(payloads[0]) + 4
    for bit in range(8 * starts[0], 8 * top_end):
        with open_bytes(tmp_path, flipped(small, bit)) as reader, pytest.raises(DamagedChunk):
            reader.read_chunk(0, parts=1)
    with open_bytes(tmp_path, flipped(small, 8 * top_end)) as reader:
        assert reader.read_chunk(0, parts=1) == {"top": payloads[0]}


def test_without_index_a_damaged_length_costs_the_chunks_behind_it_too(tmp_path, small, starts):
    damaged = bytearray(small[: starts[-1]])
    damaged[starts[1] + 1] ^= 2
    with open_bytes(tmp_path, bytes(damaged)) as reader:
        assert chunks_of(reader) == without(1, 2)


def test_bytes_behind_the_end_cost_the_index_only(tmp_path, small):
    with open_bytes(tmp_path, small + b"behind") as reader:
        assert reader.index_damaged
        assert chunks_of(reader) == list(CHUNKS)


def test_swapped_chunks_are_found(tmp_path):
    chunks = [(b"first", b"payload"), (b"other", b"load pay"[:7])]
    data = write_file(tmp_path / "a.msv", chunks, [8, 8])
    size = 3 + 5 + 4 + 7 + 4
    a, b = data[HEADER_BYTES:][:size], data[HEADER_BYTES + size :][:size]
    with open_bytes(tmp_path, data[:HEADER_BYTES] + b + a + data[HEADER_BYTES + 2 * size :]) as reader:
        assert reader.header.chunks == 2
        assert chunks_of(reader) == [LOST, LOST]


def test_swapped_levels_are_found(tmp_path):
    data = write_file(tmp_path / "a.msv", [(b"first", b"other")], [8])
    at = HEADER_BYTES + 3
    with open_bytes(tmp_path, data[:at] + data[at + 9 : at + 18] + data[at : at + 9] + data[at + 18 :]) as reader:
        assert chunks_of(reader) == [LOST]


@pytest.mark.parametrize(
    "change",
    [{"bundle": bytes(8)}, {"family_header": b"\1" + HEADER.family_header[1:]}, {"source_width": 321}],
    ids=str,
)
def test_a_foreign_header_is_found(tmp_path, small, change):
    foreign = write_file(tmp_path / "foreign.msv", **change)
    with open_bytes(tmp_path, foreign[:HEADER_BYTES] + small[HEADER_BYTES:]) as reader:
        assert reader.index_damaged
        assert chunks_of(reader) == [LOST] * 3


def test_another_number_of_frames_is_found_in_the_last_chunk(tmp_path, small):
    foreign = write_file(tmp_path / "foreign.msv", frames=(8, 8, 6))
    with open_bytes(tmp_path, foreign[:HEADER_BYTES] + small[HEADER_BYTES:]) as reader:
        assert chunks_of(reader) == without(2)


def patched(data, offset, fmt, *values):
    out = bytearray(data)
    struct.pack_into(fmt, out, offset, *values)
    return bytes(out)


@pytest.mark.parametrize(
    ("offset", "fmt", "value", "message"),
    [
        (0, "<B", 0x88, "not an .msv file"),
        (4, "<B", 4, "format version 4 is newer than this program's 3"),
        (4, "<B", 2, "not valid"),
        (4, "<B", 0, "damaged"),
        (5, "<H", 65535, "damaged"),
        (5, "<H", 0, "damaged"),
        (16, "<H", 65535, "width=65535"),
        (18, "<H", 0, "height=0"),
        (26, "<I", 0, "rate"),
        (26, "<I", 1001, "contradict"),  # 1001/1001 is not in lowest terms.
        (30, "<I", 0, "rate.denominator=0"),
        (34, "<I", 0, "frames=0"),
        (38, "<H", 0, "chunk_frames=0"),
        (40, "<B", 0, "shorter than its fields"),
        (40, "<B", 255, "shorter than its fields"),
        (47, "<B", 0xE9, "name"),
    ],
)
def test_a_bad_header_with_a_right_checksum_is_named(tmp_path, small, offset, fmt, value, message):
    with pytest.raises(UserError, match=message) as error:
        open_bytes(tmp_path, mend(patched(small, offset, fmt, value)))
    assert "\n" not in str(error.value)


def test_absurd_sizes_allocate_nothing(tmp_path, small, starts):
    most = 2**32 - 1
    absurd = [
        patched(small, 34, "<I", most),  # frames
        patched(patched(small, 34, "<I", most), 38, "<H", 4),  # chunks
        patched(small, 16, "<HH", 16384, 16384),
        patched(small, starts[0], "<4s", b"\xff\xff\xff\x7f"),  # a payload of 2**28 - 1 bytes
        patched(small, len(small) - 12, "<I", most),  # index
        patched(small, starts[-1], "<4s", b"\xff\xff\xff\x7f"),  # a chunk of 2**28 - 1 bytes
    ]
    for data in absurd:
        mended = mend(data)
        tracemalloc.start()
        try:
            with open_bytes(tmp_path, mended) as reader:
                for i in (0, 1, 2, reader.chunk_count - 1):
                    read_or_lose(reader, i)
        except UserError:
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200_000


def read_or_lose(reader, chunk):
    try:
        return tuple(reader.read_chunk(chunk).values())
    except DamagedChunk:
        return LOST


def test_two_thousand_mutated_files_end_in_user_errors_or_in_what_was_written(tmp_path, small):
    rng = random.Random(20)
    counts = {"refused": 0, "all chunks": 0, "some chunks": 0, "no chunk": 0}
    slowest = 0.0
    tracemalloc.start()
    for number in range(2000):
        mended = number % 2 == 1
        data = mutate(small, rng)
        if mended:
            data = mend(data, rebuild_index=rng.random() < 0.5)
        began = time.process_time()
        try:
            with open_bytes(tmp_path, data) as reader:
                chunks = [read_or_lose(reader, i) for i in range(min(reader.chunk_count, 10))]
        except UserError:
            counts["refused"] += 1
        else:
            assert mended or reader.header == HEADER
            assert mended or all(got in (LOST, wrote) for got, wrote in zip(chunks, CHUNKS, strict=True))
            lost = chunks.count(LOST)
            counts["all chunks" if not lost else "no chunk" if lost == len(chunks) else "some chunks"] += 1
        slowest = max(slowest, time.process_time() - began)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert slowest < 1
    assert peak < 2_000_000
    # Mutations reach every outcome; a fuzzer that is always refused tests the header only.
    assert min(counts.values()) > 50, counts


def flipped(data, bit):
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)
