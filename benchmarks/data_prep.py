"""Source frames per second through data_prep, beside FFmpeg's scaling pipe and a bare OpenCV read loop.

    python -m benchmarks.data_prep [--videos DIR] [--repeats N]

Whole runs over the same files are timed, in turns. data_prep: with starting its workers, digests and writing. FFmpeg:
one process per file, as many at a time as we have workers, each with one thread, `-vf fps=16,scale=64:64:flags=bicubic`
to raw RGB in a pipe that is read and dropped; nothing is written. The bare loop reads every frame and drops it, one
file after the other, with one decoder thread and with OpenCV's own number. "of bare by CPU" compares CPU seconds per
frame, which other programs on the machine disturb less. The aim is 0.2 of the bare loop per core.
"""

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from benchmarks.clocks import cpu_seconds
from benchmarks.inputs import videos_or_generated
from benchmarks.report import Row, aim, missing, options, versions, write
from data_prep.config import PrepConfig
from data_prep.prepare import prepare
from experiments.rd.ffmpeg import ffmpeg_path, ffmpeg_version
from vqvae_jax.data.names import find_files
from vqvae_jax.errors import UserError, run_command

AIM_PER_CORE = 0.2
FILTER = "fps=16,scale=64:64:flags=bicubic"
SETTINGS: dict[str, dict[str, Any]] = {
    "arrayrecord, 16 fps": {},
    "npy, 16 fps": {"format": "npy"},
    "npy, native": {"format": "npy", "fps": "native"},
}


class Run(NamedTuple):
    """One timed run over all files."""

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


def scaling_pipe(program: str, videos: Path, at_a_time: int) -> int:
    """Runs FFmpeg over every file; returns the number of bytes that came out.

    Raises:
      UserError: if it fails on a file.
    """

    def scaled(path: Path) -> int:
        command = [program, "-nostdin", "-v", "error", "-threads", "1", "-filter_threads", "1", "-i", str(path)]
        command += ["-vf", FILTER, "-pix_fmt", "rgb24", "-threads", "1", "-f", "rawvideo", "-"]
        done = subprocess.run(command, capture_output=True)
        if done.returncode:
            raise UserError(f"FFmpeg fails on {path.name}: {done.stderr.decode(errors='replace').strip()[-200:]}")
        return len(done.stdout)

    with ThreadPoolExecutor(at_a_time) as pool:
        return sum(pool.map(scaled, [videos / source.path for source in find_files(videos)[0]]))


def timed(call: Callable[[], int]) -> Run:
    """Runs once."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    call()
    return Run(time.perf_counter() - wall, cpu_seconds() - cpu)


def calls(videos: Path, workers: list[int], program: str | None) -> dict[tuple[str, int], Callable[[], int]]:
    """What is timed, by name and number of processes."""
    found: dict[tuple[str, int], Callable[[], int]] = {
        ("bare loop, OpenCV's threads", 1): lambda: bare_loop(videos, None),
        ("bare loop", 1): lambda: bare_loop(videos, 1),
    }
    for count in workers:
        if program is not None:
            found["FFmpeg pipe", count] = lambda n=count: scaling_pipe(program, videos, n)  # type: ignore[misc]
        for name, changes in SETTINGS.items():
            found[name, count] = lambda n=count, c=changes: prepared(videos, workers=n, **c)  # type: ignore[misc]
    return found


def rows_of(runs: dict[tuple[str, int], list[Run]], frames: int) -> list[Row]:
    """A row for each; medians."""
    wall = {key: statistics.median(run.wall_s for run in found) for key, found in runs.items()}
    cpu = {key: statistics.median(run.cpu_s for run in found) for key, found in runs.items()}
    bare, pipe = ("bare loop", 1), "FFmpeg pipe"

    def comparable(name: str, count: int) -> bool:
        """At native rate twice as many frames are scaled and written: no like for like."""
        return "16 fps" in name and (pipe, count) in runs

    return [
        {
            "run": name,
            "processes": count,
            "frames/s": round(frames / wall[name, count]),
            "of bare": wall[bare] / wall[name, count],
            "of bare per core": wall[bare] / wall[name, count] / count,
            "of bare by CPU": cpu[bare] / cpu[name, count],
            "of FFmpeg pipe": wall[pipe, count] / wall[name, count] if comparable(name, count) else None,
            "of FFmpeg by CPU": cpu[pipe, count] / cpu[name, count] if comparable(name, count) else None,
            "all frames/s": [round(frames / run.wall_s) for run in found],
        }
        for (name, count), found in runs.items()
    ]


def main() -> None:
    parser = options("data_prep", __doc__)
    parser.add_argument("--videos", type=Path, help="folder of video files; default: generated ones")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    no_ffmpeg = missing("FFmpeg", "imageio_ffmpeg", "pip install 'vqvae_jax[rd]'")
    program, version = (None, None) if no_ffmpeg else (ffmpeg_path(), ffmpeg_version())
    with videos_or_generated(args.videos) as videos:
        frames = bare_loop(videos, 1)  # the files are then in the page cache
        timed_calls = calls(videos, args.workers, program)
        runs: dict[tuple[str, int], list[Run]] = {key: [] for key in timed_calls}
        for _ in range(args.repeats):
            for key, call in timed_calls.items():
                runs[key].append(timed(call))
        rows, files = rows_of(runs, frames), len(find_files(videos)[0])
    write(
        args.out,
        "data_prep",
        rows,
        peers=versions("opencv-python-headless") | ({"FFmpeg": version} if version else {}),
        threads={"each process": 1},
        aims=[
            aim(f"of the bare loop per core: {row['run']}, {row['processes']} processes", value, at_least=AIM_PER_CORE)
            for row in rows
            if row["run"] in SETTINGS and (value := row["of bare per core"])
        ],
        left_out=[no_ffmpeg],
        repeats=args.repeats,
        data={"name": videos.name, "files": files, "frames": frames},
    )


if __name__ == "__main__":
    run_command("benchmarks.data_prep", main)
