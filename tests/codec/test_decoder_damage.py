"""Damage costs the chunks it hits; wrong files and absurd headers cost one clear line and no memory."""

import struct
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from tests.codec.example_bundle import example_encoder, golden_model, moving
from tests.codec.fuzzing import memory_ceiling, originals
from tests.container.mend import mend
from vqvae_jax.codec.decoder import GREY, Decoder
from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.header import Header
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.codec.layout import Layout, LevelLayout

RATE = Fraction(16)
LEVELS = {"top": LevelLayout((4, 8, 8), 16), "bottom": LevelLayout((2, 4, 4), 16)}


@pytest.fixture
def path(tmp_path):
    """Four chunks of 8 frames, the last of 5."""
    example_encoder().encode(moving(29, 16, 24), tmp_path / "a.msv", RATE)
    return tmp_path / "a.msv"


def opened(path):
    return Decoder(golden_model(), path)


def chunk_ends(path):
    with opened(path) as decoder:
        return [66, *np.cumsum([sum(decoder.reader.part_sizes(c).values()) + head(decoder, c) for c in range(4)]) + 66]


def head(decoder, chunk):
    return 1 + 2 * 4 + sum(2 if size > 127 else 1 for size in decoder.reader.part_sizes(chunk).values())


def damage(path, chunk):
    """Flips a bit in the middle of a chunk."""
    ends, data = chunk_ends(path), bytearray(path.read_bytes())
    data[(ends[chunk] + ends[chunk + 1]) // 2] ^= 1
    path.write_bytes(data)


def skipped(path, **options):
    with opened(path) as decoder:
        return list(decoder.frames(on_error="skip", **options)), decoder.damaged


def test_a_damaged_chunk_repeats_the_last_good_frame_and_is_listed(path):
    whole, none = skipped(path)
    assert len(whole) == 29 and not none
    damage(path, 1)
    frames, damaged = skipped(path)
    assert list(damaged) == [1] and str(path) in damaged[1] and "chunk 1" in damaged[1]
    assert len(frames) == 29
    np.testing.assert_array_equal(frames[8:16], [frames[7]] * 8)
    # Chunks on either side lack a neighbour: their own far ends, beyond its reach, are what they were.
    np.testing.assert_array_equal(frames[24:], whole[24:])
    for near in (frames[0:8], frames[16:24]):
        assert all(frame.shape == (16, 24, 3) for frame in near)


def test_a_lost_neighbour_is_as_the_end_of_a_video(path):
    """What is decoded before a damaged chunk is what would be decoded if the video ended there."""
    with opened(path) as decoder:
        alone = decoder.content(0).indices
    damage(path, 1)
    window = {
        "top": alone["top"][np.clip(np.arange(-1, 3), 0, 1)],
        "bottom": alone["bottom"][np.clip(np.arange(-2, 6), 0, 3)],
    }
    expected = golden_model().decode(window)[4:12]
    np.testing.assert_array_equal(skipped(path)[0][:8], expected)


def test_before_the_first_good_frame_there_is_grey(path):
    damage(path, 0)
    frames, damaged = skipped(path)
    assert list(damaged) == [0]
    assert (np.array(frames[:8]) == GREY).all()
    assert np.array(frames[8:]).std() > 10


def test_without_skip_a_damaged_chunk_stops_with_its_number(path):
    damage(path, 2)
    with opened(path) as decoder:
        frames = decoder.frames()
        good = [next(frames) for _ in range(16)]
        with pytest.raises(UserError, match=r"chunk 2: .*; --on-error skip goes on behind it"):
            next(frames)
        assert len(good) == 16
        # What lies elsewhere can be had.
        assert len(list(decoder.frames(24, 5))) == 5


def test_damage_in_the_bottom_level_costs_a_preview_nothing(path):
    with opened(path) as decoder:
        preview = list(decoder.frames(level="top"))
    damage(path, 1)
    with opened(path) as decoder:
        np.testing.assert_array_equal(list(decoder.frames(level="top")), preview)


def test_a_payload_that_no_encoder_wrote_is_a_damaged_chunk(path):
    """Checksums right, content wrong."""
    ends, data = chunk_ends(path), bytearray(path.read_bytes())
    for at in range(ends[1] + 20, ends[2] - 4):
        changed = bytearray(data)
        changed[at] ^= 0x10
        path.write_bytes(mend(bytes(changed)))
        with opened(path) as decoder, pytest.raises(DamagedChunk, match="chunk 1: an entropy-coded stream"):
            decoder.content(1)


@pytest.mark.parametrize("chunks", [0, 1, 3])
def test_a_truncated_file_ends_with_its_last_chunk(path, chunks):
    whole, ends = skipped(path)[0], chunk_ends(path)
    path.write_bytes(path.read_bytes()[: ends[chunks] + 10])
    with opened(path) as decoder, pytest.raises(UserError, match=f"{chunks} of 4 chunks are whole"):
        next(decoder.frames())
    if not chunks:
        with pytest.raises(UserError, match="0 of 4 chunks are whole"):
            skipped(path)
        return
    frames, damaged = skipped(path)
    assert len(frames) == 8 * chunks
    assert list(damaged) == [chunks] and "decoding ends there" in damaged[chunks]
    np.testing.assert_array_equal(frames[: 8 * chunks - 8], whole[: 8 * chunks - 8])
    # Frames before the cut are not affected; those behind are not there.
    assert skipped(path, count=8)[1] == {}
    with pytest.raises(UserError, match="of 4 chunks are whole"):
        skipped(path, start=8 * chunks)


@pytest.mark.parametrize(
    ("start", "count", "message"),
    [
        (-1, None, "frames -1 on asked for; the video has frames 0 to 28"),
        (29, None, "frames 29 on asked for; the video has frames 0 to 28"),
        (0, 30, "frames 0 to 29 asked for; the video has frames 0 to 28"),
        (28, 2, "frames 28 to 29 asked for; the video has frames 0 to 28"),
        (0, 0, "0 frames asked for; give at least 1"),
        (5, -2, "-2 frames asked for; give at least 1"),
    ],
)
def test_frames_outside_the_video_are_refused(path, start, count, message):
    with opened(path) as decoder, pytest.raises(UserError, match=message):
        next(decoder.frames(start, count))


def test_levels_that_do_not_exist_are_refused(path):
    with opened(path) as decoder, pytest.raises(UserError, match="no level 'middle'; it has top, bottom"):
        next(decoder.frames(level="middle"))


def test_another_bundle_is_refused_by_name(path):
    with pytest.raises(UserError, match=rf"coded with bundle {golden_model(2).identity.hex()}, this is .*example-1"):
        Decoder(golden_model(1), path)


def written(path, **changes):
    """A file of one empty chunk with the right bundle and any header."""
    layout = Layout(**{"mode": "range", "levels": LEVELS, "width": 16, "height": 16, "chunk_frames": 8, **changes})
    sizes = layout.width, layout.height, 16, 16
    parts = tuple(layout.levels)
    header = Header(golden_model().identity, *sizes, RATE, 1, layout.chunk_frames, parts, layout.pack())
    with Writer(path, header) as writer:
        writer.add_chunk(layout.chunk_frames, dict.fromkeys(parts, b""))
    return path


@pytest.mark.parametrize(
    "levels", [{"top": LEVELS["top"]}, LEVELS | {"bottom": LevelLayout((2, 4, 4), 17)}], ids=["one", "17"]
)
def test_levels_other_than_the_bundles_are_refused(tmp_path, levels):
    with pytest.raises(UserError, match=r"its levels are .* the file is damaged"):
        opened(written(tmp_path / "a.msv", levels=levels))


@pytest.mark.parametrize(
    "size",
    [
        {"width": 16384, "height": 16384, "chunk_frames": 4},
        {"width": 4104, "height": 2048, "chunk_frames": 4},
        {"width": 64, "height": 64, "chunk_frames": 65532},
    ],
    ids=str,
)
def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path, size):
    path = written(tmp_path / "a.msv", **size)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"pixels; at most 33,554,432 can be coded") as error:
        opened(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000 and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["one_frame", "contexts_one_frame", "one_level", "range"])
