"""Whole runs on small trees, in this process."""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from data_prep.prepare import prepare
from tests.video.reference_ffmpeg import pictures_of
from vqvae_jax.data.details import read_details
from vqvae_jax.data.open import open_split
from vqvae_jax.data.records import clip_digest, combined_digest
from vqvae_jax.data.source import read_card
from vqvae_jax.errors import ConfigError, UserError

SPLITS = ("train", "validation", "test")


def entries_of(made, name: str) -> list[dict]:
    return list(read_details(made.out, read_card(made.out), name))


def reference_frames(path: Path, side: int, fps: int | None) -> np.ndarray:
    """(N, side, side, 3): every frame by FFmpeg's accurate conversion and Pillow; of these the nearest to k / fps."""
    frames = [Image.fromarray(x).resize((side, side), Image.BICUBIC) for x in pictures_of(path, (24, 32))]
    source = 25  # that of the fixture's videos
    count = len(frames) if fps is None else int(len(frames) * fps / source)
    chosen = range(count) if fps is None else [int(k * source / fps + 0.5) for k in range(count)]
    return np.stack([np.asarray(frames[i]) for i in chosen])


@pytest.mark.parametrize(("fps", "hop"), [(16, None), ("native", 3), (10, 20)])
def test_clips_are_what_ffmpeg_and_pillow_give(config, fps, hop):
    pytest.importorskip("imageio_ffmpeg")
    made = config(fps=fps, hop=hop)
    card = prepare(made)
    paths = {v["name"]: made.videos / v["path"] for v in entries_of(made, "videos")}
    seen = 0
    for split in SPLITS:
        clips = open_split(made.out, split)
        for record, (name, clip) in enumerate(
            zip(clips.ids(range(len(clips))), clips.read(range(len(clips))), strict=True)
        ):
            video, number = name.rsplit("/", 1)
            frames = reference_frames(paths[video], 16, None if fps == "native" else fps)
            start = int(number) * (hop or 8)
            np.testing.assert_array_equal(clip, frames[start : start + 8], err_msg=f"{split} {record} {name}")
            seen += 1
    lengths = [len(reference_frames(p, 16, None if fps == "native" else fps)) for p in paths.values()]
    assert seen == card["totals"]["clips"] == sum((n - 8) // (hop or 8) + 1 for n in lengths)
    assert card["totals"]["dropped_tail_frames"] == sum((n - 8) % (hop or 8) for n in lengths)


def test_the_papers_preprocessing_is_every_frame_of_opencv_and_a_zoom_of_scipy(config):
    made = config(fps="native", resize="scipy", decoder="opencv")
    prepare(made)
    paths = {v["name"]: made.videos / v["path"] for v in entries_of(made, "videos")}
    clips = open_split(made.out, "train")
    name, number = clips.ids([0])[0].rsplit("/", 1)
    capture = cv2.VideoCapture(str(paths[name]))
    frames = [capture.read()[1][..., ::-1].astype(np.float32) for _ in range(8 * (int(number) + 1))][-8:]
    zoomed = [np.stack([ndimage.zoom(x[..., c], (16 / 24, 16 / 32), order=3) for c in range(3)], -1) for x in frames]
    np.testing.assert_array_equal(clips.read([0])[0], np.clip(np.rint(zoomed), 0, 255))


@pytest.mark.parametrize("options", [{}, {"fps": "native"}, {"resize": "scipy"}])
def test_opencv_decodes_for_the_papers_preprocessing_alone(config, options):
    with pytest.raises(ConfigError, match=r"decoder='opencv' .* pyav, or opencv with resize=scipy and fps=native"):
        config(decoder="opencv", **options)


def test_both_formats_hold_the_same_records_in_order_of_their_names(config, tmp_path):
    pytest.importorskip("tensorflow_datasets")
    npy = prepare(config())
    shards = prepare(config(format="arrayrecord", out=tmp_path / "shards"))
    assert npy["digests"] == shards["digests"]
    for split in SPLITS:
        a, b = open_split(tmp_path / "out", split), open_split(tmp_path / "shards", split)
        everything = range(len(a))
        assert a.ids(everything) == b.ids(everything) == sorted(a.ids(everything))
        np.testing.assert_array_equal(a.read(everything), b.read(everything))


def test_tfds_reads_the_shards_without_tensorflow(config):
    tfds = pytest.importorskip("tensorflow_datasets")
    made = config(format="arrayrecord", ratios=(50, 50, 0))
    prepare(made)
    builder = tfds.builder_from_directory(made.out)
    assert set(builder.info.splits) == {"train", "validation"}
    record = builder.as_data_source("train")[0]
    assert record["clip"].shape == (8, 16, 16, 3) and record["clip"].dtype == np.uint8
    video = next(v for v in entries_of(made, "videos") if v["split"] == "train")
    assert record["id"].decode() == f"{video['name']}/0000"
    assert (record["label"].decode(), record["group"].decode()) == (video["label"], video["group"])


def test_neither_workers_nor_file_order_nor_the_root_change_the_result(config, tree, tmp_path, monkeypatch):
    first = prepare(config())
    moved = tmp_path / "elsewhere"
    shutil.copytree(tree, moved)
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: sorted(listed(folder), reverse=True))
    other = config(workers=3, videos=moved, out=tmp_path / "second")
    second = prepare(other)
    for field in ("splits", "digests", "totals"):
        assert first[field] == second[field]
    assert entries_of(config(), "videos") == entries_of(other, "videos")
    for split in SPLITS:
        assert (tmp_path / "out" / f"{split}.npy").read_bytes() == (tmp_path / "second" / f"{split}.npy").read_bytes()


