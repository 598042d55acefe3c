"""`vqvae-jax decode`, `info` and `compare`: what the library decodes, in any container; damage and mistakes."""

import numpy as np
import pytest
from PIL import Image

from tests.codec.example_bundle import moving, save_example
from tests.container.mend import mend
from tests.video.example_videos import read_with_pyav
from vqvae_jax.container.reader import Reader

WEIGHTS = np.array([0.299, 0.587, 0.114])  # of luma


@pytest.fixture
def coded(command, video, tmp_path):
    """11 frames of 32x24 in chunks of 4."""
    path = tmp_path / "coded.msv"
    assert command("encode", video, path, "--size", "native").code == 0
    return path


@pytest.fixture
def frames(command, coded, tmp_path):
    """All frames, as an array."""
    assert command("decode", coded, tmp_path / "all.npy").code == 0
    return np.load(tmp_path / "all.npy")


def test_every_container_shows_the_same_frames(command, coded, frames, tmp_path):
    assert frames.shape == (11, 24, 32, 3) and frames.dtype == np.uint8
    for name in ("a.mkv", "a.avi"):
        result = command("decode", coded, tmp_path / name, "--codec", "ffv1")
        assert result.code == 0 and "11 frames of 32x24 at 25 fps" in result.out
        np.testing.assert_array_equal(read_with_pyav(tmp_path / name), frames)
    assert command("decode", coded, tmp_path / "a.mp4", "--pixel-format", "yuv444p").code == 0
    assert np.abs(read_with_pyav(tmp_path / "a.mp4").astype(int) - frames).mean() < 3
    result = command("decode", coded, tmp_path / "plays_everywhere.mp4")
    assert result.out.endswith("11 frames of 32x24 at 25 fps, yuv420p\n")
    luma = [read_with_pyav(tmp_path / "plays_everywhere.mp4") @ WEIGHTS, frames @ WEIGHTS]
    assert np.abs(luma[0] - luma[1]).mean() < 3
    assert command("decode", coded, tmp_path / "pictures").code == 0
    pictures = sorted((tmp_path / "pictures").iterdir())
    np.testing.assert_array_equal([np.asarray(Image.open(path)) for path in pictures], frames)


@pytest.mark.parametrize(("start", "count"), [(0, 1), (3, 6), (10, None)])
def test_a_range_is_a_slice(command, coded, frames, tmp_path, start, count):
    options = ["--start", start] + ([] if count is None else ["--frames", count])
    assert command("decode", coded, tmp_path / "part.npy", *options).code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "part.npy"), frames[start:][:count])


def test_the_top_level_is_a_preview(command, coded, frames, tmp_path):
    assert command("decode", coded, tmp_path / "top.npy", "--level", "top").code == 0
    top = np.load(tmp_path / "top.npy")
    assert top.shape == frames.shape and (top != frames).mean() > 0.5


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("a.txt", [], "unknown ending"),
        ("a.mp4", ["--codec", "ffv1"], "FFV1 does not go into .mp4"),
        ("a.npy", ["--codec", "ffv1"], "codec=ffv1 is for video files; an array"),
        ("a.npy", ["--codec", "h264"], "codec=h264 is for video files; an array"),
        ("a/", ["--codec", "ffv1"], "codec=ffv1 is for video files; pictures"),
        ("a", ["--codec", "h264"], "codec=h264 is for video files; pictures"),
        ("a.npy", ["--pixel-format", "yuv444p"], "pixel_format=yuv444p is for H.264 video files"),
        ("a.mkv", ["--codec", "ffv1", "--pixel-format", "yuv420p"], "pixel_format=yuv420p is for H.264 video files"),
        ("a.npy", ["--start", 11], "frames 11 on asked for; the video has frames 0 to 10"),
        ("a.npy", ["--frames", 12], "frames 0 to 11 asked for; the video has frames 0 to 10"),
        ("a.npy", ["--frames", 0], "0 frames asked for; give at least 1"),
        ("a.npy", ["--level", "middle"], "no level 'middle'"),
        ("no/a.npy", [], "cannot be written .there is no folder .*no."),
        ("video.npy", [], "exists already; choose another name or overwrite it with --force$"),
    ],
)
def test_a_bad_request_is_one_line_and_leaves_nothing(command, coded, tmp_path, out, options, message):
    before = sorted(tmp_path.iterdir())
    assert command("decode", coded, tmp_path / out, *options).refused(message)
    assert sorted(tmp_path.iterdir()) == before


