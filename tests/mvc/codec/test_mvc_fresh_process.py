"""A process that has the file and no more, not even the code that fits: the frames are the same."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.mvc.codec.golden.make import GOLDEN
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.mvc.codec.model import MvcModel

ROOT = Path(__file__).parents[3]
#: What an encoder has and a decoder has not: the training, its losses and heads, psi, what scenes and networks are
#: chosen by, and everything that reads bundles.
WITHHELD = (
    *(f"vqvae_jax.mvc.{name}" for name in ("train", "scene", "objective", "experiment", "losses", "supervision")),
    *(f"vqvae_jax.mvc.codec.{name}" for name in ("fit", "plan", "cuts")),
    *("vqvae_jax.training.loop", "vqvae_jax.codec.bundle", "safetensors", "optax", "orbax"),
)
PROGRAM = f"""
import sys
for name in {WITHHELD}:
    sys.modules[name] = None
from vqvae_jax.cli.main import run
run(["--no-compile-cache", *sys.argv[1:]])
"""


def alone(folder, *arguments):
    """A command in a process of its own, in a folder where nothing but the file is."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "VQVAE_JAX_BUNDLE": "no such bundle"}
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    said = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert said.returncode == 0, said.stderr


def test_any_range_is_decoded_from_the_file_alone(tmp_path):
    data = (GOLDEN / "scenes.msv").read_bytes()
    (tmp_path / "v.msv").write_bytes(data)
    alone(tmp_path, "decode", "v.msv", "out.npy", "--start", "2", "--frames", "8")
    with Decoder(MvcModel(), io.BytesIO(data)) as decoder:
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), list(decoder.frames(2, 8)))


def test_info_needs_no_jax(tmp_path):
    (tmp_path / "v.msv").write_bytes((GOLDEN / "scenes.msv").read_bytes())
    program = PROGRAM.replace("import sys\n", "import sys\nsys.modules['jax'] = None\n", 1)
    command = [sys.executable, "-c", program, "info", "v.msv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert said.returncode == 0 and "mvc, brings its model along" in said.stdout, said.stderr
