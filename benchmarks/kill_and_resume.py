"""`kill -9` at random moments, during saves too; then the run must be the one that nothing disturbed, bit for bit.

    python -m benchmarks.kill_and_resume [--kills 10] [--workers 0 2] [--data DIR]

For every number of Grain workers: a straight run, then the same run killed N times, every other time as soon as a save
is under way, and resumed after each. Compared at the end: the digests of all leaves of the last checkpoint, the state
of the data stream, the records of the next three batches, and the curves. Without --data the clips come from generated
videos through data_prep. Exit code 1 if anything differs. Writes benchmarks/results/kill_and_resume.json.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inputs import DataSet, data_facts
from benchmarks.report import Result, benchmark
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_split, open_stream
from vqvae_jax.errors import UserError
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.logs import read_metrics

BATCH = 4
STARTED = "steps in all"  # the program's last word before its first step
WIDTHS = {"width": 8, "hidden": 8, "top-width": 8, "top-hidden": 8, "encoder-blocks": 0, "decoder-blocks": 0}
CODES = {"bottom.codes": 64, "bottom.dim": 8, "top.codes": 64, "top.dim": 8, "top-blocks": 0}
EVERY = {"log-every": 7, "checkpoint-every": 15, "validate-every": 50, "validation-clips": 4, "picture-every": 100}
CLOCK = ("time", "clips_per_second", "flops_per_second")


def generated_data(scratch: Path) -> Path:
    """An ArrayRecord data set of 8-frame clips of 16x16 pixels, from videos of drifting patterns."""
    from vqvae_jax.video.write import write_mp4

    videos, data = scratch / "videos", scratch / "data"
    videos.mkdir()
    for number in range(9):
        picture = np.random.default_rng(number).integers(0, 256, (12, 24, 3))
        wide = np.kron(picture, np.ones((4, 4, 1))).astype(np.uint8)
        write_mp4(videos / f"v_Drift_g{number:02d}_c01.mp4", np.stack([wide[:, k : k + 48] for k in range(48)]))
    settings = ["--videos", str(videos), "--out", str(data), "--frames", "8", "--size", "16"]
    done = subprocess.run([sys.executable, "-m", "data_prep", *settings], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"data_prep failed: {done.stderr.strip()}")
    return data


def kill_and_compare(scratch: Path, data: Path, workers: int, kills: int, steps: int, seed: int) -> dict[str, Any]:
    """One straight and one killed run; prints a line per kill."""
    straight, killed = scratch / f"straight_{workers}", scratch / f"killed_{workers}"
    process, said = start(data, straight, workers, steps)
    wait_until_started(process, said)
    began = time.monotonic()
    finish(process, said)
    share = (time.monotonic() - began) / (kills + 1)
    dice, rows = random.Random(seed), []
    for kill in range(1, kills + 1):
        process, said = start(data, killed, workers, steps)
        resumed = wait_until_started(process, said)
        time.sleep(dice.uniform(0.0, 1.5 * share))
        if kill % 2 == 0:
            wait_for_save(process, killed)
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        rows.append({"started_at": resumed, "save_under_way": save_under_way(killed), "logged": last_logged(killed)})
        print(f"workers {workers}, kill {kill}: {rows[-1]}" + ("" if alive else " (the run was over)"), flush=True)
        if not alive:
            break
    process, said = start(data, killed, workers, steps)
    resumed = wait_until_started(process, said)
    finish(process, said)
    equal = compare(data, straight, killed)
    print(f"workers {workers}, last: started at {resumed}; equal to the straight run: {equal}", flush=True)
    return {"workers": workers, "steps": steps, "kills": rows, "last_started_at": resumed, "equal": equal}


def start(data: Path, run: Path, workers: int, steps: int) -> tuple[subprocess.Popen[bytes], Path]:
    """Starts the program; what it says goes to a file."""
    shape = open_split(data, "train").clip_shape
    settings = [f"--model.{name}={value}" for name, value in (WIDTHS | CODES).items()]
    settings += [f"--training.{name}={value}" for name, value in EVERY.items()]
    settings += ["--model.clip", *map(str, shape[:3]), f"--data.frames={shape[0]}", f"--data.batch-size={BATCH}"]
    settings += ["--data.source=grain", f"--data.workers={workers}", f"--training.steps={steps}"]
    said = run.with_name(f"{run.name}.said")
    command = [sys.executable, "-m", "experiments.train", "tiny", f"--data={data}", f"--run={run}", *settings]
    with said.open("wb") as file:
        return subprocess.Popen(command, stderr=file, stdout=file), said


def wait_until_started(process: subprocess.Popen[bytes], said: Path) -> int:
    """Waits for the first step; returns the step that the run went on from, 0 for a new one."""
    while STARTED not in (text := said.read_text(errors="replace")):
        if process.poll() is not None:
            raise UserError(f"the run did not start: {text.strip()[-500:]}")
        time.sleep(0.01)
    line = next(line for line in text.splitlines() if STARTED in line)
    return int(line.split("resumed at step ")[1].split(",")[0]) if "resumed" in line else 0


def finish(process: subprocess.Popen[bytes], said: Path) -> None:
    if process.wait():
        raise UserError(f"the run failed: {said.read_text(errors='replace').strip()[-500:]}")


def save_under_way(run: Path) -> bool:
    """Whether a checkpoint lies half-written."""
    return any((run / FOLDER).glob("*.orbax-checkpoint-tmp*"))


def wait_for_save(process: subprocess.Popen[bytes], run: Path) -> None:
    """Waits for a save that is not the run's first, so that there is something to go on from."""
    checkpoints = Checkpoints(run / FOLDER, read_only=True)
    while process.poll() is None and not (checkpoints.steps() and save_under_way(run)):
        time.sleep(0.0005)


