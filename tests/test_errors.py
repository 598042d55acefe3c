"""What a command line shows when the user errs, when we err, and when nobody reads on."""

import subprocess
import sys

import pytest

from vqvae_jax.errors import ConfigError, UserError, run_command


@pytest.mark.parametrize("error", [UserError, ConfigError])
def test_a_user_error_is_one_line_and_exit_code_2(error, capsys):
    def main():
        raise error("clip.avi: cannot be read; record it again")

    with pytest.raises(SystemExit) as exit_:
        run_command("data_prep", main)
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    assert captured.err == "data_prep: clip.avi: cannot be read; record it again\n"
    assert captured.out == ""


def test_a_defect_of_ours_keeps_its_traceback():
    def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command("train", main)


def test_success_returns(capsys):
    run_command("train", lambda: print("done"))
    assert capsys.readouterr().out == "done\n"


def test_a_closed_pipe_ends_quietly():
    program = (
        "from vqvae_jax.errors import run_command\n"
        "run_command('count', lambda: [print('x' * 1000) for _ in range(10000)])"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
