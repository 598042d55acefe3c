import io
import subprocess
import sys
import textwrap
from fractions import Fraction

import av
import numpy as np
import pytest
from example_videos import read_with_pyav, smooth_clip
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from vqvae_jax.errors import UserError
from vqvae_jax.video.sink import open_sink
from vqvae_jax.video.source import open_source

NTSC = Fraction(30000, 1001)
LOSSLESS = [("v.mkv", "ffv1"), ("v.avi", "ffv1"), ("v.npy", None), ("v/", None), ("v", None)]
LOSSY = [("v.mp4", "h264"), ("v.mkv", "h264"), ("v.avi", "h264")]


def write(folder, name, clip, rate=NTSC, **options):
    with open_sink(f"{folder}/{name}", clip.shape[2], clip.shape[1], rate, **options) as sink:
        for frame in clip:
            sink.write(frame)
    return folder / name


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


# Round trips


@pytest.mark.parametrize("shape", [(7, 41, 67), (7, 64, 64), (1, 41, 67), (3, 1, 1)])
@pytest.mark.parametrize(("name", "codec"), LOSSLESS + LOSSY)
def test_frames_come_back_and_so_does_the_rate(tmp_path, name, codec, shape):
    clip = smooth_clip(*shape)
    path = write(tmp_path, name, clip, codec=codec)
    with open_source(path, assumed_rate=NTSC) as source:
        assert (source.info.width, source.info.height, source.info.rate) == (shape[2], shape[1], NTSC)
        back = np.stack(list(source.frames()))
    if (name, codec) in LOSSLESS:
        np.testing.assert_array_equal(back, clip)
    else:
        assert back.shape == clip.shape
        assert peak_signal_noise_ratio(clip, back, data_range=255) > 40
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize(("name", "codec"), [*LOSSY, ("v.mkv", "ffv1"), ("v.avi", "ffv1")])
def test_another_reader_sees_the_same_pictures_at_the_same_times(tmp_path, name, codec):
    clip = smooth_clip(40, 48, 64)
    path = write(tmp_path, name, clip, codec=codec)
    assert np.mean((read_with_pyav(path) - clip.astype(float)) ** 2) < 255**2 / 10**4  # 40 dB
    with av.open(str(path)) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == NTSC
    np.testing.assert_allclose(np.diff(times), 1001 / 30000, atol=0.00101)  # Matroska counts milliseconds.
    np.testing.assert_allclose(times[-1] - times[0], 39 * 1001 / 30000, atol=0.00101)


@pytest.mark.parametrize(
    "rate", [Fraction(16), Fraction(12345, 679), Fraction(1, 2), Fraction(1000), Fraction(24000, 1001)]
)
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi"])
def test_any_rate_is_kept_exactly_even_by_one_frame(tmp_path, rate, name):
    with open_source(write(tmp_path, name, smooth_clip(1, 16, 16), rate)) as source:
        assert source.info.rate == rate


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi"])
def test_display_aspect_is_kept(tmp_path, name):
    with open_source(write(tmp_path, name, smooth_clip(2, 64, 64), display_aspect=Fraction(16, 9))) as source:
        assert source.info.display_aspect == Fraction(16, 9)


@pytest.mark.parametrize(
    ("size", "options", "pixel_format", "tag"),
    [
        ((32, 48), {}, "yuv420p", 6),  # SMPTE 170M (BT.601)
        ((32, 48), {"pixel_format": "yuv444p"}, "yuv444p", 6),
        ((33, 48), {}, "yuv444p", 6),  # 4:2:0 has no odd sides
        ((720, 16), {}, "yuv420p", 1),  # BT.709
    ],
)
def test_h264_is_what_every_player_knows_and_tagged_as_it_is_converted(tmp_path, size, options, pixel_format, tag):
    with av.open(str(write(tmp_path, "v.mp4", smooth_clip(2, *size), **options))) as container:
        frame = next(container.decode(video=0))
    assert frame.format.name == pixel_format
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (tag, tag, tag, 1)


def test_an_array_file_is_the_one_that_numpy_writes(tmp_path):
    clip = smooth_clip(12, 5, 7)
    buffer = io.BytesIO()
    np.save(buffer, clip)
    assert write(tmp_path, "v.npy", clip).read_bytes() == buffer.getvalue()


