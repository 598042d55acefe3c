"""`python -m experiments.train`: what a run leaves behind, and that an interruption leaves no trace in it."""

import json
import shutil
import signal

import numpy as np
import pytest
from PIL import Image
from training_runs import (
    STEPS,
    command,
    curves,
    digests,
    environment,
    example_splits,
    finish,
    start,
    stream_state,
    trained,
    wait_for,
    write_npy,
)

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_split, open_stream
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.logs import read_metrics


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_npy(tmp_path_factory.mktemp("npy") / "data", example_splits())


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory, compiled_programs):
    """(folder, what was said) of a run that nothing disturbs."""
    run = tmp_path_factory.mktemp("runs") / "straight"
    return run, trained(data, run, variables=environment(cache=compiled_programs))


def test_a_run_leaves_config_curves_events_pictures_and_checkpoints(straight):
    run, said = straight
    files = {"config.json", "data.json", "machines.json", "metrics.jsonl", "tensorboard", "pictures", "checkpoints"}
    assert {p.name for p in run.iterdir()} == files
    assert json.loads((run / "config.json").read_text())["model"]["bottom"]["codes"] == 16
    assert sorted(p.name for p in (run / "pictures").iterdir()) == ["step_0000120.png", "step_0000240.png"]
    height, width, _ = np.asarray(Image.open(run / "pictures" / "step_0000240.png")).shape
    assert height > 4 * 2 * 16 and width > 4 * 16  # four clips of four frames, enlarged and labelled
    assert list((run / "tensorboard").glob("events.out.tfevents.*"))
    state = Checkpoints(run / FOLDER, read_only=True).restore("latest").state
    parameters = sum(leaf.size for leaf in _flat(state["params"]).values())
    assert f"{parameters:,} parameters + {16 * 4 * 2} codebook entries" in said
    assert "GFLOP of the model" in said and "MiB per device" in said
    assert f"done: {STEPS} steps" in said


def test_the_log_has_losses_rates_and_the_health_of_every_level(straight):
    lines = read_metrics(straight[0])
    logged = [line for line in lines if "loss" in line]
    assert [line["step"] for line in logged] == [*range(7, STEPS, 7), STEPS]
    for line in logged:
        for level in ("top", "bottom"):
            assert 1 <= line[f"{level}/perplexity"] <= 16 and 0 < line[f"{level}/usage"] <= 1
            assert line[f"{level}/usage"] == pytest.approx(1 - line[f"{level}/unused"] / 16)
            assert line[f"{level}/relative_error"] > 0
            assert line[f"{level}/dead"] >= 0 and line[f"{level}/revived"] >= 0
        assert line["clips_per_second"] > 0
    # A step is 6 FLOP per multiply-accumulate: forward, and twice that backward.
    ratios = [line["flops_per_second"] / line["clips_per_second"] for line in logged]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    # Cosine from the peak of the first step to nearly zero at the last.
    assert logged[-1]["learning_rate"] == pytest.approx(
        1.5e-3 * (1 + np.cos(np.pi * (STEPS - 1) / STEPS)) / 2, rel=1e-3
    )
    assert np.mean([line["loss"] for line in logged[-3:]]) < 0.7 * logged[0]["loss"]


def test_the_best_checkpoint_is_the_one_with_the_highest_validation_psnr(straight):
    run, _ = straight
    validated = {line["step"]: line for line in read_metrics(run) if "validation/psnr" in line}
    assert sorted(validated) == [120, 240]
    for line in validated.values():
        assert {"validation/psnr_without_top", "validation/psnr_without_bottom"} <= set(line)
    checkpoints = Checkpoints(run / FOLDER, read_only=True)
    assert checkpoints.best_step() == max(validated, key=lambda step: validated[step]["validation/psnr"])
    assert {160, 240} <= set(checkpoints.steps())
    assert checkpoints.record(240).metrics["score"] == pytest.approx(validated[240]["validation/psnr"])
    assert checkpoints.record(160).metrics == {}


def assert_same_run(run, other, data):
    """Digests of all leaves, the data stream, the next three batches and the curves."""
    assert digests(run) == digests(other)
    assert stream_state(run) == stream_state(other)
    batches = []
    for state in (stream_state(run), stream_state(other)):
        stream = open_stream(open_split(data, "train"), PipelineConfig(batch_size=4, frames=8))
        stream.set_state(state)
        batches.append([next(stream).records.tolist() for _ in range(3)])
    assert batches[0] == batches[1]
    assert curves(run) == curves(other)


