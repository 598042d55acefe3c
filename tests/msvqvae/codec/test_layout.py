"""What a file says of its levels: geometry, and headers that are refused although their checksums are right."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from tests.container.mend import mend
from vqvae_jax.codec.interface import MODES
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.msvqvae.codec.layout import MAX_INDICES_PER_CHUNK, Layout, LevelLayout

LEVELS = {"top": LevelLayout((4, 8, 8), 512), "bottom": LevelLayout((2, 4, 4), 512)}
LAYOUT = Layout("range", LEVELS, width=60, height=36, chunk_frames=8)
GOLDEN = Path(__file__).parents[2] / "codec" / "golden" / "range.msv"  # 32x24, chunks of 8 frames


def test_geometry_pads_the_picture_and_the_last_chunk_to_the_coarsest_stride():
    assert (LAYOUT.padded_width, LAYOUT.padded_height) == (64, 40)
    for frames in (5, 8):
        assert LAYOUT.grids(frames) == {"top": (2, 5, 8), "bottom": (4, 10, 16)}
    assert LAYOUT.grids(1) == {"top": (1, 5, 8), "bottom": (2, 10, 16)}


@pytest.mark.parametrize("mode", MODES)
def test_a_layout_comes_back_from_the_bytes_that_a_header_holds(mode):
    with Reader(GOLDEN) as reader:
        header = reader.header
    layout = replace(LAYOUT, mode=mode, width=41, height=23)
    of_layout = replace(header, width=41, height=23, family_header=layout.pack())
    assert Layout.parse(of_layout) == layout


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "zip"},
        {"chunk_frames": 6},
        {"levels": {"a": LevelLayout((2, 4, 4), 8), "b": LevelLayout((4, 8, 8), 8)}},
        {"levels": {"a": LevelLayout((0, 1, 1), 2)}},
        {"levels": {"a": LevelLayout((1, 1, 256), 2)}},
        {"levels": {"a": LevelLayout((1, 1), 2)}},
        {"levels": {"a": LevelLayout((1, 1, 1), 1)}},
        {"levels": {"a": LevelLayout((1, 1, 1), 65537)}},
    ],
    ids=str,
)
def test_a_field_out_of_range_is_named(change):
    with pytest.raises(ConfigError, match=next(iter(change)).removesuffix("s")):
        replace(LAYOUT, **change)


def test_the_number_of_indices_per_chunk_is_capped_at_the_number_itself():
    levels = {"only": LevelLayout((1, 1, 1), 2)}
    assert MAX_INDICES_PER_CHUNK == 2**26
    Layout("range", levels, 2**13, 2**13, 1)
    with pytest.raises(ConfigError, match="indices per chunk"):
        Layout("range", levels, 2**13 + 1, 2**13, 1)


@pytest.mark.parametrize(
    ("offset", "fmt", "value", "message"),
    [
        (7, "<B", 3, "mode=3"),
        (24, "<B", 5, "contradict"),  # padding that does not follow from the width
        (38, "<H", 9, "chunk_frames=9"),
        (41, "<B", 0, "strides"),
    ],
)
def test_a_bad_header_with_a_right_checksum_is_named(offset, fmt, value, message):
    data = bytearray(GOLDEN.read_bytes())
    struct.pack_into(fmt, data, offset, value)
    with Reader(mend(bytes(data))) as reader, pytest.raises(UserError, match=rf"its header is not valid \(.*{message}"):
        Layout.parse(reader.header)
