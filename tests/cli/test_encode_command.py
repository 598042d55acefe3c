"""`vqvae-jax encode`: files as the library writes them, figures of the file itself, one line for every mistake."""

import json
from fractions import Fraction

import numpy as np
import pytest

from tests.codec.example_bundle import moving
from tests.video.example_videos import smooth_clip, write_with_pyav
from vqvae_jax.container.reader import Reader
from vqvae_jax.msvqvae.codec.layout import Layout
from vqvae_jax.video.source import open_source


def header_of(path):
    with Reader(path) as reader:
        return reader.header


@pytest.mark.parametrize("mode", ["range", "deflate", "fixed"])
def test_json_says_what_is_in_the_file(command, video, tmp_path, mode):
    out = tmp_path / "out.msv"
    result = command("encode", video, out, "--size", "native", "--mode", mode, "--json")
    assert result.code == 0
    facts, header = result.json, header_of(out)
    assert facts["bytes"] == out.stat().st_size and facts["source_bytes"] == video.stat().st_size
    assert facts["bpp"] == pytest.approx(8 * facts["bytes"] / (11 * 32 * 24))
    assert facts["kbit_per_s"] == pytest.approx(8 * facts["bytes"] / (11 / 25) / 1000)
    assert (facts["frames"], facts["width"], facts["height"], facts["fps"]) == (11, 32, 24, "25")
    assert facts["mode"] == Layout.parse(header).mode == mode
    assert sum(facts["payload_bytes"].values()) < facts["bytes"]
    assert (facts["source"], facts["file"]) == (str(video), str(out))


def test_verify_measures_the_decoded_file(command, video, tmp_path):
    out = tmp_path / "out.msv"
    verified = command("encode", video, out, "--size", "native", "--verify", "--json").json
    compared = command("compare", video, out, "--json").json
    for key in ("psnr", "ssim", "lossless_frames"):
        assert verified[key] == compared[key]
    assert 5 < verified["psnr"] < 40
    command("decode", out, tmp_path / "decoded.npy")
    decoded, original = np.load(tmp_path / "decoded.npy").astype(float), np.load(video).astype(float)
    by_frame = 10 * np.log10(255**2 / ((decoded - original) ** 2).mean(axis=(1, 2, 3)))
    assert verified["psnr"] == pytest.approx(by_frame.mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("size", "expected"), [("model", (16, 16)), ("native", (32, 24)), ("40x17", (40, 17)), ("1x1", (1, 1))]
)
def test_sizes(command, video, tmp_path, size, expected):
    result = command("encode", video, tmp_path / "out.msv", "--size", size)
    header = header_of(tmp_path / "out.msv")
    assert (header.width, header.height) == expected
    assert (header.source_width, header.source_height) == (32, 24)
    assert f"coded at {expected[0]}x{expected[1]}" in result.err
    assert ("--size native keeps the video's" in result.err) == (size == "model")
    assert "--rate-weight 0.05 asks for fewer" in result.err


def test_a_rate_weight_makes_a_smaller_file_that_decodes(command, video, tmp_path):
    plain = json.loads(command("encode", video, tmp_path / "plain.msv", "--json").out)
    weighted = json.loads(command("encode", video, tmp_path / "w.msv", "--json", "--rate-weight", "0.5").out)
    assert weighted["bytes"] < plain["bytes"]
    assert weighted["rate_weight"] == 0.5
    assert command("decode", tmp_path / "w.msv", tmp_path / "back.npy").code == 0
    assert np.load(tmp_path / "back.npy").shape == (len(np.load(video)), 16, 16, 3)


@pytest.mark.parametrize("weight", ["-1", "nan", "1e9"])
def test_a_rate_weight_out_of_range_is_refused(command, video, tmp_path, weight):
    result = command("encode", video, tmp_path / "out.msv", "--rate-weight", weight)
    assert result.code == 2
    assert "rate-weight=" in result.err
    assert not (tmp_path / "out.msv").exists()