def last_logged(run: Path) -> int:
    return max((line["step"] for line in read_metrics(run)), default=0) if (run / "metrics.jsonl").exists() else 0


def compare(data: Path, straight: Path, killed: Path) -> dict[str, bool]:
    """What must be equal after the last step of both."""
    records, curves = [], []
    for run in (straight, killed):
        checkpoints = Checkpoints(run / FOLDER, read_only=True)
        records.append(checkpoints.record(checkpoints.steps()[-1]))
        curves.append([{k: v for k, v in line.items() if k not in CLOCK} for line in read_metrics(run)])
    a, b = records
    return {
        "step": a.step == b.step,
        "digests_of_all_leaves": len(a.leaves) > 0 and a.leaves == b.leaves,
        "stream_state": a.stream_state == b.stream_state,
        "next_three_batches": next_batches(data, a.stream_state) == next_batches(data, b.stream_state),
        "curves": curves[0] == curves[1],
    }


def next_batches(data: Path, state: dict[str, Any], count: int = 3) -> list[list[str]]:
    """Names of the clips that come next."""
    clips = open_split(data, "train")
    stream = open_stream(clips, PipelineConfig(batch_size=BATCH, frames=clips.clip_shape[0]))
    stream.set_state(state)
    return [clips.ids(next(stream).records.tolist()) for _ in range(count)]


@benchmark
def main(
    kills: int = 10, workers: tuple[int, ...] = (0, 2), steps: int = 600, data: DataSet = None, seed: int = 0
) -> Result:
    """Kills.

    Args:
      kills: per number of workers.
      workers: of Grain.
      steps: of the whole run.
      seed: of the moments.
    """
    with tempfile.TemporaryDirectory(prefix="kill_and_resume_") as scratch:
        data = data or generated_data(Path(scratch))
        runs = [kill_and_compare(Path(scratch), data, count, kills, steps, seed) for count in workers]
        facts = data_facts(open_split(data, "train"))
    rows = [
        {"workers": run["workers"], "steps": run["steps"], "kills": len(run["kills"])}
        | {name.replace("_", " "): equal for name, equal in run["equal"].items()}
        for run in runs
    ]
    equal = all(all(run["equal"].values()) for run in runs)
    return {"ok": equal, "rows": rows, "seed": seed, "data": facts, "runs": runs}


if __name__ == "__main__":
    main()
