"""A program that was compiled once runs at the next start without its function; what does not fit is compiled anew."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vqvae_jax
from vqvae_jax import kept_programs
from vqvae_jax.compile_cache import FOLDER_VARIABLE, cache_folder
from vqvae_jax.kept_programs import ENDING, KeptProgram

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)
WEIGHTS = {"scale": np.float32(2), "shift": np.ones(3, np.float32)}
traced = []


def traceable():
    """A function that JAX has not traced before: it knows them by identity."""

    def scaled(power, weights, x):
        traced.append(power)
        y = (x * weights["scale"] + weights["shift"]) ** power
        return y, y.sum()

    return scaled


scaled = traceable()


def alone(power, x):
    return x**power


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(FOLDER_VARIABLE, str(cache_folder()))
    cache_folder().mkdir(mode=0o700, parents=True)
    kept_programs._surroundings.cache_clear()
    traced.clear()
    yield cache_folder()
    kept_programs._surroundings.cache_clear()


def started(power=2, x=ROWS, weights=WEIGHTS):
    """As a process of its own would, with nothing ready; says how often something was traced until now."""
    global scaled
    scaled = traceable()
    y, total = KeptProgram(__name__, "scaled")(power, weights, x)
    expected = (x * weights["scale"] + weights["shift"]) ** power
    np.testing.assert_allclose(y, expected)
    np.testing.assert_allclose(total, expected.sum())
    return len(traced)


def entries(folder):
    return sorted(folder.glob(f"*{ENDING}"))


def test_the_next_start_traces_nothing(folder):
    assert started() == 1 and len(entries(folder)) == 1
    assert started() == 1
    program = KeptProgram(__name__, "scaled")
    for _ in range(3):
        program(2, WEIGHTS, ROWS)
    assert len(traced) == 1


def test_a_single_array_comes_back_as_one(folder):
    for _ in range(2):
        found = KeptProgram(__name__, "alone")(2, ROWS)
        np.testing.assert_array_equal(found, ROWS**2)
    assert len(entries(folder)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b"",
        lambda b: b[:20],
        lambda b: b[:-1],
        lambda b: b[:90] + bytes([b[90] ^ 1]) + b[91:],
        lambda b: b * 2,
    ],
    ids=["empty", "no digest", "cut short", "a flipped bit", "twice"],
)
def test_a_damaged_entry_is_compiled_anew_and_replaced(folder, damage):
    started()
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    assert started() == 2
    assert started() == 2 and entries(folder) == [entry]


def test_what_xla_refuses_is_compiled_anew(folder):
    started()
    (entry,) = entries(folder)
    content = b"\x00of another machine"
    entry.write_bytes(hashlib.sha256(content).digest() + content)
    assert started() == 2


@pytest.mark.parametrize(
    "other",
    [
        {"power": 3},
        {"x": ROWS[:1]},
        {"x": ROWS.astype(np.int32)},
        {"weights": WEIGHTS | {"shift": np.float32(0)}},
        {"weights": WEIGHTS | {"unused": np.float32(0)}},
    ],
    ids=["static", "shape", "type", "a leaf's shape", "structure"],
)
def test_other_arguments_have_programs_of_their_own(folder, other):
    started()
    assert started(**other) == 2 and len(entries(folder)) == 2
    assert started(**other) == 2 and started() == 2


@pytest.mark.parametrize("what", ["code", "version", "environment", "setting"])
def test_what_another_code_version_or_setting_compiled_is_not_used(folder, monkeypatch, tmp_path, what):
    started()
    if what == "code":
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "changed.py").write_text("")
        monkeypatch.setattr(kept_programs, "__file__", str(tmp_path / "package" / "kept_programs.py"))
    elif what == "version":
        monkeypatch.setattr(kept_programs.metadata, "version", lambda name: f"another {name}")
    elif what == "environment":
        monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "") + " ")
    else:
        jax.config.update("jax_default_matmul_precision", "highest")
    kept_programs._surroundings.cache_clear()
    try:
        assert started() == 2 and len(entries(folder)) == 2
    finally:
        jax.config.update("jax_default_matmul_precision", None)


def test_nothing_is_kept_or_read_where_nobody_asked_for_it(folder, monkeypatch):
    started()
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert started() == 2
    monkeypatch.setenv(FOLDER_VARIABLE, "/elsewhere")  # the user's own, for JAX alone
    assert started() == 3 and len(entries(folder)) == 1


def test_a_folder_that_others_can_write_into_is_not_used(folder):
    started()
    folder.chmod(0o777)
    assert started() == 2


def test_a_folder_that_cannot_be_written_costs_time_and_nothing_else(folder, monkeypatch):
    def full(*_):
        raise kept_programs.UserError("no space left on device")

    monkeypatch.setattr(kept_programs, "write_atomically", full)
    assert started() == 1 and started() == 2 and not entries(folder)


def test_the_least_recently_used_goes_first(folder, monkeypatch):
    for power in (1, 2, 3):
        started(power)
        for entry in entries(folder):
            os.utime(entry, ns=(0, entry.stat().st_mtime_ns - 10**9))
    started(1)  # in use again
    sizes = [entry.stat().st_size for entry in entries(folder)]
    monkeypatch.setattr(kept_programs, "LARGEST", sum(sizes) + max(sizes) // 2)
    assert started(4) == 4 and len(entries(folder)) == 3
    assert started(1) == 4 and started(2) == 5


#: XLA's file of a program that came from JAX's cache would lack functions.
FROM_JAX = """
import sys
from vqvae_jax.compile_cache import keep_compiled_programs
keep_compiled_programs()
import jax, numpy as np
import test_kept_programs as ours
if sys.argv[1] == "jax":
    jax.jit(ours.fused, static_argnums=0)(0, ours.ROWS)
    sys.exit()
