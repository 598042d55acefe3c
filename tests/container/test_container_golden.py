"""A file byte by byte: whoever changes the format must raise its version, not these bytes."""

import io
import re
from fractions import Fraction
from pathlib import Path

from example_files import CHUNKS, write_file
from mend import mend

from vqvae_jax.container.header import Header
from vqvae_jax.container.reader import Reader
from vqvae_jax.container.writer import Writer

PAGE = Path(__file__).parents[2] / "docs" / "format.md"

GOLDEN = bytes.fromhex(
    """
    89 4d 53 56 01 42 00
    00 01 23 45 67 89 ab cd ef
    3c 00 24 00 40 01 f0 00 04 04
    30 75 00 00 e9 03 00 00
    15 00 00 00 08 00 02
    04 08 08 ff 01 03 74 6f 70
    02 04 04 ff 01 06 62 6f 74 74 6f 6d
    fc 32 88 56
    05 10 86 74 6f 70 20 30 b8 da 1d 8a 62 6f 74 74 6f 6d 20 70 61 79 6c 6f 61 64 20 30 ed 90 6b 4d
    00 8c 01 48 5b d3 0c e8 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff
    00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff
    00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff
    00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff
    00 ff 00 ff a0 5d ca 63
    02 00 85 74 32 c3 6d 9f 42 81 93 1f 2a
    20 98 01 0d
    04 00 00 00 60 3c 31 27 4d 53 56 58
    """
)


def test_the_format_is_what_it_was(tmp_path):
    assert write_file(tmp_path / "a.msv") == GOLDEN


def test_golden_bytes_are_read(tmp_path):
    path = tmp_path / "golden.msv"
    path.write_bytes(GOLDEN)
    with Reader(path) as reader:
        assert not reader.index_damaged
        assert [tuple(reader.read_chunk(i).values()) for i in range(3)] == list(CHUNKS)


def test_checksums_worked_out_from_the_description_are_those_in_the_file():
    assert mend(GOLDEN) == mend(GOLDEN, rebuild_index=True) == GOLDEN


def golden_2():
    """The example of docs/format.md."""
    lines = re.findall(r"^    ((?:[0-9a-f]{2} )+) {2,}\S", PAGE.read_text(), re.MULTILINE)
    return bytes.fromhex("".join(lines))


def test_the_example_of_version_2_is_what_is_written_and_read():
    header = Header(
        bundle=bytes(range(8)),
        width=16,
        height=8,
        source_width=32,
        source_height=8,
        rate=Fraction(25),
        frames=1,
        chunk_frames=4,
        parts=("y",),
        family_header=b"\xca\xfe",
        family="toy",
        head_parts=("model",),
    )
    memory = io.BytesIO()
    with Writer(memory, header) as writer:
        writer.add_head_chunk({"model": b"weights"})
        writer.add_chunk(1, {"y": b"latents"})
    assert memory.getvalue() == golden_2() and len(golden_2()) == 99
    with Reader(golden_2()) as reader:
        assert reader.header == header and not reader.index_damaged
        assert (reader.read_head_chunk(), reader.read_chunk(0)) == ({"model": b"weights"}, {"y": b"latents"})


def test_checksums_of_version_2_worked_out_from_the_description_are_those_in_the_file():
    wrong = bytearray(golden_2())
    for at in (55, 60, 68, 73, 81, len(wrong) - 8):
        wrong[at] ^= 0xFF
    assert mend(bytes(wrong)) == mend(golden_2(), rebuild_index=True) == golden_2()