def test_a_rate_weight_belongs_to_entropy_coding(command, video, tmp_path):
    result = command("encode", video, tmp_path / "out.msv", "--rate-weight", "0.1", "--mode", "deflate")
    assert result.code == 2
    assert "mode=deflate has none" in result.err


@pytest.mark.parametrize(("fps", "rate", "frames"), [("source", 25, 11), ("12.5", Fraction(25, 2), 5), ("50", 50, 22)])
def test_rates(command, video, tmp_path, fps, rate, frames):
    assert command("encode", video, tmp_path / "out.msv", "--fps", fps).code == 0
    header = header_of(tmp_path / "out.msv")
    assert (header.rate, header.frames) == (rate, frames)


def test_one_frame_is_a_video(command, tmp_path):
    np.save(tmp_path / "one.npy", moving(1, 3, 5))
    assert command("encode", tmp_path / "one.npy", tmp_path / "out.msv", "--size", "native").code == 0
    assert command("decode", tmp_path / "out.msv", tmp_path / "back.npy").code == 0
    assert np.load(tmp_path / "back.npy").shape == (1, 3, 5, 3)


def test_a_larger_file_than_the_source_is_warned_of(command, video, tmp_path):
    small = tmp_path / "small.npy"
    np.save(small, moving(1, 4, 4))
    result = command("encode", small, tmp_path / "out.msv", "--size", "64x64")
    assert result.code == 0 and "warning" in result.err and "is larger than" in result.err
    assert "warning" not in command("encode", video, tmp_path / "other.msv").err


def test_audio_is_said_to_be_dropped(command, tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        picture, sound = container.add_stream("libx264", rate=8), container.add_stream("aac", rate=8000)
        picture.width, picture.height, picture.pix_fmt = 32, 24, "yuv420p"
        for image in smooth_clip(8, 24, 32):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    result = command("encode", path, tmp_path / "out.msv")
    assert result.code == 0 and "audio is dropped" in result.err
    silent = write_with_pyav(tmp_path / "silent.mp4", smooth_clip(8, 24, 32))
    assert "audio is" not in command("encode", silent, tmp_path / "silent.msv").err


def test_video_files_keep_rate_and_aspect(command, tmp_path):
    path = write_with_pyav(tmp_path / "video.mp4", smooth_clip(9, 24, 32), rate=Fraction(30000, 1001), rotation=90)
    assert command("encode", path, tmp_path / "out.msv", "--size", "16x16").code == 0
    header = header_of(tmp_path / "out.msv")
    assert header.rate == Fraction(30000, 1001) and header.frames == 9
    assert (header.source_width, header.source_height) == (24, 32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "0x5"], "size='0x5'; expected model, native or WIDTHxHEIGHT"),
        (["--size", "99999x5"], "size='99999x5'"),
        (["--size", "large"], "size='large'"),
        (["--size", "16384x16384"], "pixels; at most"),
        (["--size", "4096x4096"], "pixels; at most"),
        (["--fps", "0"], "fps='0'; expected"),
        (["--fps", "fast"], "fps='fast'"),
        (["--fps", "1e999999999"], "fps="),
        (["--fps", "1/0"], "fps='1/0'"),
        (["--fps", "0.0001"], "from 1/3600 to 1000"),
        (["--gop", "6"], r"chunk-frames=6 \(--gop\) is not allowed; expected a multiple of 4 frames above 0"),
        (["--chunk-frames", "65536"], "chunk_frames=65536"),
        (["--bundle", "nothing.safetensors"], "bundle nothing.safetensors: no such file"),
    ],
)
def test_a_bad_option_is_one_line_and_leaves_nothing(command, video, tmp_path, options, message):
    result = command("encode", video, tmp_path / "out.msv", *options)
    assert result.refused(message)
    assert [entry.name for entry in tmp_path.iterdir()] == ["video.npy"]


