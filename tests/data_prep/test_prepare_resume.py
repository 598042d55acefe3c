"""Killed runs go on, and machines that share nothing but the files make the data set of one."""

import json
import os
import random
import shutil
import subprocess
import time

import numpy as np
import pytest

from data_prep import decode_all, written
from data_prep.merge import MergeConfig, merge
from data_prep.prepare import prepare, prepare_share
from tests.data_prep.test_command import ROOT, command
from vqvae_jax.data.details import read_details
from vqvae_jax.data.open import open_split
from vqvae_jax.errors import UserError

COMPARED = ("digests", "splits", "totals", "classes", "near_duplicates", "skipped", "warnings")


def same(a, b):
    return all(a[field] == b[field] for field in COMPARED)


class Killed(BaseException):
    pass


def killed_after(monkeypatch, module, count):
    """The next run ends without any clearing up when so many tasks of a stage are done."""
    plain = decode_all.watched

    def watched(outcomes, *arguments):
        for number, outcome in enumerate(plain(outcomes, *arguments)):
            if number == count:
                raise Killed
            yield outcome

    monkeypatch.setattr(module, "watched", watched)


def units(out):
    folder = out.parent / f".{out.name}.work" / "units"
    return {p.name: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("format_", ["npy", "arrayrecord"])
def test_what_is_decoded_and_written_stays(config, tmp_path, monkeypatch, format_):
    made = config(format=format_, hop=5)
    straight = prepare(config(format=format_, hop=5, out=tmp_path / "hopping"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, decode_all, 6)
        prepare(made)
    before = units(made.out)
    assert len(before) in (6, 7)  # the seventh may have been whole without its note
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, written, 1)
        prepare(made)
    left = units(made.out)
    assert 0 < len(left) < 16 and all(left[name] == before[name] for name in before.keys() & left.keys())
    assert not made.out.exists()
    card = prepare(made)
    assert same(card, straight)
    for split in ("train", "validation", "test"):
        a, b = open_split(made.out, split), open_split(tmp_path / "hopping", split)
        everything = range(len(a))
        assert a.ids(everything) == b.ids(everything)
        np.testing.assert_array_equal(a.read(everything), b.read(everything))
    assert sorted(p.name for p in made.out.iterdir()) == sorted(p.name for p in (tmp_path / "hopping").iterdir())
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_another_split_after_a_kill_decodes_again_what_is_used_up(config, tmp_path, monkeypatch):
    straight = prepare(config(seed=5, out=tmp_path / "straight"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, written, 2)
        prepare(config())
    assert len(units(config().out)) < 16
    assert same(prepare(config(seed=5)), straight)


def test_a_video_that_changed_since_and_a_torn_note_are_decoded_again(config, tree, tmp_path, monkeypatch, video):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, decode_all, 16)
        killed_after(patch, written, 0)
        prepare(config())
    video(tree / "Surf" / "v_Surf_g01_c01.avi", frames=50, seed=99)
    done = tmp_path / ".out.work" / "done.jsonl"
    done.write_bytes(done.read_bytes()[:-7])
    assert same(prepare(config()), prepare(config(out=tmp_path / "straight")))


def test_frames_that_were_damaged_meanwhile_are_named_and_none_comes_out(config, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, written, 0)
        prepare(config())
    unit = next(p for p in (tmp_path / ".out.work" / "units").rglob("*") if p.is_file())
    unit.write_bytes(bytes(len(unit.read_bytes())))
    with pytest.raises(UserError, match=f"{unit} is damaged .*; remove it and give the same command again"):
        prepare(config())
    unit.unlink()
    assert same(prepare(config()), prepare(config(out=tmp_path / "straight")))


def test_strict_keeps_what_is_decoded(config, tree, tmp_path):
    (tree / "x").write_text("x")
    with pytest.raises(UserError, match=r"--strict: 1 files cannot be used .first: x: .*; what is decoded is kept in"):
        prepare(config(strict=True))
    (tree / "x").unlink()
    assert prepare(config(strict=True))["totals"]["videos"] == 16


@pytest.mark.slow
def test_a_process_killed_at_random_moments_comes_to_the_same_digests(config, tree, tmp_path):
    straight = prepare(config(out=tmp_path / "straight"))
    out, draw = tmp_path / "killed", random.Random(0)
    kills, longest = 0, 6.0
    while not (out.exists() and kills >= 3):
        if out.exists():  # this machine is faster: sooner, and once more
            shutil.rmtree(out)
            longest /= 2
        process = subprocess.Popen(
            command(tree, out, "--workers", "1"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        # Once killed often enough, one run is left to its end, however long it takes.
        if kills < 100:
            time.sleep(longest * draw.random())
        else:
            process.communicate()
        if process.poll() is None:
            os.kill(process.pid, 9)
            kills += 1
        process.wait()
    card = json.loads((out / "card.json").read_text())
    assert same(card, straight)


@pytest.mark.parametrize(("format_", "fps"), [("npy", "native"), ("arrayrecord", 16)])
def test_four_parts_joined_are_the_data_set_of_one_machine(config, tree, tmp_path, format_, fps):
    shutil.copy(tree / "Surf" / "v_Surf_g01_c01.avi", tree / "Surf" / "v_Surf_g09_c01.avi")
    (tree / "notes.txt").write_text("hello")
    straight = prepare(config(format=format_, fps=fps, out=tmp_path / "straight"))
    parts = []
    for number in range(1, 5):
        videos = tmp_path / f"machine{number}" / "videos"  # another root on each
        shutil.copytree(tree, videos)
        made = config(format=format_, fps=fps, videos=videos, shard=f"{number}/4", out=tmp_path / f"part{number}")
        share = prepare_share(made)
        assert share == prepare_share(made)  # a repeated one is there already
        parts.append(made.out)
    copy = shutil.copytree(parts[2], tmp_path / "part3_again")
    card = merge(MergeConfig((*reversed(parts), copy), tmp_path / "joined", workers=1))
    assert same(card, straight)
    both = [list(read_details(tmp_path / name, card, "videos")) for name in ("joined", "straight")]
    assert both[0] == both[1]
    with pytest.raises(UserError, match=r"1 of 4 parts are missing: 2/4$"):
        merge(MergeConfig((parts[0], parts[2], parts[3]), tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_a_part_whose_run_was_killed_goes_on(config, tmp_path, monkeypatch):
    straight = prepare(config(out=tmp_path / "straight"))
    parts = [config(shard=f"{number}/2", out=tmp_path / f"part{number}") for number in (1, 2)]
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, decode_all, 3)
        prepare_share(parts[0])
    assert not parts[0].out.exists()
    for part in parts:
        prepare_share(part)
    joined = MergeConfig(tuple(part.out for part in parts), tmp_path / "joined", workers=1)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, written, 1)
        merge(joined)
    assert same(merge(joined), straight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "part.json").unlink(), "is no part: it has no part.json"),
        (lambda folder: (folder / "part.json").write_text("{}"), "part.json cannot be read .KeyError"),
        (lambda folder: (folder / "done.jsonl").write_bytes(b""), "done.jsonl is not the one that was written"),
    ],
)
def test_damaged_parts_are_refused_in_one_line(config, tmp_path, change, message):
    made = config(shard="1/1", out=tmp_path / "part")
    prepare_share(made)
    change(made.out)
    with pytest.raises(UserError, match=message) as error:
        merge(MergeConfig((made.out,), tmp_path / "joined"))
    assert "\n" not in str(error.value) and not (tmp_path / "joined").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fps": 10}, "were made with fps=16 and 10"),
        ({"seed": 3}, "were made with seed=0 and 3"),
        ({"shard": "2/3"}, "are parts 1/2 and 2/3 of lists"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(config, tmp_path, changes, message):
    for number in (1, 2):
        options = {"shard": f"{number}/2"} | (changes if number == 2 else {})
        prepare_share(config(out=tmp_path / f"part{number}", **options))
    with pytest.raises(UserError, match=message):
        merge(MergeConfig((tmp_path / "part1", tmp_path / "part2"), tmp_path / "joined"))


def test_the_disk_holds_frames_or_their_clips_never_both(config, tmp_path, monkeypatch):
    """Whenever a part is done, what lies there is at most the frames before any clip was written, and that part."""
    sizes = []
    plain = decode_all.watched

    def watched(outcomes, *arguments):
        for outcome in plain(outcomes, *arguments):
            yield outcome
            sizes.append(sum(p.stat().st_blocks * 512 for p in (tmp_path / ".out.work").rglob("*") if p.is_file()))

    monkeypatch.setattr("data_prep.write.SHARD_BYTES", 20_000)
    monkeypatch.setattr(written, "watched", watched)
    card = prepare(config())
    whole = card["totals"]["clips"] * 8 * 16 * 16 * 3
    assert len(sizes) > 10 and max(sizes) < 1.35 * whole + 200_000
    assert not list(tmp_path.glob(".out.work"))
