"""Files that bring their model along, on the command line: no bundle is looked for, what does not fit is refused."""

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.mvc.codec.golden.make import GOLDEN
from vqvae_jax.cli.fitting import parse_count
from vqvae_jax.errors import MismatchError, UserError


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of three scenes, 14 frames; and a bundle in the environment that it has nothing to do with."""
    path = tmp_path / "scenes.msv"
    shutil.copyfile(GOLDEN / "scenes.msv", path)
    return path


def test_info_says_what_is_in_it(command, file):
    facts = command("info", file, "--json").json
    assert (facts["family"], facts["bundle"], facts["bundle_name"], facts["frames"]) == ("mvc", None, None, 14)
    assert [scene["frames"] for scene in facts["scenes"]] == [3, 5, 6] and facts["network"]["strides"] == [2, 2]
    assert 0 < facts["bytes"] - sum(facts["payload_bytes"].values()) < 200
    said = command("info", file).out
    assert "mvc, brings its model along" in said and "bundle" not in said and "payload: w " in said


def test_info_says_that_weights_are_broken(command, file):
    data = bytearray(file.read_bytes())
    data[300] ^= 1
    file.write_bytes(data)
    result = command("info", file)
    assert result.code == 1 and "damaged: the head chunk, without which no frame can be decoded" in result.out
    assert command("decode", file, file.parent / "x.npy").refused(r"head chunk: w is damaged \(CRC-32\)$")
    assert not (file.parent / "x.npy").exists()


def test_decode_and_compare_take_no_bundle(command, file, tmp_path):
    assert command("decode", file, tmp_path / "a.npy").code == 0
    assert np.load(tmp_path / "a.npy").shape == (14, 11, 14, 3)
    compared = command("compare", tmp_path / "a.npy", file, "--json").json
    assert compared["lossless_frames"] == 14
    assert command("decode", file, tmp_path / "b.npy", "--bundle", "edge").refused("brings its model along; leave it")
    assert command("compare", tmp_path / "a.npy", file, "--bundle", "edge").refused("none that need one")


FIT = ("--family", "mvc")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--bpp", "0.1"), r"bpp=0.1 is for a model that is fitted to the video: --family mvc; --target-bpp chooses"),
        (("--parameters", "1M"), "parameters=1M is for a model that is fitted"),
        (("--epochs", "3"), "epochs=3 is for a model that is fitted"),
        (("--run", "r"), "run=r is for a model that is fitted"),
        (("--family", "ntc", "--bpp", "1"), "family=ntc: codes with a trained model; give its bundle with --bundle"),
        (("--family", "nosuch", "--bpp", "1"), "family=nosuch: unknown; expected mvc"),
        (FIT, "--bpp and --parameters: give one of them"),
        ((*FIT, "--bpp", "1", "--parameters", "1M"), "--bpp and --parameters: give one of them"),
        ((*FIT, "--bpp", "0"), "bpp=0.0 is not allowed; expected above 0 and at most 24, raw video"),
        ((*FIT, "--bpp", "24.1"), "bpp=24.1 is not allowed"),
        ((*FIT, "--bpp", "nan"), "bpp=nan is not allowed"),
        ((*FIT, "--parameters", "many"), "parameters='many'; expected a number such as 250000, 250k or 1.8M"),
        ((*FIT, "--bpp", "1", "--epochs", "0"), "epochs=0 is not allowed; expected a whole number of at least 1"),
        ((*FIT, "--bpp", "1", "--bundle", "edge"), "bundle=edge: family mvc fits its own model; leave it out"),
        ((*FIT, "--bpp", "1", "--target-bpp", "1"), "target-bpp=1.0: family mvc fits its own model; --bpp or --param"),
        ((*FIT, "--bpp", "1", "--target-bytes", "99"), "target-bytes=99: family mvc"),
        ((*FIT, "--bpp", "1", "--mode", "fixed"), "mode=fixed: files of family mvc are always range"),
        ((*FIT, "--bpp", "1", "--quality", "50"), "quality=50.0: files of family mvc have none"),
        ((*FIT, "--bpp", "1", "--rate-weight", "0.1"), "rate-weight=0.1: files of family mvc have none"),
        ((*FIT, "--bpp", "1", "--effort", "5"), "effort=5: files of family mvc have none"),
        ((*FIT, "--bpp", "0.001"), "bpp=0.001 for 11 frames of 32x24: .* parameters are too few"),
        (
            (*FIT, "--parameters", "2M"),
            "parameters=2,000,000: the video itself has 25,344 values; expected at most 1,000,000",
        ),
        (
            (*FIT, "--parameters", "50k", "--epochs", "999999999"),
            "11 records: 10,999,999,989 steps; at most 2,147,483,647",
        ),
        (
            (*FIT, "--parameters", "50k", "--run", "OUT"),
            "out.msv: is the file that is to be written; give the fit a fold",
        ),
        ((*FIT, "--parameters", "100"), "parameters=100 for 11 frames of 32x24: 100 parameters are too few"),
    ],
)
def test_what_does_not_go_together_is_one_line_and_no_file(command, video, tmp_path, options, message):
    options = [str(tmp_path / "out.msv") if option == "OUT" else option for option in options]
    assert command("encode", video, tmp_path / "out.msv", *options).refused(message)
    assert not (tmp_path / "out.msv").exists()


def test_counts_are_read_as_people_write_them():
    assert [parse_count(text) for text in ("250000", "250k", "1.8M", "0.5k")] == [250_000, 250_000, 1_800_000, 500]
    for wrong in ("", "0", "-1", "1.8G", "1e6", "M", "0.1"):
        with pytest.raises(UserError, match="parameters="):
            parse_count(wrong)


def test_more_frames_than_memory_holds_are_refused_before_a_fit(command, video, tmp_path, monkeypatch):
    monkeypatch.setattr("vqvae_jax.cli.fitting.free_memory", lambda: 5 * 2 * 32 * 24 * 3)
    refused = command("encode", video, tmp_path / "out.msv", *FIT, "--parameters", "50k")
    assert refused.refused("all frames in memory, and 6 of 32x24 are half of the 0.0 GiB that are free")


def test_a_run_of_another_video_is_said_to_be_that(command, video, tmp_path, monkeypatch):
    def fit_scene(*_):
        raise MismatchError("run was started with fit.rate=1, not 2; give --init-from")

    monkeypatch.setattr("vqvae_jax.mvc.codec.fit.fit_scene", fit_scene)
    refused = command("encode", video, tmp_path / "out.msv", *FIT, "--parameters", "50k", "--run", tmp_path / "run")
    assert refused.refused("run/scene_0 holds the fit of another video, size or length, or one with other options")
    assert "init-from" not in refused.err


def test_that_nothing_can_be_written_is_known_before_the_fit(command, video, tmp_path, monkeypatch):
    def touch(path, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("vqvae_jax.mvc.codec.fit.fit_scene", lambda *_: pytest.fail("fitted"))
    monkeypatch.setattr(Path, "touch", touch)
    refused = command("encode", video, tmp_path / "out.msv", *FIT, "--parameters", "50k", "--run", tmp_path / "run")
    assert refused.refused(r"out.msv: cannot be written \(Permission denied\)")


def test_a_fit_that_a_signal_ends_leaves_no_file_and_says_so_by_its_exit_code(command, video, tmp_path, monkeypatch):
    runs = []
    monkeypatch.setattr(
        "vqvae_jax.mvc.codec.fit.fit_scene", lambda experiment, frames, run, name: runs.append(run) or 143
    )
    out, run = tmp_path / "out.msv", tmp_path / "run"
    result = command("encode", video, out, *FIT, "--parameters", "50k", "--run", run)
    assert result.code == 143 and runs == [run / "scene_0"] and not out.exists()
    assert "no --run" not in result.err
    assert "no --run: a fit that is stopped" in command("encode", video, out, *FIT, "--parameters", "50k").err
    assert runs[1] != runs[0] and not runs[1].exists()
    assert "but in a temporary folder, which is gone" in command("encode", video, out, *FIT, "--parameters", "50k").err
    run.mkdir()
    (run / "holiday.mp4").write_bytes(b"mine")
    refused = command("encode", video, out, *FIT, "--parameters", "50k", "--run", run)
    assert refused.refused(r"holds other things \(holiday.mp4 ...\); give a new folder or a fit's")