def test_memory_follows_the_frames_that_are_there_not_the_chunks_that_a_header_claims(name):
    """A window of 65,532 frames of these small pictures takes 250 MiB with this narrow model, gigabytes with others."""
    original = next(known for known in originals() if known.name == name)
    with Decoder(original.model, original.data) as decoder:
        first = next(decoder.frames())
    data = bytearray(original.data)
    struct.pack_into("<IH", data, 34, 1, 65532)  # frames, frames of a chunk
    with memory_ceiling(100), Decoder(original.model, mend(bytes(data))) as decoder:
        try:
            frames = list(decoder.frames())
        except UserError as error:  # a payload of more frames than one
            assert "an entropy-coded stream" in str(error)
        else:
            np.testing.assert_allclose(np.array(frames, int), first[None].astype(int), atol=1)


def test_a_long_chunk_is_decoded_in_pieces_that_show_no_seam(tmp_path, monkeypatch):
    clip, path = moving(256, 16, 16), tmp_path / "a.msv"
    example_encoder(chunk_frames=256).encode(clip, path, RATE)
    with opened(path) as decoder:
        whole = np.array(list(decoder.frames()), int)
    monkeypatch.setattr("vqvae_jax.msvqvae.codec.tokenizer.WINDOW_PIXELS", 100 * 16 * 16)
    with opened(path) as decoder:
        in_pieces = np.array(list(decoder.frames()), int)
    np.testing.assert_allclose(in_pieces, whole, atol=1)
    assert (in_pieces == whole).mean() > 0.999


def test_the_largest_sizes_allowed_are_opened(tmp_path):
    path = written(tmp_path / "a.msv", width=3840, height=2160, chunk_frames=4)
    with opened(path) as decoder, pytest.raises(DamagedChunk):
        decoder.content(0)
