"""`vqvae-jax tokenize` and `detokenize`: the frames of `encode` and `decode`; damage, mistakes, what is printed."""

import json

import numpy as np
import pytest

from tests.codec.example_bundle import moving, save_example
from tests.video.example_videos import read_with_pyav, smooth_clip, write_with_pyav
from vqvae_jax.data.details import read_details


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two videos of different kind, size and rate, and four damaged files."""
    root = tmp_path_factory.mktemp("videos") / "in"
    (root / "Surf").mkdir(parents=True)
    write_with_pyav(root / "Surf" / "a.mp4", smooth_clip(10, 32, 48), rate=25)
    write_with_pyav(root / "whole.avi", smooth_clip(40, 24, 32), codec="mjpeg", pix_fmt="yuvj444p", rate=16)
    whole = bytearray((root / "whole.avi").read_bytes())
    (root / "half.avi").write_bytes(whole[: len(whole) // 2])
    whole[len(whole) // 3 : len(whole) * 2 // 3] = bytes(len(whole) * 2 // 3 - len(whole) // 3)
    (root / "middle_gone.avi").write_bytes(whole)
    (root / "text.mp4").write_text("no video\n" * 500)
    (root / "dangling.avi").symlink_to("nowhere.avi")
    return root


DAMAGED = {
    "half.avi": "truncated",
    "middle_gone.avi": "damaged inside",
    "text.mp4": "not a video",
    "dangling.avi": "",
}


@pytest.fixture
def tokens(command, videos, tmp_path):
    """A folder of tokens."""
    assert command("tokenize", videos, tmp_path / "tokens").code == 0
    return tmp_path / "tokens"


@pytest.mark.parametrize(("size", "fps"), [("model", "10"), ("40x24", "source"), ("native", "source")])
def test_frames_are_those_of_encode_and_decode(command, videos, tmp_path, size, fps):
    options = ["--size", size, "--fps", fps]
    assert command("tokenize", videos, tmp_path / "tokens", *options).code == 0
    assert command("detokenize", tmp_path / "tokens", tmp_path / "back", "--format", "npy").code == 0
    assert sorted(p.name for p in (tmp_path / "back").rglob("*.npy")) == ["a.mp4.npy", "whole.avi.npy"]
    for path in ("Surf/a.mp4", "whole.avi"):
        assert command("encode", videos / path, tmp_path / "v.msv", *options, "--force").code == 0
        assert command("decode", tmp_path / "v.msv", tmp_path / "v.npy", "--force").code == 0
        np.testing.assert_array_equal(np.load(tmp_path / "back" / f"{path}.npy"), np.load(tmp_path / "v.npy"))


def test_what_cannot_be_used_is_listed_and_strict_refuses_it(command, videos, tmp_path):
    result = command("tokenize", videos, tmp_path / "tokens")
    assert result.code == 0 and "4 of 6 files skipped:" in result.err
    assert f"{tmp_path / 'tokens'}: 13 chunks of 2 videos (50 frames), 2 labels, 1 shard," in result.out
    assert result.out.count("bits") == 2
    skipped = {s["path"]: s["reason"] for s in json.loads((tmp_path / "tokens" / "card.json").read_text())["skipped"]}
    assert sorted(skipped) == sorted(DAMAGED)
    for path, reason in DAMAGED.items():
        assert reason in skipped[path] and f"  {path}: {skipped[path]}" in result.err
    assert command("tokenize", videos, tmp_path / "again", "--strict").refused("--strict: dangling.avi: ")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".again.work", "tokens"]  # what was coded before it


def test_json_is_the_card(command, videos, tmp_path):
    result = command("tokenize", videos, tmp_path / "tokens", "--json", "--shards", 3, "--chunk-frames", 8)
    card = json.loads((tmp_path / "tokens" / "card.json").read_text())
    assert [v["path"] for v in read_details(tmp_path / "tokens", card, "videos")] == ["Surf/a.mp4", "whole.avi"]
    assert result.json == card and card["totals"]["shards"] == 3 and card["chunk_frames"] == 8
    assert card["labels"].keys() == {"Surf", "in"}


def test_a_video_file_has_the_rate_and_shape_of_its_source(command, tokens, tmp_path):
    result = command("detokenize", tokens, tmp_path / "back", "--video", "Surf/a.mp4")
    assert result.code == 0 and "1 video, 10 frames" in result.out
    assert [p.name for p in (tmp_path / "back").rglob("*.*")] == ["a.mp4.mp4"]
    assert read_with_pyav(tmp_path / "back" / "Surf" / "a.mp4.mp4").shape == (10, 16, 16, 3)
    import av

    with av.open(str(tmp_path / "back" / "Surf" / "a.mp4.mp4")) as file:
        stream = file.streams.video[0]
        assert stream.average_rate == 25 and stream.display_aspect_ratio == 48 / 32


def test_the_top_level_is_a_preview(command, tokens, tmp_path):
    for name, options in {"all": [], "top": ["--level", "top"]}.items():
        assert command("detokenize", tokens, tmp_path / name, "--format", "npy", *options).code == 0
    top, whole = (np.load(tmp_path / name / "whole.avi.npy") for name in ("top", "all"))
    assert top.shape == whole.shape == (40, 16, 16, 3) and (top != whole).mean() > 0.5


def test_a_damaged_shard_costs_its_videos_only(command, videos, tmp_path):
    assert command("tokenize", videos, tmp_path / "tokens", "--shards", 13).code == 0
    shard = sorted((tmp_path / "tokens").glob("*array_record*"))[1]  # Surf/a.mp4 is in the first three
    shard.write_bytes(bytes(len(shard.read_bytes())))
    assert command("detokenize", tmp_path / "tokens", tmp_path / "no", "--strict").refused(shard.name)
    result = command("detokenize", tmp_path / "tokens", tmp_path / "back", "--format", "npy")
    assert result.code == 0 and "1 video, 40 frames" in result.out
    assert result.err.startswith("skipped: Surf/a.mp4: ") and shard.name in result.err
    assert [p.name for p in (tmp_path / "back").rglob("*")] == ["whole.avi.npy"]  # and no empty folder
    only = command("detokenize", tmp_path / "tokens", tmp_path / "none", "--video", "Surf/a.mp4")
    assert only.refused("no video could be decoded")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["back", "tokens"]


def test_mistakes_of_tokenize_are_one_line_and_leave_nothing(command, videos, tmp_path):
    out = tmp_path / "out"
    for options, message in {
        ("--size", "big"): "size='big'; expected model, native",
        ("--fps", "0"): "fps='0'",
        ("--shards", "0"): "shards=0",
        ("--chunk-frames", "3"): r"chunk-frames=3 \(--gop\) is not allowed; expected a multiple of 4 frames",
        ("--bundle", tmp_path / "none"): "bundle .*none: no such file",
    }.items():
        assert command("tokenize", videos, out, *options).refused(message)
    assert command("tokenize", videos / "whole.avi", out).refused("is not a folder; expected a folder of videos")
    assert not list(tmp_path.iterdir())
    out.mkdir()
    assert command("tokenize", videos, out).refused("exists already")


def test_mistakes_of_detokenize_are_one_line_and_leave_nothing(command, tokens, tmp_path):
    out = tmp_path / "out"
    other = tmp_path / "other.safetensors"
    save_example(other, levels=1)
    for options, message in {
        ("--bundle", other): r"coded with bundle .* \(example-2\), this is .* \(example-1\)",
        ("--video", "b.mp4"): "has no video 'b.mp4'",
        ("--level", "middle"): "has no level 'middle'; it has top, bottom",
    }.items():
        assert command("detokenize", tokens, out, *options).refused(message)
    assert command("detokenize", tmp_path, out).refused("no card.json")
    assert not out.exists()
    out.mkdir()
    assert command("detokenize", tokens, out).refused("exists already")


def test_no_card_makes_it_write_outside_its_folder(command, tokens, tmp_path):
    videos = tokens / "videos-00000.jsonl"
    listed = videos.read_text()
    for path in ("../../a.mp4", str(tmp_path / "a.mp4")):
        videos.write_text(listed.replace("Surf/a.mp4", path))
        assert command("detokenize", tokens, tmp_path / "out").refused("outside the output folder")


def test_a_folder_within_the_tree_is_no_output(command, tmp_path):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "a.npy", moving(5))
    inside = command("tokenize", tmp_path / "in", tmp_path / "in" / "tokens")
    assert inside.refused("another run would take its own output for videos")
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["a.npy"]