def test_force_overwrites(command, coded, frames, tmp_path):
    assert command("decode", coded, tmp_path / "video.npy", "--force").code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "video.npy"), frames)


def test_another_bundle_is_refused_by_name(command, coded, tmp_path):
    save_example(tmp_path / "other.safetensors", levels=1)
    result = command("decode", coded, tmp_path / "a.npy", "--bundle", tmp_path / "other.safetensors")
    assert result.refused(r"was coded with bundle [0-9a-f]{16}, this is [0-9a-f]{16} \(example-1\)")


def damaged(coded):
    data = bytearray(coded.read_bytes())
    data[len(data) // 2] ^= 4
    coded.write_bytes(data)


def test_a_damaged_chunk_stops_or_is_skipped_and_said(command, coded, frames, tmp_path):
    damaged(coded)
    assert command("decode", coded, tmp_path / "a.npy").refused("chunk 1: .*--on-error skip")
    assert not (tmp_path / "a.npy").exists()
    result = command("decode", coded, tmp_path / "a.npy", "--on-error", "skip")
    assert result.code == 0 and "skipped: " in result.err and "chunk 1" in result.err
    repeated = np.load(tmp_path / "a.npy")
    assert len(repeated) == 11
    np.testing.assert_array_equal(repeated[4:8], repeated[[3] * 4])
    facts = command("info", coded, "--json")
    assert facts.code == 1 and facts.json["damaged_chunks"] == [1] and facts.json["missing_chunks"] == 0
    assert facts.json["bpp"] == pytest.approx(8 * coded.stat().st_size / (11 * 32 * 24))  # its bytes are there
    told = command("info", coded)
    assert told.code == 1 and "damaged: chunks 1 of 3 (from 0) cannot be decoded\n" in told.out


def test_a_truncated_file_says_what_is_left(command, coded, tmp_path):
    whole = coded.read_bytes()
    coded.write_bytes(whole[:-40])
    refusal = "2 of 3 chunks are whole; --on-error skip decodes the 8 frames before"
    assert command("decode", coded, tmp_path / "a.npy").refused(refusal)
    assert command("decode", coded, tmp_path / "part.npy", "--start", 1, "--frames", 7).code == 0
    assert len(np.load(tmp_path / "part.npy")) == 7
    result = command("decode", coded, tmp_path / "a.npy", "--on-error", "skip")
    assert result.code == 0 and "decoding ends there" in result.err and "8 frames" in result.out
    told = command("info", coded)
    assert told.code == 1 and "8 of 11 frames of 32x24" in told.out
    assert "damaged: the last 1 of 3 chunks are missing or cannot be found; its index is missing" in told.out
    coded.write_bytes(whole[:70])
    told = command("info", coded)
    assert told.code == 1 and "0 of 11 frames" in told.out and "bpp" not in told.out


def test_wherever_a_file_is_cut_info_counts_what_is_there_and_agrees_with_decode(command, coded, tmp_path):
    whole = coded.read_bytes()
    with Reader(coded) as reader:
        ends = list(reader._starts)
    for size in range(ends[0], len(whole), 7):
        coded.write_bytes(whole[:size])
        result = command("info", coded, "--json")
        facts, there = result.json, sum(end <= size for end in ends[1:])
        assert facts["missing_chunks"] == 3 - there and facts["damaged_chunks"] == [] and facts["index_damaged"]
        assert facts["found_frames"] == min(11, 4 * there)
        expected = [8 * ends[there] / (facts["found_frames"] * 32 * 24)] if there else [None]
        assert [facts["bpp"]] == pytest.approx(expected)
        assert result.code == (1 if there < 3 else 0) and "damaged: " in result.err
    for size in (ends[1], ends[2] + 1, ends[3], len(whole) - 1):
        coded.write_bytes(whole[:size])
        decoded = command("decode", coded, tmp_path / "a.npy", "--force")
        assert (decoded.code == 2) == (command("info", coded).code == 1) == (size < ends[3])


def test_no_chunk_is_called_both_damaged_and_missing(command, coded):
    whole = bytearray(coded.read_bytes())
    for place in range(66, len(whole), 11):
        for end in (len(whole), len(whole) - 5, len(whole) - 40):
            data = whole[:end]
            if place < end:
                data[place] ^= 0x55
            coded.write_bytes(data)
            facts = command("info", coded, "--json").json
            assert all(chunk < 3 - facts["missing_chunks"] for chunk in facts["damaged_chunks"])


def test_a_damaged_index_costs_no_frame_but_is_told(command, coded, frames, tmp_path):
    data = bytearray(coded.read_bytes())
    data[-6] ^= 0xFF
    coded.write_bytes(data)
    result = command("decode", coded, tmp_path / "a.npy")
    assert result.code == 0 and "warning: " in result.err and "its index is missing or damaged" in result.err
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), frames)
    told = command("info", coded)
    assert told.code == 0 and "damaged: its index is missing or damaged" in told.out


