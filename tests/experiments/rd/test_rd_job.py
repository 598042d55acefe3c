"""The rate-distortion job: what it keeps, what it makes anew, what it says of what is missing."""

import json
import sys

import numpy as np
import pytest

from experiments.rd import ffmpeg
from experiments.rd.cache import Cache
from experiments.rd.classical import FAMILY, ClassicalCoder
from experiments.rd.config import RdConfig
from experiments.rd.job import RdJob
from experiments.rd.learned import ProcessCoder
from experiments.rd.measure import Measure
from experiments.rd.result import read_rd
from experiments.rd.run import RdInterrupt, measure_codecs
from tests.codec.example_bundle import save_example
from tests.evaluation.example_run import moving_squares, write_data
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.evaluation import coder
from vqvae_jax.evaluation.coder import CodecError
from vqvae_jax.families import load_model

SHAPE = (4, 64, 64)
CLIPS = moving_squares(3, SHAPE)


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data", CLIPS)


@pytest.fixture(autouse=True)
def no_vmaf(monkeypatch):
    """VMAF has a test of its own."""
    monkeypatch.setattr("experiments.rd.measure.vmaf_refused", lambda *_: "left out here")


@pytest.fixture
def encodings(monkeypatch):
    """Paths that x264 and others wrote."""
    written, encode = [], ClassicalCoder.encode

    def noted(self, clip, path):
        written.append(path.name)
        return encode(self, clip, path)

    monkeypatch.setattr(ClassicalCoder, "encode", noted)
    return written


def configured(data, out, **options):
    return RdConfig(data=data, out=out, **{"codecs": "x264", "points": ("x264=30,40",), "jobs": 2} | options)


def measured(data, out, **options):
    said = []
    result = measure_codecs(configured(data, out, **options), said.append)
    assert read_rd(out / "rd.json") == json.loads(json.dumps(result))
    return result, said


needs_ffmpeg = pytest.mark.skipif(
    pytest.importorskip("importlib.util").find_spec("imageio_ffmpeg") is None, reason="needs imageio-ffmpeg"
)


@needs_ffmpeg
def test_figures_are_those_of_the_files_and_a_second_run_codes_nothing(data, tmp_path, encodings):
    first, said = measured(data, tmp_path / "out")
    assert len(encodings) == 6 and not said
    points = first["codecs"]["x264"]["points"]
    assert [point["setting"] for point in points] == ["crf 30", "crf 40"]
    files = sorted((tmp_path / "out/cache/x264/crf-30").glob("*.264"))
    assert points[0]["rate"]["bytes"] == [path.stat().st_size for path in files]
    assert points[0]["rate"]["bpp"] == pytest.approx(8 * np.mean(points[0]["rate"]["bytes"]) / np.prod(SHAPE))
    second, _ = measured(data, tmp_path / "out")
    assert len(encodings) == 6
    assert second["codecs"] == first["codecs"]


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["264", "json"])
def test_a_damaged_entry_is_made_anew_and_this_is_said(data, tmp_path, encodings, suffix):
    first, _ = measured(data, tmp_path / "out")
    victim = sorted((tmp_path / "out/cache/x264/crf-40").glob(f"*.{suffix}"))[1]
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    second, said = measured(data, tmp_path / "out")
    assert len(encodings) == 7
    assert any("1 damaged" in line for line in said)
    without_times = [[p["quality"] for p in r["codecs"]["x264"]["points"]] for r in (first, second)]
    assert without_times[0] == without_times[1]


@needs_ffmpeg
def test_a_clip_with_other_content_under_the_same_name_is_coded_anew(data, tmp_path, encodings):
    measured(data, tmp_path / "out")
    other = CLIPS.copy()
    other[2] = 255 - other[2]
    np.save(data / "test.npy", other)
    _, said = measured(data, tmp_path / "out", force=True)
    assert len(encodings) == 8 and not said


