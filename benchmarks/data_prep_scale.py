"""Disk and memory that data_prep takes while it runs, for few and for many videos.

    python -m benchmarks.data_prep_scale [--counts 500 2000]

Videos of 32x24 pixels and 60 frames are made, all different, and prepared by `python -m data_prep` as 32x32 clips of 8
frames. All of its files are measured ten times a second, and the memory of the process that keeps the lists; its
workers hold a clip and a shard's writer each. "beyond the set": the most that lay there at any time, less the finished
data set: a shard whose frames are not removed yet, for every worker, and what frames take more than their clips. The
aims are what must not grow: that room without the shard, in parts of the set, and the memory for another video.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.report import Result, Row, aim, benchmark
from vqvae_jax.data.record_shards import SHARD_BYTES

FRAMES, SIDE = 60, (32, 24)


def make_videos(root: Path, count: int) -> None:
    """A camera move over other noise in each; ten classes of groups of four."""
    for number in range(count):
        label = f"Class{number % 10}"
        path = root / label / f"v_{label}_g{number // 40:04d}_c{number // 10 % 4:02d}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (6, 24, 3), dtype=np.uint8)
        scene = cv2.resize(noise, (SIDE[0] + FRAMES, SIDE[1]), interpolation=cv2.INTER_CUBIC)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, SIDE)
        for at in range(FRAMES):
            writer.write(np.ascontiguousarray(scene[:, at : at + SIDE[0]]))
        writer.release()


def disk_bytes(folder: Path) -> int:
    """That the files below a folder occupy; those that go meanwhile are left out."""

    def sizes() -> Iterator[int]:
        for place, _, names in os.walk(folder):
            for name in names:
                try:
                    yield (Path(place) / name).stat().st_blocks * 512
                except OSError:
                    continue

    return sum(sizes())


def peak_memory(process: int) -> int:
    """The most bytes that a process had in memory, so far."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def measured(videos: Path, out: Path, count: int) -> Row:
    """One run."""
    command = [sys.executable, "-m", "data_prep", "--videos", str(videos), "--out", str(out)]
    process = subprocess.Popen([*command, "--frames", "8", "--size", "32", "--workers", "1"], stdout=subprocess.DEVNULL)
    most = memory = 0
    while process.poll() is None:
        most, memory = max(most, disk_bytes(out.parent)), max(memory, peak_memory(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"data_prep ended with {process.returncode}")
    whole = disk_bytes(out)
    clips = (FRAMES * 16 // 25 - 8) // 8 + 1
    return {
        "videos": count,
        "frames uncompressed, MB": count * clips * 8 * 32 * 32 * 3 / 1e6,
        "data set, MB": whole / 1e6,
        "most on disk, MB": most / 1e6,
        "beyond the set, MB": (most - whole) / 1e6,
        "memory, MB": memory / 1e6,
        "card.json, KB": (out / "card.json").stat().st_size / 1e3,
    }


@benchmark
def main(counts: tuple[int, ...] = (500, 2000)) -> Result:
    rows = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            videos, out = Path(folder) / "videos", Path(folder) / "sets" / "out"
            make_videos(videos, count)
            rows.append(measured(videos, out, count))
    few, many = rows[0], rows[-1]
    beyond = max(0.0, many["beyond the set, MB"] - SHARD_BYTES / 1e6) / many["data set, MB"]
    more = (many["memory, MB"] - few["memory, MB"]) * 1e3 / max(many["videos"] - few["videos"], 1)
    return {
        "rows": rows,
        "aims": [
            aim("room beyond the set and a shard, in parts of the set", beyond, at_most=0.1),
            aim("memory for another video, KB", more, at_most=10.0),
        ],
    }


if __name__ == "__main__":
    main()