@pytest.mark.parametrize(
    "number, code", [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_run_that_was_asked_to_leave_saves_and_resumes_to_the_same_bits(data, straight, tmp_path, number, code):
    run = tmp_path / "run"
    process = start(command(data, run), environment())
    wait_for(lambda: (run / "metrics.jsonl").exists() and (run / "metrics.jsonl").stat().st_size, process)
    process.send_signal(number)
    got, said = finish(process)
    assert got == code, said
    reached = Checkpoints(run / FOLDER, read_only=True).steps()[-1]
    assert 7 <= reached < STEPS
    assert said.splitlines()[-1] == f"{number.name}: saved step {reached} and left; the same training command resumes"
    assert "Traceback" not in said
    said = trained(data, run, variables=environment())
    assert f"resumed at step {reached}, {STEPS} steps in all" in said
    assert_same_run(run, straight[0], data)


@pytest.mark.parametrize("part", ["record", pytest.param("state", marks=pytest.mark.slow)])
def test_a_damaged_latest_step_is_put_aside_and_the_one_before_leads_to_the_same_bits(
    data, straight, tmp_path, compiled_programs, part
):
    run = shutil.copytree(straight[0], tmp_path / "run")
    for path in (run / FOLDER / str(STEPS) / part).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = trained(data, run, "--training.picture-every", "0", variables=environment(cache=compiled_programs))
    assert f"damaged checkpoint, taking step 160 instead: step {STEPS}" in said
    assert "resumed at step 160" in said
    assert "changed: training.picture_every: 120 -> 0" in said
    assert_same_run(run, straight[0], data)


def test_a_run_keeps_its_length_unless_more_steps_are_asked_for(data, straight, tmp_path, compiled_programs):
    run = shutil.copytree(straight[0], tmp_path / "run")
    given = command(data, run)
    length = given.index("--training.steps")
    without = given[:length] + given[length + 2 :]
    code, said = finish(start(without, environment(cache=compiled_programs)))
    assert code == 0 and f"resumed at step {STEPS}, {STEPS} steps in all" in said
    assert f"goes on to the {STEPS} steps it was begun with; tiny has 1800: --steps 1800" in said
    code, said = finish(start(command(data, run, "--training.steps", "20"), environment(cache=compiled_programs)))
    assert code == 2 and f"is at step {STEPS} already; --steps 20 is fewer" in said
    assert_same_run(run, straight[0], data)


def test_init_from_takes_the_best_weights_and_starts_the_optimiser_anew(data, straight, tmp_path, compiled_programs):
    run = tmp_path / "tuned"
    options = ["--init-from", str(straight[0]), "--training.steps", "1", "--optimizer.learning-rate", "1e-12"]
    trained(data, run, *options, variables=environment(cache=compiled_programs))
    checkpoints = Checkpoints(straight[0] / FOLDER, read_only=True)
    best = checkpoints.restore(checkpoints.best_step()).state
    tuned = Checkpoints(run / FOLDER, read_only=True).restore("latest").state
    assert tuned["step"] == 1
    counts = [count for name, count in _flat(tuned["opt_state"]).items() if name.endswith("/count")]
    assert counts and all(count == 1 for count in counts)
    for name, kernel in _flat(best["params"]).items():
        np.testing.assert_allclose(_flat(tuned["params"])[name], kernel, atol=1e-9)
    # One EMA step away: nothing was drawn anew.
    moved = tuned["extras"]["codebooks"]["bottom"]["counts"] - 0.99 * best["extras"]["codebooks"]["bottom"]["counts"]
    assert moved.sum() == pytest.approx(0.01 * 16, abs=1e-4)


def _flat(tree, prefix=""):
    flat = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}/") if isinstance(value, dict) else {prefix + name: value}
    return flat


def test_a_run_on_parts_of_clips_validates_on_whole_ones(data, straight, tmp_path, compiled_programs):
    run = tmp_path / "parts"
    options = ["--init-from", str(straight[0]), "--training.steps", "1", "--optimizer.learning-rate", "1e-12"]
    parts = ["--data.frames", "4", "--data.temporal-jitter", "True", "--quantizer.decay", "0.999999"]
    said = trained(data, run, *options, *parts, variables=environment(cache=compiled_programs))
    assert "4x16x16" in said
    whole = [line["validation/psnr"] for line in read_metrics(straight[0]) if "validation/psnr" in line]
    (part,) = [line["validation/psnr"] for line in read_metrics(run) if "validation/psnr" in line]
    # Nothing moved, so both validated the same weights: on the same frames, or the figures would differ.
    assert part == pytest.approx(max(whole), abs=1e-3)


def test_a_loss_that_is_not_finite_stops_the_run_before_it_reaches_a_checkpoint(data, tmp_path, compiled_programs):
    run = tmp_path / "run"
    options = ["--optimizer.learning-rate", "1e30", "--training.checkpoint-every", "1"]
    code, said = finish(start(command(data, run, *options), environment(cache=compiled_programs)))
    assert code == 2
    last = said.splitlines()[-1]
    assert last.startswith("train: loss or gradient is not finite at step 2 (clips v_")
    assert "last good checkpoint: 1" in last
    checkpoints = Checkpoints(run / FOLDER, read_only=True)
    assert checkpoints.steps() == [1]
    assert all(np.isfinite(leaf).all() for leaf in _flat(checkpoints.restore("latest").state).values())