@needs_ffmpeg
def test_a_result_that_has_more_is_replaced_only_by_force(data, tmp_path, encodings):
    result, _ = measured(data, tmp_path / "out")
    path = tmp_path / "out/rd.json"
    for options, reason in [
        ({"clips": 2}, "1 clips that would not be measured"),
        ({"points": ("x264=30",)}, "x264, crf 40, which would be lost"),
        ({"codecs": "x265", "points": ()}, "x264, crf 30, which would be lost"),
    ]:
        with pytest.raises(UserError, match=reason + r".*--force"):
            measured(data, tmp_path / "out", **options)
        assert read_rd(path) == json.loads(json.dumps(result))
    more, _ = measured(data, tmp_path / "out", points=("x264=20,30,40",))
    assert len(more["codecs"]["x264"]["points"]) == 3 and len(encodings) == 9
    assert len(measured(data, tmp_path / "out", clips=2, force=True)[0]["data"]["clip_ids"]) == 2
    path.write_text("mine")
    with pytest.raises(UserError, match="--force"):
        measured(data, tmp_path / "out")
    assert path.read_text() == "mine"


@needs_ffmpeg
def test_codecs_measured_earlier_stand_beside_those_measured_now(data, tmp_path, encodings):
    first, _ = measured(data, tmp_path / "first")
    file = tmp_path / "first/rd.json"
    x265 = {"codecs": "x265", "points": ("x265=30",)}
    both, _ = measured(data, tmp_path / "both", **x265, add=(file,))
    assert list(both["codecs"]) == ["x264", "x265"] and both["codecs"]["x264"] == first["codecs"]["x264"]
    assert [(added["codecs"], added["date"]) for added in both["added"]] == [(["x264"], first["date"])]
    assert len(encodings) == 6 + 3
    alone, _ = measured(data, tmp_path / "alone", codecs="", points=(), add=(tmp_path / "both/rd.json",))
    assert alone["codecs"] == both["codecs"] and [a["codecs"] for a in alone["added"]] == [["x265"], ["x264"]]
    assert len(encodings) == 6 + 3
    for options, reason in [({"clips": 2, **x265}, "other clips"), ({}, "x264 is measured now"), (x265, "x264 is")]:
        with pytest.raises(UserError, match=reason):
            measured(data, tmp_path / "none", **options, add=(file, file) if options is x265 else (file,))
    assert not (tmp_path / "none").exists() and len(encodings) == 6 + 3


@needs_ffmpeg
def test_a_clip_that_fails_is_listed_and_the_rest_goes_on(data, tmp_path, monkeypatch):
    encode = ClassicalCoder.encode

    def failing(self, clip, path):
        if np.array_equal(clip, CLIPS[1]) and self.setting == "crf 30":
            raise CodecError("it did not like this clip")
        return encode(self, clip, path)

    monkeypatch.setattr(ClassicalCoder, "encode", failing)
    result, said = measured(data, tmp_path / "out")
    # Without that clip the mean rate may be the lower one.
    at_30, at_40 = sorted(result["codecs"]["x264"]["points"], key=lambda point: point["setting"])
    ids = result["data"]["clip_ids"]
    assert at_30["failures"] == [{"clip_id": ids[1], "reason": "it did not like this clip"}]
    assert at_30["clip_ids"] == [ids[0], ids[2]] and at_40["clip_ids"] == ids
    assert len(said) == 1 and ids[1] in said[0] and "crf 30" in said[0]


@needs_ffmpeg
def test_a_setting_at_which_every_clip_fails_is_told_as_a_reason(data, tmp_path, monkeypatch):
    def failing(self, clip, path):
        raise CodecError("never")

    monkeypatch.setattr(ClassicalCoder, "encode", failing)
    result, _ = measured(data, tmp_path / "out")
    assert result["codecs"]["x264"]["points"] == []
    assert "crf 40: every clip failed (never)" in result["codecs"]["x264"]["reason"]


@pytest.fixture
def without_ffmpeg(monkeypatch):
    for function in (ffmpeg.ffmpeg_path, ffmpeg.ffmpeg_version, ffmpeg.encoders):
        function.cache_clear()
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    yield
    for function in (ffmpeg.ffmpeg_path, ffmpeg.ffmpeg_version, ffmpeg.encoders):
        function.cache_clear()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "two.safetensors"
    save_example(path)
    return path


