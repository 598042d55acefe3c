import json
from pathlib import Path

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from vqvae_jax.errors import UserError
from vqvae_jax.training.logs import RunLog, read_metrics


def events(run_dir):
    """TensorBoard events: records of u64 length, u32 checksum, bytes, u32 checksum."""
    found = []
    for path in sorted((run_dir / "tensorboard").iterdir()):
        content = path.read_bytes()
        while content:
            size = int.from_bytes(content[:8], "little")
            found.append(Event.FromString(content[12 : 12 + size]))
            content = content[16 + size :]
    return found


def logged(run_dir):
    return [(entry["step"], entry["loss"]) for entry in read_metrics(run_dir)]


def test_scalars_go_to_jsonl_and_to_tensorboard(tmp_path):
    with RunLog(tmp_path / "run") as log:
        log.scalars(1, {"loss": np.float32(0.5), "codebook/top/usage": 1})
        log.picture(1, "reconstruction", np.zeros((4, 6, 3), np.uint8))
    line = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert (line["step"], line["loss"], line["codebook/top/usage"]) == (1, 0.5, 1.0)
    values = {v.tag: v for e in events(tmp_path / "run") for v in e.summary.value}
    assert values["loss"].simple_value == 0.5
    assert (values["reconstruction"].image.height, values["reconstruction"].image.width) == (4, 6)


def test_a_value_that_is_not_finite_is_null(tmp_path):
    with RunLog(tmp_path) as log:
        log.scalars(1, {"loss": float("nan"), "psnr": float("inf"), "ok": 2.0})
    text = (tmp_path / "metrics.jsonl").read_text()
    assert "NaN" not in text and "Infinity" not in text
    assert {k: v for k, v in json.loads(text).items() if k != "time"} == {
        "step": 1,
        "loss": None,
        "psnr": None,
        "ok": 2.0,
    }


def test_a_resumed_run_continues_its_curve_without_doubling(tmp_path):
    with RunLog(tmp_path) as log:
        for step in (1, 2, 3, 4):
            log.scalars(step, {"loss": step})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "lo')  # killed in the middle of a line
    with RunLog(tmp_path, resume_step=2) as log:
        log.scalars(3, {"loss": 30})
    assert logged(tmp_path) == [(1, 1), (2, 2), (3, 30)]
    assert [e.step for e in events(tmp_path) if e.session_log.status == 1][-1] == 3  # TensorBoard purges from here on


def test_wrong_pictures_and_missing_logs_are_errors(tmp_path):
    with RunLog(tmp_path) as log, pytest.raises(ValueError, match="uint8"):
        log.picture(1, "x", np.zeros((4, 6, 3)))
    with pytest.raises(UserError, match=r"metrics\.jsonl cannot be read"):
        read_metrics(tmp_path / "nothing")


def test_a_run_folder_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        RunLog(tmp_path / "run")


def test_a_full_disk_is_a_clear_error(tmp_path):
    log = RunLog(tmp_path)
    log._lines = Path("/dev/full").open("w")  # noqa: SIM115
    with pytest.raises(UserError, match="No space left"):
        log.scalars(1, {"loss": 1.0})


@pytest.mark.parametrize("what", ["scalars", "picture"])
def test_a_full_disk_under_tensorboard_is_a_clear_error_too(tmp_path, what):
    with pytest.raises(UserError, match="No space left"), RunLog(tmp_path) as log:
        log._events._py_recordio_writer._writer = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
        if what == "scalars":
            log.scalars(1, {"loss": 1.0})
        else:
            log.picture(1, "x", np.zeros((4, 6, 3), np.uint8))
