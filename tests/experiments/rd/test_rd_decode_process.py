"""Files decoded by a process of its own, which a file may end."""

import sys

import pytest

from experiments.rd.decode_process import Receiver
from experiments.rd.ffmpeg import Processes, Stopped
from vqvae_jax.evaluation.coder import CodecError

CRASHING = """
import json, sys
import numpy as np
sys.stdin.readline()
for line in sys.stdin:
    source, target = json.loads(line)
    if source.endswith("b.msv"):
        sys.stdout.write('{"seco')
        sys.stdout.flush()
        raise ZeroDivisionError
    np.save(target, np.array([7], np.uint8))
    print(json.dumps({"seconds": 1.0, "error": None}), flush=True)
"""


class Crashing(Processes):
    """Starts what decodes files that are not "b", and ends there in the middle of a line."""

    started = 0

    def start(self, command, errors, cwd=None):
        self.started += 1
        return super().start([sys.executable, "-c", CRASHING], errors, cwd)


def failure_of(receiver, path):
    with pytest.raises(CodecError) as failure:
        receiver.decode(path)
    return str(failure.value)


def test_a_clip_that_ends_the_decoders_process_costs_itself_alone(tmp_path):
    processes = Crashing()
    receiver = Receiver(processes, tmp_path / "bundle")
    for name, started in (("a", 1), ("c", 1), ("b", 1), ("d", 2)):
        if name == "b":
            said = failure_of(receiver, tmp_path / "b.msv")
            assert "ended at this file: exit code 1: ZeroDivisionError" in said
        else:
            clip, seconds = receiver.decode(tmp_path / f"{name}.msv")
            assert clip.tolist() == [7] and seconds == 1.0
        assert processes.started == started
    failures = [failure_of(receiver, tmp_path / f"{number}b.msv") for number in range(4)]
    assert ["at this file" in text for text in failures] == [True] * 2 + [False] * 2
    assert processes.started == 3
    processes.stop()


def test_a_decoder_that_was_stopped_is_no_failure_of_the_clip(tmp_path):
    processes = Crashing()
    receiver = Receiver(processes, tmp_path / "bundle")
    receiver.decode(tmp_path / "a.msv")
    processes.stop()
    for _ in range(2):
        with pytest.raises(Stopped):
            receiver.decode(tmp_path / "a.msv")


def test_a_model_that_does_not_load_fails_with_its_reason(tmp_path):
    path = tmp_path / "no.safetensors"
    path.write_bytes(b"nothing")
    assert "no.safetensors" in failure_of(Receiver(Processes(), path), tmp_path / "a.msv")