def test_the_card_accounts_for_every_file_and_its_digests_can_be_recomputed(config):
    made = config()
    card = prepare(made)
    assert json.loads((made.out / "card.json").read_text()) == card
    assert card["totals"]["files"] == 16 == len(entries_of(made, "videos")) + len(entries_of(made, "skipped"))
    assert card["parameters"]["frames"] == 8 and card["parameters"]["seed"] == 0
    for split in SPLITS:
        entry, clips = card["splits"][split], np.load(made.out / f"{split}.npy", mmap_mode="r", allow_pickle=False)
        rows = entries_of(made, f"clips-{split}")
        assert len(clips) == entry["clips"] and all(row["group"].startswith(row["label"]) for row in rows)
        digests = [clip_digest(row["id"], clip) for row, clip in zip(rows, clips, strict=True)]
        assert combined_digest(reversed(digests)) == entry["digest"]
        assert sum(c[split]["clips"] for c in card["classes"].values()) == entry["clips"]
    page = (made.out / "card.md").read_text()
    assert card["digests"]["content"] in page and "| Biking |" in page


def test_duplicates_short_and_unreadable_files_are_skipped_with_the_reason(config, tree, video):
    good = tree / "Surf" / "v_Surf_g01_c01.avi"
    shutil.copy(good, tree / "Surf" / "v_Surf_g09_c01.avi")
    video(tree / "short.avi", frames=3)
    (tree / "notes.txt").write_text("hello")
    card = prepare(config())
    assert {s["path"]: s["reason"] for s in card["skipped"]} == {
        "Surf/v_Surf_g09_c01.avi": "same content as Surf/v_Surf_g01_c01.avi",
        "notes.txt": "not a video that can be opened",
        "short.avi": "too short: 1 frames at 16 fps, a clip has 8",
    }
    assert "notes.txt" in (config().out / "card.md").read_text()


def test_an_empty_split_is_a_warning_here_and_an_error_where_it_is_asked_for(config):
    made = config(ratios=(90, 10, 0))
    assert "split 'test' is empty" in prepare(made)["warnings"]
    with pytest.raises(UserError, match=r"'test' .* is empty"):
        open_split(made.out, "test")


def test_clips_of_any_height_and_width(config):
    made = config(size="12x20")
    prepare(made)
    assert open_split(made.out, "train").clip_shape == (8, 12, 20, 3)


@pytest.mark.parametrize(
    ("prepare_tree", "options", "message"),
    [
        (lambda tree: shutil.rmtree(tree), {}, "is missing"),
        (lambda tree: [p.unlink() for p in tree.rglob("*.avi")], {}, "holds no files"),
        (
            lambda tree: [p.write_bytes(b"x" * 99) for p in tree.rglob("*.avi")],
            {},
            "no usable video .16 files looked at",
        ),
        (lambda tree: (tree.parent / "out").mkdir(), {}, "exists already"),
        (lambda tree: None, {"out": Path("/dev/null/sets/out")}, "/dev/null is not a folder"),
        (lambda tree: None, {"test_groups": "90-99"}, "--test-groups 90-99: .*; the groups there are 1-5$"),
        (lambda tree: None, {"split": "official-3"}, "--split official-3: .*; the groups there are 1-5$"),
        (
            lambda tree: [p.rename(p.with_name(f"{p.name[2:]}")) for p in tree.rglob("*.avi")],
            {"test_groups": "1"},
            "--test-groups 1: .*; no file has a group number",
        ),
    ],
)
def test_what_cannot_be_done_ends_in_one_line_and_leaves_nothing(config, tree, prepare_tree, options, message):
    prepare_tree(tree)
    before = sorted(p.name for p in tree.parent.iterdir())
    with pytest.raises(UserError, match=message) as error:
        prepare(config(**options))
    assert "\n" not in str(error.value)
    assert sorted(p.name for p in tree.parent.iterdir()) == before


@pytest.mark.parametrize("place", ["inside", "Surf/deep/er", "../videos/link"])
def test_output_among_the_videos_is_refused_before_the_next_run_would_read_it(config, tree, place):
    files = sorted(tree.rglob("*"))
    with pytest.raises(UserError, match="another run would take its own output for videos"):
        prepare(config(out=tree / place))
    assert sorted(tree.rglob("*")) == files


@pytest.mark.parametrize("out", ["", ".", "/", ".."])
def test_an_output_without_a_name_is_refused_at_once(config, out):
    with pytest.raises(ConfigError, match=r"config: out='[./]*' is not allowed; expected the name of a new folder"):
        config(out=Path(out))


def test_missing_folders_above_the_output_are_made(config, tmp_path):
    made = config(out=tmp_path / "data" / "sets" / "out")
    prepare(made)
    assert (made.out / "card.json").is_file()


def test_videos_with_undecodable_frames_are_named_in_a_warning(config, tree, video):
    damaged = {"v_Surf_g01_c09.avi": 1, "v_Surf_g02_c09.avi": 3}
    for seed, (name, count) in enumerate(damaged.items()):
        data = bytearray(video(tree / "Surf" / name, frames=80, seed=100 + seed).read_bytes())
        index = data.index(b"idx1")
        picture = [found.end() for found in re.finditer(b"00dc", data[:index])][-count]
        data[picture + 4 : index] = bytes(index - picture - 4)
        (tree / "Surf" / name).write_bytes(data)
    card = prepare(config())
    missing = {v["path"]: v["missing_frames"] for v in entries_of(config(), "videos") if v["missing_frames"]}
    assert missing == {f"Surf/{name}": count for name, count in damaged.items()}
    assert card["warnings"] == [
        f"2 videos have undecodable frames ({sum(missing.values())} in all): "
        + ", ".join(f"{path} ({frames})" for path, frames in missing.items())
    ]
