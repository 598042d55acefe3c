import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from vqvae_jax.training.interrupt import Agreement, Interruption
from vqvae_jax.training.mapping import DeviceMap

TWICE = """
import os, signal, sys, time
from vqvae_jax.training.interrupt import Interruption
with Interruption() as interruption:
    os.kill(os.getpid(), int(sys.argv[1]))
    print(interruption.signal.name, interruption.exit_code, flush=True)
    os.kill(os.getpid(), int(sys.argv[2]))
    time.sleep(100_000)
"""


@pytest.fixture
def alone():
    return Agreement(DeviceMap("auto", jax.devices()[:1]))


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_is_noted_and_gives_the_shells_exit_code(alone, number, code):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with Interruption() as interruption:
        assert not interruption.agreed(alone)
        assert interruption.exit_code == 0
        os.kill(os.getpid(), number)
        assert interruption.signal == number
        assert interruption.agreed(alone)
        assert interruption.exit_code == code
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("first, second", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
def test_the_second_signal_ends_the_process_at_once_without_a_traceback(first, second):
    arguments = [sys.executable, "-c", TWICE, str(int(first)), str(int(second))]
    done = subprocess.run(arguments, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=600)
    assert done.stdout == f"{first.name} {128 + first}\n"
    assert done.returncode == -second
    assert done.stderr == ""


def test_several_processes_agree_on_the_greatest_signal_one_call_later(alone, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    assert [alone(number) for number in (0, 15, 2, 0)] == [0, 0, 15, 2]