def test_a_header_that_promises_too_much_costs_no_time(command, coded, tmp_path):
    data = bytearray(coded.read_bytes())
    data[34:38] = b"\xff" * 4
    coded.write_bytes(mend(bytes(data)))
    facts = command("info", coded, "--json").json
    assert facts["frames"] == 2**32 - 1 and facts["missing_chunks"] > 10**9
    result = command("decode", coded, tmp_path / "a.npy", "--on-error", "skip")
    assert result.code == 0 and len(np.load(tmp_path / "a.npy")) <= 12


def test_info_says_what_the_file_holds(command, coded):
    facts = command("info", coded, "--json").json
    size = coded.stat().st_size
    assert facts["bytes"] == size and facts["bpp"] == pytest.approx(8 * size / (11 * 32 * 24))
    assert facts["kbit_per_s"] == pytest.approx(8 * size / (11 / 25) / 1000)
    assert (facts["frames"], facts["chunks"], facts["chunk_frames"], facts["fps"]) == (11, 3, 4, "25")
    assert (facts["width"], facts["height"], facts["padded_width"], facts["padded_height"]) == (32, 24, 32, 24)
    assert facts["levels"]["top"]["codes"] == 16 and facts["levels"]["bottom"]["strides"] == [2, 4, 4]
    # Header, three chunks' heads and checksums, index and footer.
    assert size - sum(level["payload_bytes"] for level in facts["levels"].values()) == 66 + 3 * 11 + 3 + 12
    text = command("info", coded).out
    assert "11 frames of 32x24 at 25 fps" in text and "mode range, 3 chunks of 4 frames" in text
    assert "damaged" not in text


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"text", "is not an .msv file"), (b"\x89MSV\x04", "newer than this program's 3")],
)
def test_what_is_no_msv_file_is_one_line(command, tmp_path, content, message):
    path = tmp_path / "a.msv"
    if content is not None:
        path.write_bytes(content)
    assert command("info", path).refused(message)
    assert command("decode", path, tmp_path / "a.npy").refused(message)
    assert command("compare", path, path).refused(message)


def test_compare_measures_any_two_videos(command, coded, frames, video, tmp_path):
    facts = command("compare", video, coded, "--json").json
    assert facts["reference"] == {
        "file": str(video),
        "bytes": video.stat().st_size,
        "bpp": pytest.approx(8 * video.stat().st_size / (11 * 32 * 24)),
    }
    assert facts["estimate"]["bytes"] == coded.stat().st_size
    same = command("compare", tmp_path / "all.npy", coded, "--json").json
    assert (same["psnr"], same["ssim"], same["lossless_frames"]) == (100, pytest.approx(1), 11)
    assert "PSNR 100.00 dB (frames capped at 100, 11 lossless)" in command("compare", tmp_path / "all.npy", coded).out


def test_videos_that_cannot_be_compared_are_named(command, video, tmp_path):
    np.save(tmp_path / "short.npy", moving(9))
    np.save(tmp_path / "small.npy", moving(11, 8, 8))
    assert command("compare", video, video, "--bundle", "edge").refused("bundle=edge is for .msv files; .* are none")
    assert command("compare", video, tmp_path / "short.npy").refused("the second video ends after 9 frames")
    assert command("compare", video, tmp_path / "small.npy").refused(
        "frame 0 is 32x24 in the first .* 8x8 in the second"
    )
