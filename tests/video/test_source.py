import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from example_videos import read_with_pyav, smooth_clip, write_with_pyav
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vqvae_jax.errors import UserError
from vqvae_jax.video.source import open_source

SEQUENCES = Path(__file__).parents[3] / "shared" / "data" / "sequences"
CLIP = smooth_clip(5, 40, 68)


def frames_of(path, rate=None, **options):
    with open_source(path, **options) as source:
        return np.stack(list(source.frames(rate)))


def numbers_of(path, rate=None):
    """For clips whose frame i is grey 10 * i."""
    return [round(float(frame.mean()) / 10) for frame in frames_of(path, rate)]


def greys(count):
    return np.repeat(np.arange(count, dtype=np.uint8) * 10, 24 * 32 * 3).reshape(count, 24, 32, 3)


# Pixel formats


@pytest.mark.parametrize("pix_fmt", ["bgr0", "bgra", "gbrp10le", "rgb48le"])
def test_rgb_sources_of_any_depth_come_out_as_stored(tmp_path, pix_fmt):
    path = write_with_pyav(tmp_path / "v.mkv", CLIP, "ffv1", pix_fmt)
    np.testing.assert_array_equal(frames_of(path), CLIP)


def test_alpha_is_dropped_not_composed(tmp_path):
    alpha = np.random.default_rng(0).integers(0, 256, (*CLIP.shape[:3], 1), dtype=np.uint8)
    path = write_with_pyav(tmp_path / "v.mkv", np.concatenate([CLIP, alpha], -1), "ffv1", "bgra")
    np.testing.assert_array_equal(frames_of(path), CLIP)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "mean_error"),
    [
        ("ffv1", "yuv444p", 1.0),
        ("ffv1", "yuv444p10le", 0.5),
        ("ffv1", "yuv420p10le", 3.5),
        ("ffv1", "yuva420p", 3.5),
        ("libx264", "yuv444p", 1.5),
        ("libx264", "yuv420p10le", 3.5),
        ("libx264", "yuv444p10le", 1.5),
    ],
)
def test_yuv_sources_of_any_depth_and_subsampling_come_out_as_the_same_picture(tmp_path, codec, pix_fmt, mean_error):
    path = write_with_pyav(tmp_path / "v.mkv", CLIP, codec, pix_fmt)
    got = frames_of(path)
    assert got.dtype == np.uint8 and got.flags.c_contiguous
    assert np.abs(got.astype(int) - CLIP).mean() < mean_error


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "gray16le"])
def test_gray_becomes_three_equal_channels_of_its_luma(tmp_path, pix_fmt):
    got = frames_of(write_with_pyav(tmp_path / "v.mkv", CLIP, "ffv1", pix_fmt)).astype(float)
    np.testing.assert_array_equal(got[..., 0], got[..., 1])
    np.testing.assert_array_equal(got[..., 0], got[..., 2])
    np.testing.assert_allclose(got[..., 0], CLIP @ [0.299, 0.587, 0.114], atol=2.5)


# Header facts


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_rotation_metadata_is_applied_and_counted_in_the_size(tmp_path, rotation, ending):
    path = write_with_pyav(tmp_path / f"v.{ending}", CLIP, rotation=rotation)
    upright = np.rot90(CLIP, rotation // 90, axes=(1, 2))
    with open_source(path) as source:
        assert (source.info.height, source.info.width) == upright.shape[1:3]
        got = np.stack(list(source.frames()))
    assert np.abs(got.astype(int) - upright).mean() < 1.5


@pytest.mark.parametrize(("rotation", "aspect"), [(0, Fraction(4 * 68, 3 * 40)), (90, Fraction(3 * 40, 4 * 68))])
def test_display_aspect_is_that_of_the_upright_picture(tmp_path, rotation, aspect):
    with av.open(tmp_path / "v.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 68, 40, "yuv444p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_rotation(rotation)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(CLIP[0])))
        container.mux(stream.encode(None))
    with open_source(tmp_path / "v.mp4") as source:
        assert source.info.display_aspect == aspect
    with open_source(write_with_pyav(tmp_path / "square.mp4", CLIP)) as source:
        assert source.info.display_aspect is None


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(2997, 100), Fraction(12345, 679), Fraction(1, 2)])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_the_rate_is_the_exact_ratio(tmp_path, rate, ending):
    with open_source(write_with_pyav(tmp_path / f"v.{ending}", CLIP, rate=rate)) as source:
        assert source.info.rate == rate and source.info.rate_stated
        assert len(list(source.frames())) == 5