def test_frames_of_any_memory_layout_are_written_as_they_are(tmp_path):
    clip = smooth_clip(3, 20, 30)
    views = [clip[0], clip[1, :, ::-1], clip[2].transpose(1, 0, 2).copy().transpose(1, 0, 2)]
    with open_sink(tmp_path / "v.npy", 30, 20, NTSC) as array, open_sink(tmp_path / "v", 30, 20, NTSC) as pictures:
        for view in views:
            array.write(view)
            pictures.write(view)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), np.stack(views))
    assert names(tmp_path / "v") == ["00000.png", "00001.png", "00002.png"]
    np.testing.assert_array_equal(Image.open(tmp_path / "v" / "00001.png"), views[1])


# All or nothing


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.npy", "v/"])
def test_nothing_is_left_by_an_exception_or_when_no_frame_came(tmp_path, name):
    with pytest.raises(KeyboardInterrupt), open_sink(f"{tmp_path}/{name}", 32, 24, NTSC) as sink:
        for frame in smooth_clip(3, 24, 32):
            sink.write(frame)
        assert names(tmp_path) == [sink._part.name]
        assert sink._part.name.startswith(f".{name.strip('/')}.part-")
        raise KeyboardInterrupt
    with pytest.raises(UserError, match="no frame to write"), open_sink(f"{tmp_path}/{name}", 32, 24, NTSC):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["v.mp4", "v.npy", "v/"])
def test_an_existing_output_is_replaced_only_when_asked_and_only_by_a_whole_one(tmp_path, name):
    old, new = smooth_clip(2, 24, 32), smooth_clip(4, 24, 32)[::-1]
    path = write(tmp_path, name, old)
    with pytest.raises(UserError, match=r"exists already; choose another name or overwrite it$"):
        write(tmp_path, name, new)
    with pytest.raises(KeyboardInterrupt), open_sink(f"{tmp_path}/{name}", 32, 24, NTSC, overwrite=True) as sink:
        sink.write(new[0])
        with open_source(path) as source:
            assert len(list(source.frames())) == 2
        raise KeyboardInterrupt
    with open_source(path) as source:
        assert len(list(source.frames())) == 2
    write(tmp_path, name, new, overwrite=True)
    with open_source(path) as source:
        assert len(list(source.frames())) == 4
    assert names(tmp_path) == [path.name]


def test_an_output_that_appears_meanwhile_is_not_overwritten(tmp_path):
    with pytest.raises(UserError, match="exists already"), open_sink(tmp_path / "v.npy", 32, 24, NTSC) as sink:
        sink.write(smooth_clip(1, 24, 32)[0])
        (tmp_path / "v.npy").write_bytes(b"mine")
    assert names(tmp_path) == ["v.npy"] and (tmp_path / "v.npy").read_bytes() == b"mine"


def test_only_earlier_outputs_are_overwritten(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link").symlink_to("mine")
    monkeypatch.chdir(tmp_path)
    for name, reason in [
        ("mine/", "other things than numbered PNG"),
        (".", "other things than numbered PNG"),
        ("/", "other things than numbered PNG"),
        ("file", "not a folder"),
        ("link", "not a folder"),
        ("folder.mp4", "not a file"),
    ]:
        with pytest.raises(UserError, match=reason):
            open_sink(name, 32, 24, NTSC, overwrite=True)
    assert names(tmp_path) == ["file", "folder.mp4", "link", "mine"]


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("v.gif", {}, r"expected \.mp4, \.mkv, \.avi, \.npy, or a folder"),
        ("v.mp4", {"codec": "ffv1"}, r"FFV1 does not go into \.mp4; name it \.mkv or \.avi"),
        ("none/v.mp4", {}, "cannot be written"),
        ("none/v.npy", {}, "cannot be written"),
        ("none/v/", {}, "cannot be written"),
        ("x" * 300 + ".mp4", {}, "too long"),
        ("v.mp4", {"width": 20_000}, "frame size 20000x24"),
        ("v.mp4", {"rate": Fraction(0)}, "rate"),
        ("v.mp4", {"rate": Fraction(2**40 - 1, 2**38)}, "denominator"),
        ("v.mp4", {"display_aspect": Fraction(0)}, "display_aspect"),
    ],
)
def test_what_cannot_be_written_is_refused_before_a_frame_is_asked_for(tmp_path, name, options, reason):
    with pytest.raises(UserError, match=reason):
        open_sink(f"{tmp_path}/{name}", **{"width": 32, "height": 24, "rate": NTSC, **options})
    assert names(tmp_path) == []


