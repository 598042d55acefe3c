"""What a command line shows when the user errs, when we err, and when nobody reads on."""

import subprocess
import sys
from pathlib import Path

import pytest

from vqvae_jax.errors import ConfigError, UserError, one_line, run_command, say


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


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb\r\x1b[31m\udcff é", r"a\nb\r\x1b[31m\udcff é"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("left\u202eright", r"left\u202eright"),  # turns the order of what follows
        ("\u8996\U0001f600 | \\", "\u8996\U0001f600 | \\"),
    ],
)
def test_any_name_fits_one_line_of_output_and_names_that_differ_look_different(name, shown, capsys):
    assert one_line(name) == one_line(one_line(name)) == shown
    say(name, "next")
    assert capsys.readouterr().out == f"{shown}\nnext\n"
    with pytest.raises(SystemExit):
        run_command("data_prep", lambda: (_ for _ in ()).throw(UserError(name)))
    assert capsys.readouterr().err == f"data_prep: {shown}\n"


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_behind_standard_output_is_one_line():
    for line in ("import argparse; argparse.ArgumentParser(prog='a').print_help()", "say('x' * 100000)", "print('x')"):
        program = f"from vqvae_jax.errors import run_command, say\ndef main(): {line}\nrun_command('count', main)"
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.stderr == "count: standard output: cannot be written (No space left on device)\n"
        assert done.returncode == 2


def test_a_standard_output_that_was_closed_is_nothing_to_fail_of():
    program = "from vqvae_jax.errors import run_command, say\nrun_command('count', lambda: say('x'))"
    done = subprocess.run(["sh", "-c", f'{sys.executable} -c "{program}" >&-'], stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")
