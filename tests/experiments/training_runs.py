"""Runs of the training program as a user starts them, on a narrow model that compiles in seconds."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "data"))
from example_clips import write_npy, write_shards  # noqa: E402, F401

from vqvae_jax.training.checkpoints import FOLDER, Checkpoints  # noqa: E402
from vqvae_jax.training.logs import read_metrics  # noqa: E402

# fmt: off
MODEL = [
    "--model.clip", "8", "16", "16", "--data.frames", "8", "--model.width", "8", "--model.hidden", "8",
    "--model.encoder-blocks", "0", "--model.decoder-blocks", "0", "--model.top-width", "8", "--model.top-hidden", "8",
    "--model.top-blocks", "0", "--model.bottom.codes", "16", "--model.bottom.dim", "4", "--model.top.codes", "16",
    "--model.top.dim", "4",
]
STEPS = 240
# Logs every 7 steps, so that an interruption and most checkpoints fall into the middle of what is averaged.
RHYTHM = [
    "--training.steps", str(STEPS), "--training.log-every", "7", "--training.checkpoint-every", "80",
    "--training.validate-every", "120", "--training.picture-every", "120", "--optimizer.warmup-steps", "0",
]
# fmt: on
# Compiles twice as fast; the tests of `kill -9` and `benchmarks/kill_and_resume.py` run what users run.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
RATES = ("time", "clips_per_second", "flops_per_second")


def example_splits(shape: tuple[int, int, int] = (8, 16, 16)) -> dict[str, np.ndarray]:
    """13 training, 5 validation and 3 test clips of smooth coloured noise."""
    t, h, w = shape
    coarse = np.random.default_rng(0).integers(0, 256, (21, t // 2, h // 4, w // 4, 3))
    clips = np.kron(coarse, np.ones((1, 2, 4, 4, 1))).astype(np.uint8)
    return {"train": clips[:13], "validation": clips[13:18], "test": clips[18:]}


def command(data: Path, run: Path, *options: str) -> list[str]:
    """The command line of a narrow run; later options win."""
    given = ["--data", str(data), "--run", str(run), *MODEL, *RHYTHM, *options]
    return [sys.executable, "-m", "experiments.train", "tiny", *_last_of_each(given)]


def _last_of_each(options: list[str]) -> list[str]:
    last: dict[str, list[str]] = {}
    for word in options:
        if word.startswith("--"):
            values = last[word] = []
        else:
            values.append(word)
    return [word for name, values in last.items() for word in (name, *values)]


def environment(devices: int = 1, quick: bool = True, cache: Path | None = None) -> dict[str, str]:
    """CPU, with `devices` simulated devices; `cache` keeps compiled programs between runs."""
    flags = [f"--xla_force_host_platform_device_count={devices}"] + ([QUICK] if quick else [])
    variables = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": " ".join(flags), "TF_CPP_MIN_LOG_LEVEL": "3"}
    variables.pop("VQVAE_JAX_WEIGHTS", None)
    if cache is not None:
        variables |= {
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
    return variables


def start(arguments: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        arguments, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str], timeout: float = 600) -> tuple[int, str]:
    """(exit code, standard error)."""
    try:
        _, error = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, error


def trained(data: Path, run: Path, *options: str, variables: dict[str, str]) -> str:
    """A run that must succeed; what it said."""
    code, said = finish(start(command(data, run, *options), variables))
    assert code == 0, said
    return said


def wait_for(condition: Any, process: subprocess.Popen[str], timeout: float = 600) -> None:
    """Waits until `condition()` holds, as long as the process runs."""
    until = time.monotonic() + timeout
    while not condition():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            pytest.fail(f"the run ended or hung: {process.communicate()[1]}")
        time.sleep(0.005)


def digests(run: Path, step: int | None = None) -> dict[str, str]:
    """Digest of every leaf of a checkpoint's state, the last one by default."""
    checkpoints = Checkpoints(run / FOLDER, read_only=True)
    record = checkpoints.record(checkpoints.steps()[-1] if step is None else step)
    return {name: entry["digest"] for name, entry in record.leaves.items()}


def stream_state(run: Path) -> dict[str, Any]:
    checkpoints = Checkpoints(run / FOLDER, read_only=True)
    return checkpoints.record(checkpoints.steps()[-1]).stream_state


def curves(run: Path) -> list[dict[str, Any]]:
    """`metrics.jsonl` without what depends on the clock."""
    return [{name: v for name, v in line.items() if name not in RATES} for line in read_metrics(run)]
