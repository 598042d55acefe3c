"""Frames to a file and back: indices and frames are the model's, in every mode, at any length, from any frame on."""

import gc
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import jax
import numpy as np
import pytest

from tests.codec.example_bundle import example_encoder, golden_model, moving
from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import MODES, check_chunk_pixels
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.codec.layout import Layout
from vqvae_jax.msvqvae.codec.model import CodecModel

SIZE = 8  # frames of a chunk
STRIDES = {1: {"bottom": 2}, 2: {"top": 4, "bottom": 2}}
RATE = Fraction(16)
GOLDEN = Path(__file__).parent / "golden"


def coded(path, clip, levels=2, mode="range", **options):
    """Encodes; gives an open decoder."""
    example_encoder(levels, mode).encode(clip, path, RATE, **options)
    return Decoder(golden_model(levels), path)


def expected_indices(levels, clip):
    """By level, over the whole video: windows of a chunk and its context, ends repeated, cut to the chunk."""
    found = {name: [] for name in STRIDES[levels]}
    margin = coarse = max(STRIDES[levels].values())  # frames of context on either side
    for begin in range(0, len(clip), SIZE):
        window = np.clip(np.arange(begin - margin, begin + SIZE + margin), 0, len(clip) - 1)
        frames = -(-min(SIZE, len(clip) - begin) // coarse) * coarse
        for name, grid in golden_model(levels).encode(clip[window]).items():
            stride = STRIDES[levels][name]
            found[name].append(grid[margin // stride : (margin + frames) // stride])
    return {name: np.concatenate(grids) for name, grids in found.items()}


def expected_frames(levels, indices, clip, level=None):
    """Frames decoded from windows of indices, ends repeated, cut to the chunk and the video."""
    frames = []
    margin = max(STRIDES[levels].values())
    for begin in range(0, len(clip), SIZE):
        window = {}
        for name, grid in indices.items():
            stride = STRIDES[levels][name]
            steps = np.arange((begin - margin) // stride, (begin + SIZE + margin) // stride)
            window[name] = grid[np.clip(steps, 0, len(grid) - 1)]
        decoded = golden_model(levels).decode(window, level=level)
        frames.append(decoded[margin : margin + min(SIZE, len(clip) - begin), : clip.shape[1], : clip.shape[2]])
    return np.concatenate(frames)


def indices_of(decoder):
    chunks = [decoder.content(chunk).indices for chunk in range(decoder.reader.chunk_count)]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_a_file_holds_the_models_indices_and_decodes_to_its_frames(tmp_path, mode, levels):
    clip = moving(21)
    with coded(tmp_path / "a.msv", clip, levels, mode) as decoder:
        assert Layout.parse(decoder.reader.header).mode == mode
        indices, frames = indices_of(decoder), list(decoder.frames())
    expected = expected_indices(levels, clip)
    for name, grid in expected.items():
        np.testing.assert_array_equal(indices[name], grid)
    np.testing.assert_array_equal(frames, expected_frames(levels, expected, clip))


def test_every_length_comes_back(tmp_path):
    whole = moving(70, 16, 16)
    for length in range(1, 71):
        with coded(tmp_path / f"{length}.msv", whole[:length]) as decoder:
            header = decoder.reader.header
            assert header.frames == length and header.chunks == -(-length // SIZE)
            indices = indices_of(decoder)
            # The last chunk is filled up to the temporal stride, not to a whole chunk.
            assert len(indices["top"]) == -(-length // 4) and len(indices["bottom"]) == 2 * len(indices["top"])
            frames = np.stack(list(decoder.frames()))
        assert frames.shape == (length, 16, 16, 3)
        if length % 9 == 0:
            expected = expected_indices(2, whole[:length])
            np.testing.assert_array_equal(frames, expected_frames(2, expected, whole[:length]))


@pytest.mark.parametrize("size", [(41, 67), (1, 1), (9, 3), (64, 8)])
def test_every_size_comes_back(tmp_path, size):
    clip = moving(9, *size)
    with coded(tmp_path / "a.msv", clip) as decoder:
        header = decoder.reader.header
        assert (header.height, header.width) == size
        layout = Layout.parse(header)
        assert (layout.padded_height, layout.padded_width) == tuple(-(-side // 8) * 8 for side in size)
        frames = list(decoder.frames())
        np.testing.assert_array_equal(frames, expected_frames(2, indices_of(decoder), clip))


def test_any_range_of_frames_is_a_slice_of_the_whole(tmp_path):
    with coded(tmp_path / "a.msv", moving(21, 16, 16)) as decoder:
        whole = list(decoder.frames())
        for start in range(21):
            for count in (1, 7, 8, 9, None):
                if count is None or start + count <= 21:
                    expected = whole[start:] if count is None else whole[start : start + count]
                    np.testing.assert_array_equal(list(decoder.frames(start, count)), expected)


@pytest.mark.parametrize("level", ["top", "bottom", None])
def test_a_level_alone_is_a_preview(tmp_path, level):
    clip = moving(21)
    with coded(tmp_path / "a.msv", clip) as decoder:
        indices = indices_of(decoder)
        frames = list(decoder.frames(level=level))
    if level == "top":
        indices = {"top": indices["top"]}
    np.testing.assert_array_equal(frames, expected_frames(2, indices, clip, level))


def test_a_preview_reads_the_top_level_only(tmp_path):
    path = tmp_path / "a.msv"
    with coded(path, moving(21)) as decoder:
        reader = decoder.reader
        top = sum(reader.part_sizes(chunk)["top"] for chunk in range(3))
    with Decoder(golden_model(), path) as decoder:
        opened = decoder.reader.bytes_read
        list(decoder.frames(level="top"))
        # A chunk's head is at most 9 bytes here, and its start is read in one go; a checksum is 4.
        assert decoder.reader.bytes_read - opened <= top + 3 * (9 + 4)


def test_a_frame_far_into_a_long_file_is_read_without_those_before_it(tmp_path):
    path = tmp_path / "long.msv"
    video = moving(3100, 16, 16)
    with coded(path, video) as decoder:
        chunk = 3000 // SIZE
        near = [sum(decoder.reader.part_sizes(c).values()) + 3 + 8 for c in (chunk - 1, chunk, chunk + 1)]
        expected = list(decoder.frames(2990, 20))[10]
    with Decoder(golden_model(), path) as decoder:
        opened = decoder.reader.bytes_read
        # The header, one or two bytes of index for every chunk, the footer.
        assert opened < 66 + 2 * 388 + 12 + 1
        np.testing.assert_array_equal(next(decoder.frames(3000, 1)), expected)
        assert decoder.reader.bytes_read - opened <= sum(near)
        assert decoder.reader.bytes_read < 0.05 * decoder.reader.size
        # Neighbours are kept: reading on costs one chunk more.
        read = decoder.reader.bytes_read
        list(decoder.frames(3000, SIZE + 1))
        assert decoder.reader.bytes_read - read < max(near) + 10


def test_what_is_reported_is_what_is_in_the_file(tmp_path):
    path, seen = tmp_path / "a.msv", []
    result = example_encoder().encode(moving(21, 20, 30), path, Fraction(30000, 1001), (320, 240), on_chunk=seen.append)
    assert seen == [8, 16, 21]
    assert result[:5] == (21, 30, 20, 3, path.stat().st_size)
    assert result.bpp == 8 * result.bytes / (21 * 20 * 30)
    with Decoder(golden_model(), path) as decoder:
        header, reader = decoder.reader.header, decoder.reader
        sizes = [reader.part_sizes(chunk) for chunk in range(3)]
        assert result.payload_bytes == {name: sum(s[name] for s in sizes) for name in ("top", "bottom")}
        assert header.rate == Fraction(30000, 1001) and (header.source_width, header.source_height) == (320, 240)
        assert header.bundle == golden_model().identity


def test_overhead_is_under_two_percent_of_what_a_real_model_writes():
    """Ten seconds of 64x64 at 16 fps: five chunks of 32 frames, about 3,300 bytes of payload each (docs/format.md)."""
    header, chunk, index = 66, 1 + 2 * 2 + 2 * 4, 5 * 2 + 12
    assert (header + 5 * chunk + index) / (5 * 3300) < 0.02


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "has no frames"),
        (np.zeros((0, 8, 8, 3), np.uint8), "has no frames"),
        (np.zeros((3, 8, 8), np.uint8), "expected frames"),
        (np.zeros((3, 8, 8, 3), np.float32), "expected frames"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], "frame 1 is"),
        ([np.zeros((8, 8, 3), np.uint8)] * 20 + [np.zeros((8, 8, 3), np.int16)], "frame 20 is int16"),
        ([np.broadcast_to(np.uint8(0), (4096, 4096, 3))], "at most 33,554,432 can be coded"),
        ([np.broadcast_to(np.uint8(0), (8, 16385, 3))], "width=16385"),
    ],
    ids=range(8),
)
def test_what_cannot_be_coded_leaves_no_file(tmp_path, frames, message):
    with pytest.raises(UserError, match=message):
        example_encoder().encode(frames, tmp_path / "a.msv", RATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, UserError])
def test_a_source_that_fails_leaves_no_file(tmp_path, error):
    def failing():
        yield from moving(20)
        raise error("source")

    with pytest.raises(error, match="source"):
        example_encoder().encode(failing(), tmp_path / "a.msv", RATE)
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path):
    path = tmp_path / "a.msv"
    path.write_text("precious")
    with pytest.raises(UserError, match=r"exists already; choose another name or overwrite it$"):
        example_encoder().encode(moving(3), path, RATE)
    assert path.read_text() == "precious"
    example_encoder().encode(moving(3), path, RATE, overwrite=True)
    assert path.read_bytes()[1:4] == b"MSV"


@pytest.mark.parametrize("frames", [0, 2, 6, -4])
def test_chunks_must_fit_the_model(frames):
    with pytest.raises(UserError, match="a multiple of 4 frames above 0"):
        Encoder(golden_model(), chunk_frames=frames)


def test_chunks_get_shorter_as_pictures_grow():
    weights = golden_model().weights
    longer = weights._replace(config=replace(weights.config, clip=(32, 64, 64)))
    encoder = Encoder(CodecModel(read_bundle(GOLDEN / "contexts2.safetensors"), longer))
    assert encoder.chunk_frames(64, 64) == encoder.chunk_frames(640, 480) == 32
    assert encoder.chunk_frames(1280, 720) == 8
    assert encoder.chunk_frames(3840, 2160) == 4
    check_chunk_pixels("4K", 4, 3840, 2160)


def test_memory_does_not_grow_with_the_video(tmp_path):
    """Bytes that Python and NumPy hold and the number of JAX's arrays, after every chunk of 64x64 at 16 fps."""
    still, path = moving(16, 64, 64), tmp_path / "long.msv"
    seen = {"encoding": [], "decoding": []}

    def note(stage):
        gc.collect()  # what merely waits for it is not kept
        seen[stage].append((tracemalloc.get_traced_memory()[0], len(jax.live_arrays())))

    tracemalloc.start()
    try:
        frames = (still[number % 16] for number in range(16 * 35))
        example_encoder().encode(frames, path, RATE, on_chunk=lambda _: note("encoding"))
        with Decoder(golden_model(), path) as decoder:
            for count, _ in enumerate(decoder.frames(), start=1):
                if count % 8 == 0:
                    note("decoding")
    finally:
        tracemalloc.stop()
    for stage, notes in seen.items():
        assert len(notes) == 70, stage
        # A chunk's buffers go a moment sooner or later; what grows is there at every chunk: medians of thirds.
        early, late = (np.median(notes[part], axis=0) for part in (slice(10, 30), slice(50, 70)))
        # 40 chunks lie between their middles: their 320 frames are 3.9 MB; one array kept of each would be 40.
        assert late[0] < early[0] + 100_000, stage
        assert late[1] < early[1] + 20, stage