def test_audio_is_noticed(tmp_path):
    with av.open(tmp_path / "v.mkv", "w") as container:
        picture, sound = container.add_stream("ffv1", rate=25), container.add_stream("pcm_s16le", rate=8000)
        picture.width, picture.height, picture.pix_fmt = 68, 40, "bgr0"
        sound.layout = "mono"
        container.mux(picture.encode(av.VideoFrame.from_ndarray(CLIP[0])))
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), format="s16", layout="mono")
        samples.sample_rate = 8000
        container.mux(sound.encode(samples))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))
    with open_source(tmp_path / "v.mkv") as source:
        assert source.info.has_audio and source.info.description == "ffv1 bgr0"
    with open_source(write_with_pyav(tmp_path / "mute.mkv", CLIP)) as source:
        assert not source.info.has_audio


# Rates


def test_a_variable_rate_gives_the_frame_nearest_to_every_tick_of_the_nominal_rate(tmp_path):
    stamps = [0, 40, 80, 400, 440, 1000, 1040, 1080]
    path = write_with_pyav(tmp_path / "v.mkv", greys(8), stamps_ms=stamps)
    got = numbers_of(path)
    assert len(got) == 28  # 1.12 s at 25 frames per second
    for k, number in enumerate(got):
        assert abs(stamps[number] - 40 * k) <= min(abs(s - 40 * k) for s in stamps)


def test_a_rate_picks_frames_and_none_gives_all(tmp_path):
    path = write_with_pyav(tmp_path / "v.mp4", greys(20), rate=24)
    assert numbers_of(path) == list(range(20))
    assert numbers_of(path, Fraction(8)) == [0, 3, 6, 9, 12, 15]
    assert numbers_of(path, Fraction(48))[:6] == [0, 1, 1, 2, 2, 3]


def test_a_video_shorter_than_a_period_of_the_rate_gives_its_first_frame(tmp_path):
    path = write_with_pyav(tmp_path / "v.mp4", CLIP[:1], rate=25)
    assert len(frames_of(path)) == len(frames_of(path, Fraction(8))) == 1


def test_arrays_and_pictures_run_at_the_assumed_rate(tmp_path):
    np.save(tmp_path / "v.npy", CLIP)
    with open_source(tmp_path / "v.npy", assumed_rate=Fraction(10)) as source:
        assert source.info.rate == 10 and not source.info.rate_stated and source.info.announced_frames == 5
        np.testing.assert_array_equal(list(source.frames(Fraction(20))), CLIP[[0, 1, 1, 2, 2, 3, 3, 4, 4, 4]])


# Folders of pictures


def test_pictures_come_by_number_and_other_files_are_left_alone(tmp_path):
    for number in (2, 10, 9):
        Image.fromarray(CLIP[number % 5]).save(tmp_path / f"f{number}.PNG")
    (tmp_path / "notes.txt").write_text("not a picture")
    np.testing.assert_array_equal(frames_of(tmp_path), CLIP[[2, 4, 0]])


def test_pictures_of_every_mode_become_8_bit_rgb(tmp_path):
    gray_HW = CLIP[0, ..., 0]
    rgba_HWC = np.concatenate([CLIP[0], 255 - CLIP[0, ..., :1]], -1)
    modes = {
        "0rgb": (Image.fromarray(CLIP[0]), CLIP[0]),
        "1rgba": (Image.fromarray(rgba_HWC), CLIP[0]),
        "2gray": (Image.fromarray(gray_HW), np.stack([gray_HW] * 3, -1)),
        "3gray16": (Image.fromarray(gray_HW.astype(np.uint16) * 257), np.stack([gray_HW] * 3, -1)),
        "4bits": (Image.fromarray(gray_HW > 99), np.stack([gray_HW > 99] * 3, -1) * 255),
    }
    for name, (picture, _) in modes.items():
        picture.save(tmp_path / f"{name}.png")
    for frame, (name, (_, wanted)) in zip(frames_of(tmp_path), modes.items(), strict=True):
        np.testing.assert_array_equal(frame, wanted, err_msg=name)


# Mistakes


