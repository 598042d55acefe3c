import json
import re

import numpy as np
import pytest

from tests.codec.example_bundle import moving, save_example
from vqvae_jax.cli import main
from vqvae_jax.errors import run_command


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "example.safetensors"
    save_example(path)
    return path


class Result:
    """What a command did."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def refused(self, message):
        """Exit code 2; the last line on standard error is the mistake; no traceback, no result."""
        last = self.err.rstrip("\n").split("\n")[-1]
        assert self.code == 2 and last.startswith("vqvae-jax: ") and re.search(message, last), self.err
        assert "Traceback" not in self.err and not self.out
        return True


@pytest.fixture
def command(capsys, monkeypatch, bundle):
    """Runs a command line in this process, with the small bundle in the environment."""
    monkeypatch.setenv("VQVAE_JAX_BUNDLE", str(bundle))

    def call(*arguments):
        code = 0
        try:
            run_command("vqvae-jax", lambda: main.run([str(argument) for argument in arguments]))
        except SystemExit as stopped:
            code = stopped.code
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def video(tmp_path):
    """A .npy file: 11 frames of 32x24."""
    path = tmp_path / "video.npy"
    np.save(path, moving(11))
    return path
