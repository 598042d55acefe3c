"""What is compiled is kept: by whom, where, and when not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vqvae_jax import compile_cache
from vqvae_jax.compile_cache import FOLDER_VARIABLE, cache_folder, keep_compiled_programs

#: Of a process of its own: JAX reads the environment when it is imported.
PROGRAM = """
import sys
from vqvae_jax.compile_cache import keep_compiled_programs
keep_compiled_programs()
import jax, jax.numpy as jnp
from jax import monitoring
hits = []
monitoring.register_event_listener(lambda name, **_: hits.append(name) if name.endswith("cache_hits") else None)
print(float(jax.jit(lambda x: (x * 3).sum())(jnp.arange(5.0))), len(hits))
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's cache folder, and an environment that names nothing yet."""
    for name in [name for name in os.environ if name.startswith("JAX_") and ("CACHE" in name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    environment = dict(os.environ)
    yield tmp_path
    for name in set(os.environ) - set(environment):
        del os.environ[name]


def started(home):
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    value, hits = done.stdout.split()
    assert value == "30.0"
    return int(hits)


def test_a_second_start_compiles_nothing_again(home):
    assert started(home) == 0
    assert started(home) >= 1
    assert cache_folder().parent == home / "vqvae_jax" and cache_folder().stat().st_mode & 0o777 == 0o700


def test_a_damaged_entry_costs_time_and_nothing_else(home):
    started(home)
    for entry in cache_folder().glob("*-cache"):
        entry.write_bytes(entry.read_bytes()[:20])
    assert started(home) == 0


def test_what_is_kept_is_bounded(home):
    keep_compiled_programs()
    assert int(os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"]) == compile_cache.LARGEST


def test_a_folder_that_the_user_names_is_used_as_it_is(home, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, "/elsewhere")
    keep_compiled_programs()
    assert os.environ[FOLDER_VARIABLE] == "/elsewhere" and "JAX_COMPILATION_CACHE_MAX_SIZE" not in os.environ
    assert not (home / "vqvae_jax").exists()


def test_a_folder_that_others_can_write_into_is_not_used(home):
    cache_folder().mkdir(parents=True)
    cache_folder().chmod(0o777)
    keep_compiled_programs()
    assert FOLDER_VARIABLE not in os.environ


@pytest.mark.parametrize("place", ["relative/cache", "/proc/nowhere"])
def test_without_a_folder_nothing_is_kept(home, monkeypatch, place):
    monkeypatch.setenv("XDG_CACHE_HOME", place)
    keep_compiled_programs()
    assert FOLDER_VARIABLE not in os.environ and not Path("relative").exists()


def test_processors_have_folders_of_their_own(home, monkeypatch):
    usual = cache_folder()
    monkeypatch.setattr(compile_cache, "_processor", lambda: "another one")
    assert cache_folder() != usual


@pytest.mark.parametrize(("words", "kept"), [((), True), (("--no-compile-cache",), False)])
def test_the_command_keeps_unless_told_not_to(home, words, kept):
    line = [sys.executable, "-m", "vqvae_jax", *words, "info", str(home / "nothing.msv")]
    done = subprocess.run(line, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 2 and "vqvae-jax info: " in done.stderr
    assert (home / "vqvae_jax").exists() == kept