def test_without_the_extra_ours_is_measured_and_the_others_have_a_reason(data, tmp_path, without_ffmpeg, bundle):
    options = {"codecs": "x264,msvqvae", "bundle": (bundle,), "rate_weight": (0.0,), "clips": 2}
    result, said = measured(data, tmp_path / "out", **options)
    assert "pip install imageio-ffmpeg" in result["codecs"]["x264"]["reason"] and "x264" in said[0]
    (point,) = result["codecs"]["msvqvae"]["points"]
    assert len(point["clip_ids"]) == 2 and not point["failures"]
    for whole, payload in zip(point["rate"]["bytes"], point["rate"]["payload_bytes"], strict=True):
        assert 0 < payload < whole
    assert point["rate"]["payload_bpp"] < point["rate"]["bpp"]
    files = sorted((tmp_path / "out/cache/msvqvae").rglob("*.msv"))
    assert point["rate"]["bytes"] == [path.stat().st_size for path in files]


def test_rate_weights_are_points_and_one_model_twice_is_refused(data, tmp_path, bundle):
    options = {"codecs": "msvqvae", "bundle": (bundle,), "clips": 1}
    result, _ = measured(data, tmp_path / "out", rate_weight=(0.0, 1.0), **options)
    first, second = result["codecs"]["msvqvae"]["points"]
    assert {first["setting"], second["setting"]} == {"example-2", "example-2 rate-weight 1"}
    assert second["rate"]["bpp"] <= first["rate"]["bpp"]
    with pytest.raises(UserError, match="named twice"):
        measured(data, tmp_path / "twice", **options | {"bundle": (bundle, bundle)})


def test_every_model_is_a_codec_with_a_curve_of_its_own_also_under_one_name(data, tmp_path, bundle):
    other = tmp_path / "other.safetensors"
    save_example(other, weights="float32")
    options = {"codecs": "msvqvae", "clips": 1, "rate_weight": (0.0, 1.0)}
    both, _ = measured(data, tmp_path / "out", bundle=(bundle, other), **options)
    assert list(both["codecs"]) == ["msvqvae:two", "msvqvae:other"]
    for path, entry in zip((bundle, other), both["codecs"].values(), strict=True):
        (alone,) = measured(data, tmp_path / path.stem, bundle=(path,), **options)[0]["codecs"].values()
        assert [p["quality"] for p in entry["points"]] == [p["quality"] for p in alone["points"]]
        assert [p["rate"] for p in entry["points"]] == [p["rate"] for p in alone["points"]]
    assert len(list((tmp_path / "out/cache/msvqvae").rglob("*.msv"))) == 4


def test_models_whose_files_are_named_alike_too_are_told_apart_by_digest(data, tmp_path, bundle):
    other = tmp_path / "elsewhere" / bundle.name
    other.parent.mkdir()
    save_example(other, weights="float32")
    options = {"codecs": "msvqvae", "clips": 1, "rate_weight": (0.0,)}
    both, _ = measured(data, tmp_path / "out", bundle=(bundle, other), **options)
    digests = [load_model(path).digest[:8] for path in (bundle, other)]
    assert list(both["codecs"]) == [f"msvqvae:two {digest}" for digest in digests]


def test_models_are_points_of_one_curve_if_that_is_asked_for(data, tmp_path, bundle):
    other = tmp_path / "other.safetensors"
    save_example(other, weights="float32")
    options = {"codecs": "msvqvae", "clips": 1, "rate_weight": (0.0, 1.0)}
    result, _ = measured(data, tmp_path / "out", bundle=(bundle, other), one_curve=True, **options)
    ((name, entry),) = result["codecs"].items()
    assert name == "msvqvae" and {point["setting"] for point in entry["points"]} == {"two", "other"}
    for path in (bundle, other):
        (alone,) = measured(data, tmp_path / path.stem, bundle=(path,), **options)[0]["codecs"].values()
        (point,) = [point for point in entry["points"] if point["setting"] == path.stem]
        (first,) = [point for point in alone["points"] if "rate-weight" not in point["setting"]]
        assert point["quality"] == first["quality"] and point["rate"] == first["rate"]


def test_our_commands_are_equivalent_ones_with_the_frame_rate_of_the_clips(bundle):
    weighted = ProcessCoder(bundle, 16.0, None, 0.1)
    assert weighted.encode_command == (
        "vqvae-jax encode IN OUT --bundle two.safetensors --size native --source-fps 16 --rate-weight 0.1"
    )