def refusal(path):
    with pytest.raises(UserError) as caught, open_source(path) as source:
        list(source.frames())
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message


def test_what_is_missing_or_no_video_is_refused_in_one_line(tmp_path, capfd):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("hello\n" * 99)
    (tmp_path / "nothing.mp4").write_bytes(b"")
    for name, reason in [
        ("none.mp4", "No such file"),
        ("none.npy", "No such file"),
        ("empty", "without .png"),
        ("text.mp4", "not a video"),
        ("nothing.mp4", "empty file"),
        ("x" * 300, "too long"),
    ]:
        assert reason in refusal(tmp_path / name)
    assert capfd.readouterr() == ("", "")


def test_a_picture_of_another_size_or_damaged_is_named(tmp_path):
    Image.fromarray(CLIP[0]).save(tmp_path / "0.png")
    Image.fromarray(CLIP[1, :-1]).save(tmp_path / "1.png")
    with pytest.raises(UserError, match=r"1\.png: 68x39, but 0\.png is 68x40"):
        frames_of(tmp_path)
    whole = (tmp_path / "0.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"1\.png: damaged"):
        frames_of(tmp_path)
    (tmp_path / "1.png").write_bytes(b"text")
    with pytest.raises(UserError, match=r"1\.png: not a PNG"):
        frames_of(tmp_path)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), "float32 of shape"),
        (np.zeros((2, 4, 4), np.uint8), "expected uint8 of shape"),
        (np.zeros((2, 4, 4, 4), np.uint8), "expected uint8 of shape"),
        (np.zeros((0, 4, 4, 3), np.uint8), "no frame"),
        (np.zeros((0, 0, 4, 3), np.uint8), "frame size 4x0"),
        (np.asfortranarray(CLIP), "Fortran order"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, reason):
    np.save(tmp_path / "v.npy", array)
    assert reason in refusal(tmp_path / "v.npy")


def test_an_array_that_was_pickled_or_cut_short_is_refused(tmp_path):
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    assert "object of shape" in refusal(tmp_path / "pickle.npy")
    np.save(tmp_path / "cut.npy", CLIP)
    whole = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-10])
    assert "10 bytes are missing" in refusal(tmp_path / "cut.npy")


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 255)), min_size=1, max_size=5), st.integers(0, 200))
def test_any_npy_header_is_read_or_refused_in_one_line(tmp_path_factory, changes, cut):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((2, 4, 4, 3), np.uint8))
    content = bytearray(buffer.getvalue())
    for at, value in changes:
        content[at] = value
    path = tmp_path_factory.mktemp("any") / "v.npy"
    path.write_bytes(content[: len(content) - max(0, cut - 100)])
    try:
        assert frames_of(path).shape[1:] == (4, 4, 3)
    except UserError as error:
        assert "\n" not in str(error)


def test_joined_recordings_are_read_one_after_the_other_pictures_of_another_size_scaled_to_the_first(tmp_path):
    other = smooth_clip(5, 32, 48)
    joined = (
        write_with_pyav(tmp_path / "a.ts", CLIP).read_bytes() + write_with_pyav(tmp_path / "b.ts", other).read_bytes()
    )
    (tmp_path / "v.ts").write_bytes(joined)
    scaled = [Image.fromarray(picture).resize((68, 40), Image.Resampling.BICUBIC) for picture in other]
    wanted = np.concatenate([CLIP, np.stack(scaled)])
    assert np.abs(frames_of(tmp_path / "v.ts").astype(int) - wanted).mean() < 1.5


def test_a_source_is_read_once(tmp_path):
    np.save(tmp_path / "v.npy", CLIP)
    with open_source(tmp_path / "v.npy") as source:
        list(source.frames())
        with pytest.raises(RuntimeError, match="open it again"):
            source.frames()


@pytest.mark.skipif(not SEQUENCES.is_dir(), reason="the shared sequences are not here")
@pytest.mark.parametrize("name", ["carphone_qcif_120f.mp4", "akiyo_cif.mp4", "static_highway_320x240.avi"])
def test_real_videos_read_as_pyav_reads_them(name):
    ours, theirs = frames_of(SEQUENCES / name), read_with_pyav(SEQUENCES / name)
    assert ours.shape == theirs.shape
    assert np.abs(ours[:20].astype(int) - theirs[:20]).max() <= 2
