"""Ten differently damaged files among good ones: each is listed with its reason, the rest is untouched by them."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.config import PrepConfig
from data_prep.prepare import prepare
from vqvae_jax.data.details import read_details

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "ucf101"


def plant(root: Path, source: Path, video) -> dict[str, str]:
    """Puts ten damaged files into `root`; returns for each what its reason must contain."""
    whole = source.read_bytes()
    folder = root / "Damaged"
    folder.mkdir()
    middle = bytearray(whole)
    start, length = len(whole) // 3, len(whole) // 3
    middle[start : start + length] = bytes(length)
    picture = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    contents = {
        "empty.avi": (b"", "empty file"),
        "text.avi": (b"not a video\n" * 500, "not a video"),
        "noise.mp4": (np.random.default_rng(0).bytes(30_000), "not a video"),
        "half.avi": (whole[: len(whole) // 2], "truncated"),
        "header_only.avi": (whole[:1024], "truncated"),
        "middle_gone.avi": (bytes(middle), "damaged inside"),
        "picture.avi": (picture, "not a video"),
        "copy.avi": (whole, "same content"),
    }
    for name, (content, _) in contents.items():
        (folder / name).write_bytes(content)
    video(folder / "short.avi", frames=20)
    (folder / "dangling.avi").symlink_to("nowhere.avi")
    reasons = {f"Damaged/{name}": reason for name, (_, reason) in contents.items()}
    return reasons | {"Damaged/short.avi": "too short", "Damaged/dangling.avi": "cannot be read"}


def check(root: Path, out: Path, source: Path, video, **options) -> dict:
    clean = prepare(PrepConfig(root, out / "clean", format="npy", **options))
    # The copy comes after its original in the order of paths, so that the original is the one that stays.
    reasons = plant(root, source, video)
    card = prepare(PrepConfig(root, out / "damaged", format="npy", **options))
    listed = {s["path"]: s["reason"] for s in card["skipped"]}
    assert len(reasons) == 10
    for path, reason in reasons.items():
        assert reason in listed.pop(path), path
    assert listed == {s["path"]: s["reason"] for s in clean["skipped"]}
    assert card["splits"] == clean["splits"] and card["digests"] == clean["digests"]
    return card


def test_ten_damaged_files_are_listed_and_change_nothing_else(tmp_path, video):
    root = tmp_path / "videos"
    for i in range(4):
        source = video(root / "Class" / f"v_Class_g{i:02d}_c01.avi", frames=120, seed=i)
    check(root, tmp_path, source, video, size="16")


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="needs the UCF101 sample in ../shared")
def test_the_ucf101_sample_gives_311_test_clips_with_and_without_damaged_files(tmp_path, video):
    root = tmp_path / "ucf101"
    shutil.copytree(REAL, root)
    for folder in (root, *root.iterdir()):
        folder.chmod(0o755)
    source = min((root / "Biking").iterdir())
    card = check(root, tmp_path, source, video, test_groups="3-7")
    assert card["totals"]["files"] == 186 + 10
    assert card["splits"]["test"]["clips"] == 311
    # One of the 186 is shorter than a clip at 16 fps.
    assert [s["path"] for s in card["skipped"] if "Damaged" not in s["path"]] == [
        "JumpingJack/v_JumpingJack_g04_c01.avi"
    ]
    splits: dict[str, set[str]] = {}
    for video_entry in read_details(tmp_path / "damaged", card, "videos"):
        splits.setdefault(video_entry["group"], set()).add(video_entry["split"])
    assert all(len(s) == 1 for s in splits.values())