def test_a_frame_of_another_shape_or_type_is_refused(tmp_path):
    with open_sink(tmp_path / "v.npy", 32, 24, NTSC) as sink:
        for wrong in (np.zeros((32, 24, 3), np.uint8), np.zeros((24, 32, 3), np.float32), np.zeros((24, 32), np.uint8)):
            with pytest.raises(ValueError, match="expected"):
                sink.write(wrong)
        sink.write(np.zeros((24, 32, 3), np.uint8))


def test_video_files_say_that_they_need_pyav(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match="pip install av"):
        open_sink(tmp_path / "v.mp4", 32, 24, NTSC)
    write(tmp_path, "v.npy", smooth_clip())


def test_a_full_disk_is_noticed_down_to_the_last_byte(tmp_path):
    """A limit on the size of files stands for the disk; one byte too few must not give a file that looks whole."""
    script = """
        import os, resource, signal
        from fractions import Fraction
        import numpy as np
        from vqvae_jax.errors import UserError
        from vqvae_jax.video.container import missing_bytes
        from vqvae_jax.video.sink import open_sink

        OUTPUTS = [("v.mp4", "h264"), ("v.mkv", "h264"), ("v.avi", "ffv1"), ("v.mkv", "ffv1"), ("v.npy", None)]

        def write(name, codec):
            with open_sink(name, 30, 20, Fraction(25), codec=codec, overwrite=True) as sink:
                for frame in np.random.default_rng(0).integers(0, 256, (9, 20, 30, 3), np.uint8):
                    sink.write(frame)

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for name, codec in OUTPUTS:
            write(name, codec)
            size = os.path.getsize(name)
            os.unlink(name)
            for lacking in (1, 8, 100, size - 100, size):
                resource.setrlimit(resource.RLIMIT_FSIZE, (size - lacking, resource.RLIM_INFINITY))
                try:
                    write(name, codec)
                    with open(name, "rb") as file:  # x264's size varies by some bytes, so it may fit after all.
                        whole = codec == "h264" and os.path.getsize(name) <= size - lacking
                        assert whole and not missing_bytes(file, os.path.getsize(name)), (name, codec, lacking)
                    os.unlink(name)
                except UserError as error:
                    assert "cannot be written" in str(error) and os.listdir() == [], (str(error), os.listdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    """
    run_python(script, tmp_path)


def run_python(script, folder):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=folder, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_memory_does_not_grow_with_the_videos_length(tmp_path):
    """The process's peak: 3,000 frames are 99 MiB; 300 have filled the encoder's look-ahead, and 12 MiB is slack."""
    script = """
        import resource
        from fractions import Fraction
        import numpy as np
        from vqvae_jax.video.sink import open_sink
        from vqvae_jax.video.source import open_source

        def peak_after_copying(frames, source, sink, codec):
            with open_source(source) as opened, open_sink(
                sink, 120, 96, opened.info.rate, codec=codec, overwrite=True
            ) as out:
                for _, frame in zip(range(frames), opened.frames()):
                    out.write(frame)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        picture = np.arange(96 * 120 * 3).reshape(96, 120, 3) // 999
        with open_sink("a.npy", 120, 96, Fraction(25)) as sink:
            for i in range(3000):
                sink.write((picture + i).astype(np.uint8))
        for files in [("a.npy", "b.npy", None), ("a.npy", "b.mkv", "ffv1"), ("b.mkv", "c.mp4", "h264")]:
            short = peak_after_copying(300, *files)
            long = peak_after_copying(3000, *files)
            assert long - short < 12, (files, short, long)
    """
    run_python(script, tmp_path)
