"""The package as others receive it: what the wheel holds, what the lock promises, what the library needs to import."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = ["layers", "quantization", "losses", "metrics", "training", "msvqvae", "data.memory", "api"]
LEFT_OUT_ON_SOME_GPU_MACHINES = ["grain", "tensorflow_datasets", "array_record", "tyro", "av"]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory):
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("vqvae_jax", "data_prep", "experiments"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source / name)
    build = f"import setuptools.build_meta as backend; backend.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True, text=True)
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_brings_one_top_level_name(wheel_names):
    assert {name.split("/")[0] for name in wheel_names if ".dist-info/" not in name} == {"vqvae_jax"}


def test_the_wheel_holds_every_file_of_the_library_and_the_licence(wheel_names):
    files = [p for p in (ROOT / "vqvae_jax").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert {str(p.relative_to(ROOT)) for p in files} <= set(wheel_names)
    assert any(name.endswith("licenses/LICENSE") for name in wheel_names)


def locked_names():
    lock = (ROOT / "requirements.lock").read_text()
    return {m.lower().replace("_", "-") for m in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)}


def test_the_lock_covers_every_dependency_with_hashes_and_without_an_index_address():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    assert {re.match(r"[A-Za-z0-9_.-]+", line)[0].lower() for line in wanted} <= locked_names()
    lock = (ROOT / "requirements.lock").read_text()
    for entry in re.split(r"\n(?=[a-z0-9])", lock):
        assert "--hash=sha256:" in entry, entry
    assert "://" not in lock and "--index" not in lock and "--find-links" not in lock


def test_the_lock_leaves_torch_and_beam_out():
    assert not {name for name in locked_names() if name.startswith(("torch", "nvidia", "apache-beam"))}


def test_the_library_imports_where_the_pipeline_and_command_line_packages_are_missing():
    program = f"""
import importlib, pkgutil, sys
for name in {LEFT_OUT_ON_SOME_GPU_MACHINES}:
    sys.modules[name] = None
for name in {LIBRARY}:
    module = importlib.import_module("vqvae_jax." + name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), module.__name__ + "."):
        importlib.import_module(found.name)
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