def test_an_output_that_exists_is_kept_without_force(command, video, tmp_path):
    out = tmp_path / "out.msv"
    out.write_text("precious")
    assert command("encode", video, out).refused(
        r"out\.msv: exists already; choose another name or overwrite it with --force$"
    )
    assert out.read_text() == "precious"
    assert command("encode", video, out, "--force").code == 0
    assert header_of(out).frames == 11


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.mp4", None, "No such file"),
        ("text.mp4", b"not a video\n" * 50, "not a video"),
        ("empty.mp4", b"", "empty file"),
        ("cut.npy", b"\x93NUMPY\x01\x00", "not a .npy file"),
        ("file.msv", b"\x89MSV" + bytes(80), "is coded already"),
    ],
)
def test_a_source_that_is_no_video_is_one_line(command, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert command("encode", tmp_path / name, tmp_path / "out.msv").refused(message)
    assert not (tmp_path / "out.msv").exists()


def test_a_video_without_frames_is_one_line(command, tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((0, 8, 8, 3), np.uint8))
    assert command("encode", tmp_path / "none.npy", tmp_path / "out.msv").refused("no frame")
    (tmp_path / "folder").mkdir()
    assert command("encode", tmp_path / "folder", tmp_path / "out.msv").refused("without .png pictures")


def test_an_output_of_another_name_is_refused(command, video, tmp_path):
    assert command("encode", video, tmp_path / "out.mp4").refused(r"must end in \.msv")
    assert command("encode", video, tmp_path / "no" / "out.msv").refused("cannot be written")


def test_without_a_bundle_there_is_one_line(command, video, tmp_path, monkeypatch):
    from vqvae_jax import packaged

    monkeypatch.delenv("VQVAE_JAX_BUNDLE")
    monkeypatch.setattr(packaged, "FOLDER", tmp_path)
    assert command("encode", video, tmp_path / "out.msv").refused(
        r"give the model with --bundle FILE or \$VQVAE_JAX_BUNDLE"
    )


def test_an_array_is_taken_at_the_rate_that_is_given_for_it(command, tmp_path):
    np.save(tmp_path / "a.npy", moving(12, 16, 16))
    facts = command("encode", tmp_path / "a.npy", tmp_path / "a.msv", "--source-fps", "30000/1001", "--json").json
    assert (facts["frames"], facts["fps"]) == (12, "30000/1001")
    assert command("encode", tmp_path / "a.npy", tmp_path / "b.msv", "--source-fps", "source").refused("source-fps")


def test_a_video_that_names_its_rate_is_given_no_other(command, tmp_path):
    write_with_pyav(tmp_path / "a.mkv", smooth_clip(4, 16, 16), rate=10)
    assert command("encode", tmp_path / "a.mkv", tmp_path / "a.msv", "--source-fps", 5).refused("10 frames per second")


def test_slides_keep_their_time_and_their_rate(command, tmp_path):
    """8 pictures of 15 s: 1/15 frames per second, below a tenth."""
    path = write_with_pyav(tmp_path / "a.mp4", smooth_clip(8, 16, 16), rate=Fraction(1, 15))
    facts = command("encode", path, tmp_path / "a.msv", "--json").json
    assert (facts["frames"], facts["fps"]) == (8, "1/15")
    assert command("encode", path, tmp_path / "b.msv", "--source-fps", 1).refused("1/15 frames per second")
    assert command("encode", path, tmp_path / "c.msv", "--fps", "1", "--json").json["frames"] == 120
    assert command("decode", tmp_path / "a.msv", tmp_path / "b.mp4").code == 0
    with open_source(tmp_path / "b.mp4") as source:
        assert (source.info.rate, source.info.description) == (Fraction(1, 15), "h264 yuv420p")
        assert len(list(source.frames())) == 8


def test_a_coded_file_is_not_coded_again(command, tmp_path):
    (tmp_path / "a.msv").write_bytes(b"x")
    assert command("encode", tmp_path / "a.msv", tmp_path / "b.msv").refused("is coded already")