print(float(ours.KeptProgram("test_kept_programs", "fused")(0, ours.ROWS)), len(ours.traced))
"""


def fused(_, x):
    traced.append("fused")
    return jnp.sum(jnp.tanh(x @ x.T) * 3 + jnp.exp(-x.sum(0)).max())


def test_a_program_that_jax_has_kept_too_can_be_read_back(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not ("JAX_" in name and "CACHE" in name)}
    environment |= {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": f"{Path(__file__).parent}:{Path.cwd()}"}
    said = []
    for what in ("jax", "ours", "ours"):
        line = [sys.executable, "-c", FROM_JAX, what]
        done = subprocess.run(line, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.split())
    assert said[1:] == [[said[1][0], "1"], [said[1][0], "0"]]


#: With the packaged model, as a user starts it.
DECODES = """
import sys
from vqvae_jax.cli.main import run
run(sys.argv[1:])
print(sorted({"flax", "optax", "orbax", "tensorflow", "scipy"} & set(sys.modules)))
"""


def test_the_second_decode_imports_no_flax_and_gives_the_same_pictures(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 24, 3), np.uint8)
    environment = {name: value for name, value in os.environ.items() if not ("JAX_" in name and "CACHE" in name)}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(Path.cwd())}
    (tmp_path / "clip.msv").write_bytes(vqvae_jax.encode_video(frames, vqvae_jax.load("ntc"), 16))
    pictures, imported = [], []
    for number, off in enumerate(([], [], ["--no-compile-cache"])):
        out = tmp_path / f"{number}.npy"
        line = [sys.executable, "-c", DECODES, *off, "decode", str(tmp_path / "clip.msv"), str(out)]
        done = subprocess.run(line, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        imported.append(done.stdout.splitlines()[-1])
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1] == pictures[2]
    assert imported == ["['flax']", "[]", "['flax']"]


def test_with_another_inside_of_jax_every_start_compiles(folder, monkeypatch):
    monkeypatch.setattr(kept_programs, "_device", object)  # has no client
    assert started() == 1 and started() == 2
    assert entries(folder) == []
