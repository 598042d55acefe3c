"""Training over simulated devices and over two processes, through the real program."""

import signal

import numpy as np
import pytest
from training_runs import command, digests, environment, example_splits, finish, start, trained, wait_for, write_npy

from tests.free_ports import free_port
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.logs import read_metrics

SAME = ["--training.steps", "3", "--training.log-every", "1", "--training.picture-every", "0"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_npy(tmp_path_factory.mktemp("npy") / "data", example_splits())


def state(run):
    return Checkpoints(run / FOLDER, read_only=True).restore("latest").state


def assert_close(a, b, tolerance):
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for name in a:
            assert_close(a[name], b[name], tolerance)
    else:
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
def test_one_and_eight_devices_under_both_mappings_train_alike(data, tmp_path, compiled_programs):
    options = [*SAME, "--data.batch-size", "8"]
    runs = {}
    for mapping in ("shard_map", "pmap"):
        for devices in (1, 8):
            run = runs[mapping, devices] = tmp_path / f"{mapping}_{devices}"
            variables = environment(devices, cache=compiled_programs)
            said = trained(data, run, *options, "--training.mapping", mapping, variables=variables)
            assert f"{devices} x cpu, {mapping}" in said
    first = state(runs["shard_map", 1])
    for run in runs.values():
        other = state(run)
        for level in ("top", "bottom"):
            np.testing.assert_array_equal(
                other["extras"]["codebooks"][level]["counts"], first["extras"]["codebooks"][level]["counts"]
            )
        assert_close(other["params"], first["params"], 1e-4)
        assert_close(other["extras"]["codebooks"], first["extras"]["codebooks"], 1e-4)
        psnr = [line["validation/psnr"] for line in read_metrics(run) if "validation/psnr" in line]
        assert psnr == pytest.approx([read_metrics(runs["shard_map", 1])[-1]["validation/psnr"]], abs=0.01)


@pytest.mark.slow
def test_a_run_of_eight_devices_goes_on_with_one_and_a_batch_they_cannot_share_is_refused(
    data, tmp_path, compiled_programs
):
    eight, one = (environment(devices, cache=compiled_programs) for devices in (8, 1))
    run = tmp_path / "run"
    code, said = finish(start(command(data, run), eight))
    assert code == 2
    assert "data.batch_size=4 must be a multiple of the number of devices, 8" in said
    assert not run.exists()
    trained(data, run, *SAME, "--data.batch-size", "8", variables=eight)
    said = trained(data, run, *SAME, "--data.batch-size", "8", "--training.steps", "5", variables=one)
    assert "resumed at step 3, 5 steps in all" in said


def both(data, run, variables, *options):
    """Two processes of one device each, that share every batch."""
    port = free_port()
    together = [*options, "--coordinator", f"127.0.0.1:{port}", "--processes", "2"]
    return [start(command(data, run, *together, "--process-id", str(k)), variables) for k in range(2)]


@pytest.mark.slow
def test_two_processes_train_as_one_with_two_devices_and_only_the_first_writes(data, tmp_path, compiled_programs):
    options = [*SAME, "--model.level-dropout", "0.5"]  # falls on the same clips
    single, pair = tmp_path / "single", tmp_path / "pair"
    trained(data, single, *options, variables=environment(2, cache=compiled_programs))
    (first, said), (second, silent) = [finish(p) for p in both(data, pair, environment(), *options)]
    assert (first, second) == (0, 0), said + silent
    assert "2 x cpu" in said and "done: 3 steps" in said
    assert "step" not in silent
    assert sorted(p.name for p in pair.iterdir()) == sorted(p.name for p in single.iterdir())
    assert len(list((pair / "tensorboard").iterdir())) == 1
    assert [line["step"] for line in read_metrics(pair)] == [line["step"] for line in read_metrics(single)]
    assert_close(state(pair), state(single), 1e-4)

    results = [finish(p) for p in both(data, pair, environment(), *options, "--training.steps", "5")]
    assert [code for code, _ in results] == [0, 0], results
    assert "resumed at step 3, 5 steps in all" in results[0][1]
    trained(data, single, *options, "--training.steps", "5", variables=environment(2, cache=compiled_programs))
    assert_close(state(pair), state(single), 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("asked", [0, 1])
def test_a_signal_to_one_of_two_processes_makes_both_leave_at_the_same_step(data, tmp_path, asked):
    run = tmp_path / "run"
    processes = both(data, run, environment(), "--training.steps", "100000")
    wait_for(lambda: (run / "metrics.jsonl").exists() and (run / "metrics.jsonl").stat().st_size, processes[0])
    processes[asked].send_signal(signal.SIGTERM)
    results = [finish(process) for process in processes]
    assert [code for code, _ in results] == [143, 143], results
    reached = Checkpoints(run / FOLDER, read_only=True).steps()[-1]
    assert results[0][1].splitlines()[-1].startswith(f"SIGTERM: saved step {reached} and left")
    assert digests(run)
