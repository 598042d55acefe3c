"""What the evaluation job does with runs, files and interruptions; measuring itself is stood in for."""

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
from example_run import write_data
from PIL import Image
from stand_in import CLIPS, StandIn, run, steps_in

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation import job, opening
from vqvae_jax.evaluation.job import EvaluationInterrupt
from vqvae_jax.evaluation.result_file import read_result
from vqvae_jax.training import snapshot
from vqvae_jax.training.checkpoints import Checkpoints


def test_what_the_file_holds_is_not_measured_again_and_stays_as_it_is(config):
    run(replace(config, steps=("20",)))
    before = read_result(config.out)["checkpoints"]
    run(config)
    assert StandIn.measured == [20, 10, 30]
    assert steps_in(config) == [10, 20, 30]
    assert read_result(config.out)["checkpoints"][1:2] == before
    content = config.out.read_bytes()
    run(config)
    assert StandIn.measured == [20, 10, 30] and config.out.read_bytes() == content


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("latest", [30]),
        ("best", [20]),
        ("10", [10]),
        ("all", [10, 20, 30]),
        ("30 10 best", [10, 20, 30]),
        ("latest best best", [20, 30]),
    ],
)
def test_steps_are_chosen_as_asked(config, steps, expected):
    run(replace(config, steps=tuple(steps.split())))
    assert steps_in(config) == expected


def test_an_interrupted_job_keeps_what_it_finished_and_goes_on_there(config, monkeypatch):
    whole = StandIn.measure

    def interrupted(self, snapshot, *others):
        if snapshot.step == 20:
            raise KeyboardInterrupt
        return whole(self, snapshot, *others)

    monkeypatch.setattr(StandIn, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(config)
    assert steps_in(config) == [10]
    monkeypatch.setattr(StandIn, "measure", whole)
    run(config)
    assert StandIn.measured == [10, 20, 30]
    assert not list(config.out.parent.glob(".*"))


def test_watching_takes_new_checkpoints_until_the_last_step_and_leaves_the_run_alone(config, monkeypatch):
    folder = config.run / "checkpoints"
    later = [config.run.parent / name for name in ("20", "30")]
    for place in later:
        (folder / place.name).rename(place)
    files = {p: p.stat().st_mtime_ns for p in config.run.rglob("*") if p != folder}

    def trains_on(seconds):
        place = later.pop(0)
        place.rename(folder / place.name)

    monkeypatch.setattr(job.time, "sleep", trains_on)
    said = []
    run(replace(config, steps=("latest",), watch=True), said)
    assert StandIn.measured == [10, 20, 30]
    assert not later
    waiting = f"waiting for new checkpoints of run {config.run}; measured so far: step 10 of 30; a look every 0.001 s"
    assert [line for line in said if line.startswith("waiting")] == [f"{waiting}, Ctrl-C ends it"]
    assert len(said) == 5  # that, a line for the clips and one for each step, however often the job looked
    assert {p: p.stat().st_mtime_ns for p in files} == files


def test_watching_waits_for_the_first_checkpoint(config, monkeypatch):
    (config.run / "checkpoints").rename(config.run / "later")
    (config.run / "config.json").write_text("{}")
    monkeypatch.setattr(job.time, "sleep", lambda s: (config.run / "later").rename(config.run / "checkpoints"))
    said = []
    run(replace(config, watch=True), said)
    assert steps_in(config) == [10, 20, 30]
    assert "none is measured yet" in said[0]


@pytest.mark.parametrize("folder", [False, True])
def test_watching_waits_for_a_run_that_training_has_not_made_yet(config, monkeypatch, folder):
    config.run.rename(config.run.parent / "later")
    if folder:  # locked by a training that compiles
        config.run.mkdir()
        (config.run / ".lock").write_text("host 7")

    def training_begins(seconds):
        shutil.rmtree(config.run, ignore_errors=True)
        (config.run.parent / "later").rename(config.run)

    monkeypatch.setattr(snapshot.time, "sleep", training_begins)
    said = []
    run(replace(config, watch=True), said)
    assert steps_in(config) == [10, 20, 30]
    assert said[0] == f"waiting for run {config.run}, which is not there yet; a look every 0.001 s, Ctrl-C ends it"


def test_watching_does_not_wait_for_data_that_are_missing_nor_for_a_folder_of_other_things(config, monkeypatch):
    monkeypatch.setattr(snapshot.time, "sleep", lambda seconds: pytest.fail("waited"))
    with pytest.raises(UserError, match="nowhere does not exist"):
        run(replace(config, watch=True, run=config.run.parent / "none", data=config.data / "nowhere"))
    with pytest.raises(UserError, match="is not a run"):
        run(replace(config, watch=True, run=config.data))


@pytest.mark.parametrize("before", [False, True])
def test_watching_a_run_says_each_step_once(config, monkeypatch, before):
    """However often it looks, whether the steps were measured by this job or are in the file already."""
    if before:
        run(replace(config, watch=True))
    (config.run / "checkpoints" / "30").rename(config.run.parent / "30")
    looks = []

    def later(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            (config.run.parent / "30").rename(config.run / "checkpoints" / "30")

    monkeypatch.setattr(job.time, "sleep", later)
    said = []
    run(replace(config, watch=True), said)
    assert len(looks) == 3
    assert [sum(line.startswith(f"step {step} ") for line in said) for step in (10, 20, 30)] == [1, 1, 1], said


def test_clips_of_another_size_than_the_models_are_measured_and_named(config, tmp_path):
    said = []
    run(config, said)
    assert not any("made for" in line for line in said)
    short = write_data(tmp_path / "short", np.ascontiguousarray(CLIPS[:, :, :8]))
    run(replace(config, data=short, out=tmp_path / "short.json"), said)
    lines = [line for line in said if "made for" in line]
    assert lines == ["clips are 4x8x16 (frames x height x width), but the model is made for 4x16x16"]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("measure_baselines", "nothing was measured or written"),
        (10, "no checkpoint was measured; OUT holds the baselines, the same command goes on"),
        (20, "OUT holds step 10; the same command goes on"),
        (30, "OUT holds steps 10, 20; the same command goes on"),
    ],
)
def test_an_interruption_says_what_the_file_holds(config, monkeypatch, at, message):
    def stop(*_, **__):
        raise KeyboardInterrupt

    if isinstance(at, str):
        monkeypatch.setattr(opening, at, stop)
    else:
        measure = StandIn.measure
        monkeypatch.setattr(
            StandIn, "measure", lambda self, s, *rest: (stop if s.step == at else measure)(self, s, *rest)
        )
    with pytest.raises(EvaluationInterrupt) as interrupt:
        run(config)
    assert str(interrupt.value) == message.replace("OUT", str(config.out))
    assert interrupt.value.steps == ([] if isinstance(at, str) else [step for step in (10, 20) if step < at])
    assert config.out.exists() == ("nothing" not in message)


