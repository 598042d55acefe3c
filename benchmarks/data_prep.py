"""Source frames per second through data_prep, beside a bare OpenCV read loop; the aim is 0.2 of it per core.

    python -m benchmarks.data_prep [--videos DIR] [--repeats N]

Whole runs are timed, with starting the workers, digests and writing. The bare loop reads every frame and drops it, one
file after the other, with OpenCV's own number of decoder threads and with one. "of bare" compares with one thread;
"of bare by CPU" compares CPU seconds per frame, which other programs on the machine disturb less.
"""

import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from benchmarks.report import options, write
from data_prep.config import PrepConfig
from data_prep.prepare import prepare
from vqvae_jax.data.names import find_files
from vqvae_jax.errors import run_command

AIM_PER_CORE = 0.2
BARE = "bare loop, 1 thread"


class Run(NamedTuple):
    """One timed run."""

    frames: int  # of the source
    wall_s: float
    cpu_s: float  # over all processes


def bare_loop(videos: Path, threads: int | None) -> int:
    """Reads every frame; returns their number."""
    frames = 0
    for source in find_files(videos)[0]:
        chosen = [] if threads is None else [cv2.CAP_PROP_N_THREADS, threads]
        capture = cv2.VideoCapture(str(videos / source.path), cv2.CAP_FFMPEG, chosen)
        while capture.read()[0]:
            frames += 1
        capture.release()
    return frames


def prepared(videos: Path, **changes: Any) -> int:
    """Makes a data set and throws it away; returns the number of source frames."""
    with tempfile.TemporaryDirectory() as folder:
        card = prepare(PrepConfig(videos, Path(folder) / "out", **changes))
    return card["totals"]["decoded_frames"]


def timed(call: Callable[[], int]) -> Run:
    """Runs once."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    frames = call()
    return Run(frames, time.perf_counter() - wall, cpu_seconds() - cpu)


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = options("data_prep", __doc__)
    parser.add_argument("--videos", type=Path, default=Path("../shared/data/ucf101"), help="folder of video files")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    calls: dict[str, tuple[int, Callable[[], int]]] = {
        "bare loop": (1, lambda: bare_loop(args.videos, None)),
        BARE: (1, lambda: bare_loop(args.videos, 1)),
    }
    settings = {
        "arrayrecord, 16 fps": {},
        "npy, 16 fps": {"format": "npy"},
        "npy, native": {"format": "npy", "fps": "native"},
    }
    for workers in args.workers:
        for name, changes in settings.items():
            calls[f"{name}, {workers} workers"] = (
                workers,
                lambda c=changes, w=workers: prepared(args.videos, workers=w, **c),  # type: ignore[misc]
            )
    bare_loop(args.videos, 1)  # the files are then in the page cache
    runs: dict[str, list[Run]] = {name: [] for name in calls}
    for _ in range(args.repeats):  # in turns, so that a slow minute of the machine hits all of them alike
        for name, (_, call) in calls.items():
            runs[name].append(timed(call))
    frames = {name: rows[0].frames for name, rows in runs.items()}
    rate = {name: frames[name] / statistics.median(r.wall_s for r in rows) for name, rows in runs.items()}
    cpu = {name: statistics.median(r.cpu_s for r in rows) / frames[name] for name, rows in runs.items()}
    rows = [
        {
            "run": name,
            "frames/s": round(rate[name]),
            "of bare": rate[name] / rate[BARE],
            "of bare per core": rate[name] / rate[BARE] / calls[name][0],
            "of bare by CPU": cpu[BARE] / cpu[name],
            "all frames/s": [round(r.frames / r.wall_s) for r in runs[name]],
        }
        for name in calls
    ]
    write(args.out, "data_prep", rows, aim_of_bare_per_core=AIM_PER_CORE, videos=str(args.videos))


if __name__ == "__main__":
    run_command("benchmarks.data_prep", main)