def test_a_group_of_other_length_is_part_of_a_models_setting(bundle):
    grouped, plain = ProcessCoder(bundle, 16.0, None, gop=8), ProcessCoder(bundle, 16.0, None)
    assert grouped.encode_command == plain.encode_command + " --gop 8"
    assert grouped.setting == plain.setting + " gop 8"
    assert grouped.key == plain.key | {"gop": 8}


def test_files_of_other_coder_code_are_made_anew_and_only_ours(bundle, monkeypatch):
    key = ProcessCoder(bundle, 16.0, None).key
    monkeypatch.setattr(coder, "CODER", coder.CODER + 1)
    assert ProcessCoder(bundle, 16.0, None).key == key | {"coder": coder.CODER} != key
    classical = ClassicalCoder(FAMILY["x264"], 30, (*SHAPE, 3), 16.0, "1", None)
    assert set(classical.key) == {"encoder", "ffmpeg", "arguments"}


@needs_ffmpeg
def test_an_encoder_that_writes_nothing_has_failed_on_the_clip(data, tmp_path, monkeypatch):
    monkeypatch.setattr(ClassicalCoder, "encode", lambda self, clip, path: (0.0, None))
    result, said = measured(data, tmp_path / "out")
    assert "wrote nothing" in result["codecs"]["x264"]["reason"] and len(said) == 6


def test_rate_weights_that_would_share_a_file_are_refused(data, tmp_path):
    for weights in ((0.1, 0.10000001), (-0.1,), (float("nan"),), (0.0, -0.0), ()):
        with pytest.raises(ConfigError, match="rate_weight"):
            configured(data, tmp_path / "out", rate_weight=weights)


def test_clips_named_alike_but_for_a_space_have_their_own_files(tmp_path):
    cache = Cache(tmp_path)
    paths = {cache.stream_path("x264", "crf 36", clip_id, "264") for clip_id in ("a b", "a-b", "a%20b", "a/b")}
    assert len(paths) == 4
    assert cache.stream_path("x264", "crf 36", "v/a-b", "264") == tmp_path / "cache/x264/crf-36/v%2Fa-b.264"


def test_when_nothing_can_run_nothing_is_written(data, tmp_path, without_ffmpeg):
    with pytest.raises(UserError, match="pip install imageio-ffmpeg"):
        measured(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_codec_is_refused_with_the_ones_there_are(data, tmp_path):
    with pytest.raises(ConfigError, match=r"x26.*x264, x265, svtav1, av1, vvc, msvqvae"):
        configured(data, tmp_path / "out", codecs="x264,x26")
    with pytest.raises(UserError, match="x265=32,36"):
        configured(data, tmp_path / "out", points=("msvqvae=3",))


@needs_ffmpeg
def test_an_interrupted_run_keeps_what_it_measured_and_goes_on(data, tmp_path, monkeypatch, encodings):
    figures, calls = Measure.figures, []

    def interrupted(self, reference, estimate):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return figures(self, reference, estimate)

    monkeypatch.setattr(Measure, "figures", interrupted)
    with pytest.raises(RdInterrupt, match="3 of 6"):
        measured(data, tmp_path / "out")
    assert not (tmp_path / "out/rd.json").exists()
    assert not list((tmp_path / "out").rglob(".*.part-*"))
    result, _ = measured(data, tmp_path / "out")
    assert len(calls) == 4 + 3
    assert all(len(point["clip_ids"]) == 3 for point in result["codecs"]["x264"]["points"])


@needs_ffmpeg
def test_a_file_with_a_list_of_another_length_is_refused(data, tmp_path):
    result, _ = measured(data, tmp_path / "out")
    result["codecs"]["x264"]["points"][0]["rate"]["bytes"].pop()
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(result))
    with pytest.raises(UserError, match=r"crf 30: rate\.bytes has 2 entries for 3 clips"):
        read_rd(path)


def test_the_job_counts_every_clip_at_every_setting():
    class Clips:
        clip_shape = (*SHAPE, 3)

        def ids(self, records):
            return [str(r) for r in records]

    assert RdJob(Clips(), 3, [None, None], None, None, None, 1).total == 6