def test_an_output_under_a_file_names_that_file(config, tmp_path):
    (tmp_path / "file.md").write_text("mine")
    with pytest.raises(UserError, match=r"file\.md: cannot be made \(.*file\.md is not a folder\)"):
        run(replace(config, out=tmp_path / "file.md" / "r.json"))


def damage(config, step):
    array = max(
        (p for p in (config.run / "checkpoints" / str(step) / "state").rglob("*") if p.is_file()),
        key=lambda p: p.stat().st_size,
    )
    array.write_bytes(array.read_bytes()[:-40] + bytes(40))


def test_a_damaged_step_is_passed_over_and_named(config):
    damage(config, 30)
    said = []
    run(replace(config, steps=("latest",)), said)
    assert steps_in(config) == [20]
    assert sum("skipped" in line and "step 30" in line for line in said) == 1
    run(config)
    assert steps_in(config) == [10, 20]
    with pytest.raises(UserError, match="step 30 is damaged"):
        run(replace(config, steps=("30",)))


def test_values_that_are_not_finite_are_refused(config):
    checkpoints = Checkpoints(config.run / "checkpoints")
    record, state = checkpoints.record(30), checkpoints.restore(30).state
    state["ema_params"]["params"]["dropped_bottom"][0] = np.nan
    shutil.rmtree(config.run / "checkpoints" / "30")
    with checkpoints:
        checkpoints.save(30, state, record.stream_state, record.config)
    with pytest.raises(UserError, match=r"checkpoint .*30 holds values that are not finite in .*dropped_bottom"):
        run(replace(config, steps=("30",)))


def test_the_table_has_a_row_per_checkpoint_and_clip_and_the_pictures_open(config):
    run(replace(config, clips=3))
    rows = list(csv.DictReader(config.out.with_suffix(".csv").open()))
    assert [(r["step"], r["clip"]) for r in rows[2:4]] == [
        ("10", "v_Square_g01_c03/0000"),
        ("20", "v_Square_g01_c00/0000"),
    ]
    assert rows[0]["psnr"] == "10" and rows[0]["perceptual"] == "" and int(rows[0]["h264_bytes"]) > 0
    for name in ("r.png", "r_grid.png"):
        assert min(Image.open(config.out.parent / name).size) > 300


def test_without_an_encoder_sizes_against_h264_are_null_and_say_why(config, monkeypatch):
    def missing(clip, fps):
        raise UserError("h264: sizes against H.264 need PyAV")

    monkeypatch.setattr(opening, "h264_bytes", missing)
    said = []
    result = run(config, said)
    assert result["h264"]["clip_bytes"] is None and result["h264"]["bpp"] is None
    assert result["h264"]["reason"] == "h264: sizes against H.264 need PyAV"
    assert "not measured (h264: sizes against H.264 need PyAV)" in said[0]
