"""Version 2: a family's name and bytes, parts of any name, a head chunk; damage costs what it costs in version 1."""

import io
import random
import tracemalloc
from dataclasses import replace

import pytest
from example_files import HEADER
from mend import mend
from mutate import mutate

from vqvae_jax.container.chunk import HEAD, DamagedChunk
from vqvae_jax.container.header import pack
from vqvae_jax.container.reader import Reader
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import UserError

PARTS = ("hyper", "latents 0", "latents 1")
NAMED = replace(HEADER, family="toy", parts=PARTS, head_parts=("weights", "tables"), family_header=b"\0any\xff" * 40)
MODEL = {"weights": b"w" * 500, "tables": b""}
CHUNKS = [{name: bytes([65 + chunk]) * (7 * chunk + 40 * at) for at, name in enumerate(PARTS)} for chunk in range(3)]


def written(header=NAMED):
    memory = io.BytesIO()
    with Writer(memory, header) as writer:
        if header.head_parts:
            writer.add_head_chunk(MODEL)
        for number, parts in enumerate(CHUNKS):
            writer.add_chunk(header.frames_in_chunk(number), parts)
    return memory.getvalue()


WHOLE = written()


def found(data):
    """The head chunk and every chunk; None for those lost."""
    with Reader(data) as reader:
        chunks = []
        for chunk in (HEAD, *range(3)):
            try:
                chunks.append(reader.read_head_chunk() if chunk == HEAD else reader.read_chunk(chunk))
            except DamagedChunk as error:
                assert error.chunk == chunk and "\n" not in str(error)
                chunks.append(None)
        return chunks


def test_any_flipped_bit_costs_the_chunk_it_hits_and_in_the_header_the_file():
    begin = len(pack(NAMED))
    sizes = [sum(len(part) + 4 + (2 if len(part) > 127 else 1) for part in c.values()) + 1 for c in (MODEL, *CHUNKS)]
    ends = [begin + sum(sizes[: count + 1]) for count in range(4)]
    for bit in range(8 * len(WHOLE)):
        data = bytearray(WHOLE)
        data[bit // 8] ^= 1 << bit % 8
        if bit < 8 * begin:
            with pytest.raises(UserError, match=r"not an \.msv file|newer|header"):
                Reader(bytes(data))
            continue
        hit = next((number for number, end in enumerate(ends) if bit < 8 * end), None)
        assert found(bytes(data)) == [None if number == hit else c for number, c in enumerate((MODEL, *CHUNKS))]


def test_a_file_cut_anywhere_gives_what_is_whole():
    begin = len(pack(NAMED))
    for size in range(begin, len(WHOLE), 7):
        chunks = found(WHOLE[:size])
        whole = chunks.index(None) if None in chunks else 4
        assert chunks == [*(MODEL, *CHUNKS)[:whole], *[None] * (4 - whole)]
        with Reader(WHOLE[:size]) as reader:
            assert reader.index_damaged and reader.whole_chunks == max(whole - 1, 0)


def test_the_first_parts_are_read_without_a_byte_of_the_others():
    with Reader(WHOLE) as reader:
        opened = reader.bytes_read
        assert list(reader.read_chunk(2, 2)) == list(PARTS[:2])
        head, read = 13, 3 + 1 + 14 + 54 + 8  # the start of a chunk is read in one go
        assert reader.bytes_read - opened == max(head, read)
        assert reader.part_sizes(2) == {name: len(part) for name, part in CHUNKS[2].items()}


@pytest.mark.parametrize(
    "change", [{"family": "toys"}, {"family_header": b""}, {"parts": ("a", "b", "c")}, {"head_parts": ("x", "y")}]
)
def test_a_foreign_header_is_found_in_every_chunk(change):
    foreign = pack(replace(NAMED, **change))
    assert found(foreign + WHOLE[len(pack(NAMED)) :]) == [None] * 4


def test_head_chunk_and_chunks_come_in_their_order():
    with Writer(io.BytesIO(), NAMED) as writer:
        with pytest.raises(ValueError, match="before the head chunk"):
            writer.add_chunk(8, CHUNKS[0])
        writer.add_head_chunk(MODEL)
        with pytest.raises(ValueError, match="comes before all others"):
            writer.add_head_chunk(MODEL)
        writer.add_chunk(8, CHUNKS[0])
    with Writer(io.BytesIO(), replace(NAMED, head_parts=())) as writer:
        with pytest.raises(ValueError, match="whose header names its parts"):
            writer.add_head_chunk({})
        writer.add_chunk(8, CHUNKS[0])


def test_what_cannot_seek_is_refused_in_one_line(tmp_path):
    class Pipe(io.BytesIO):
        def seek(self, *_):
            raise io.UnsupportedOperation("seek")

        tell = seek

    with pytest.raises(UserError, match=r"the coded video: cannot be written \(seek\)"), Writer(Pipe(), NAMED):
        pass
    with pytest.raises(UserError, match=r"the coded video: cannot be read \(seek\)"):
        Reader(Pipe(WHOLE))


def test_mutated_files_with_mended_checksums_end_in_user_errors_or_in_parts():
    rng = random.Random(22)
    outcomes = {"refused": 0, "some": 0, "all": 0}
    tracemalloc.start()
    for number in range(1000):
        data = mend(mutate(WHOLE, rng), rebuild_index=number % 2 == 1)
        try:
            with Reader(data) as reader:
                lost = 0
                for chunk in range(min(reader.chunk_count, 10)):
                    try:
                        reader.read_chunk(chunk)
                    except DamagedChunk:
                        lost += 1
        except UserError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
        else:
            outcomes["some" if lost else "all"] += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000 and min(outcomes.values()) > 50, outcomes
