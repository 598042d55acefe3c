"""`python -m vqvae_jax`: commands, help, exit codes, and what a fresh process can do with a file alone."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.codec.example_bundle import moving
from vqvae_jax.cli.main import COMMANDS

TESTS = Path(__file__).parents[1]


def fresh(*arguments, bundle=None, **options):
    """Runs a command line in a new process."""
    environment = {key: value for key, value in os.environ.items() if key != "VQVAE_JAX_BUNDLE"}
    environment |= {"JAX_PLATFORMS": "cpu"} | ({} if bundle is None else {"VQVAE_JAX_BUNDLE": str(bundle)})
    line = [sys.executable, "-m", "vqvae_jax", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=600, **options)


def test_a_fresh_process_decodes_from_the_file_alone(command, bundle, video, tmp_path):
    for name in ("coded.msv", "again.msv"):
        assert command("encode", video, tmp_path / name, "--size", "native").code == 0
    assert (tmp_path / "coded.msv").read_bytes() == (tmp_path / "again.msv").read_bytes()
    facts = command("encode", video, tmp_path / "coded.msv", "--size", "native", "--force", "--verify", "--json").json
    command("decode", tmp_path / "coded.msv", tmp_path / "here.npy")
    video.unlink()
    there = fresh("decode", tmp_path / "coded.msv", tmp_path / "there.npy", bundle=bundle)
    assert there.returncode == 0, there.stderr
    here, found = np.load(tmp_path / "here.npy"), np.load(tmp_path / "there.npy")
    np.testing.assert_array_equal(found, here)
    by_frame = 10 * np.log10(255**2 / ((found - moving(11).astype(float)) ** 2).mean(axis=(1, 2, 3)))
    assert facts["psnr"] == pytest.approx(by_frame.mean(), abs=1e-3)


@pytest.mark.parametrize("family", ["codec/golden/fixed", "ntc/codec/golden/low", "envc/codec/golden/groups"])
def test_info_starts_without_numpy_jax_or_a_model(family):
    program = (
        "import sys; from vqvae_jax.cli import main; main.run(sys.argv[1:]);"
        "print([name for name in ('numpy', 'jax', 'flax', 'safetensors', 'cv2', 'av') if name in sys.modules])"
    )
    line = [sys.executable, "-c", program, "info", str(TESTS / f"{family}.msv")]
    found = subprocess.run(
        line, capture_output=True, text=True, timeout=600, env={**os.environ, "VQVAE_JAX_BUNDLE": ""}
    )
    assert found.returncode == 0 and found.stdout.rstrip().endswith("[]"), found.stdout + found.stderr


def test_mistakes_end_with_code_2_and_one_line(tmp_path):
    result = fresh("info", tmp_path / "nothing.msv")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("vqvae-jax info: ") and "cannot be read" in result.stderr


def test_help_names_every_command(command):
    for arguments in (["--help"], ["-h"]):
        result = command(*arguments)
        assert result.code == 0 and all(f"  {name} " in result.out for name in COMMANDS)
    for name in COMMANDS:
        result = command(name, "--help")
        assert result.code == 0 and f"vqvae-jax {name}" in result.out


@pytest.mark.parametrize(
    ("arguments", "message"), [([], "no command given"), (["encrypt"], "unknown command 'encrypt'")]
)
def test_commands_that_do_not_exist_are_refused(command, arguments, message):
    assert command(*arguments).refused(f"{message}; expected one of encode, decode")


def test_options_that_do_not_exist_are_refused(command, video):
    assert command("encode", video, "a.msv", "--quality", 3).code == 2
    assert command("encode", video).code == 2


@pytest.mark.parametrize(
    ("what", "number", "said"),
    [
        ("encode", signal.SIGINT, "interrupted"),
        ("decode", signal.SIGINT, "interrupted"),
        ("encode", signal.SIGTERM, "terminated"),
    ],
)
def test_a_signal_leaves_nothing(command, bundle, tmp_path, what, number, said):
    np.save(tmp_path / "long.npy", np.tile(moving(16, 16, 16), (1000, 1, 1, 1)))
    arguments = ["encode", tmp_path / "long.npy", tmp_path / "out.msv"]
    if what == "decode":
        # A chunk of 16 frames that is repeated in time takes a moment to make and long to decode.
        np.save(tmp_path / "long.npy", np.tile(moving(16, 16, 16), (100, 1, 1, 1)))
        assert command("encode", tmp_path / "long.npy", tmp_path / "in.msv").code == 0
        arguments = ["decode", tmp_path / "in.msv", tmp_path / "out.npy"]
    before = sorted(tmp_path.iterdir())
    environment = {**os.environ, "VQVAE_JAX_BUNDLE": str(bundle), "JAX_PLATFORMS": "cpu"}
    line = [sys.executable, "-m", "vqvae_jax", *map(str, arguments)]
    # A shell starts background jobs with SIGINT ignored, and the tests may be one.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(line, env=environment, preexec_fn=heard, **pipes)
    deadline = time.monotonic() + 600
    while sorted(tmp_path.iterdir()) == before and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 128 + number, err
    assert err.rstrip().endswith(f"vqvae-jax {what}: {said}; nothing unfinished is left")
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before
