"""Source frames per second through data_prep, beside FFmpeg's scaling pipe and a bare OpenCV read loop.

    python -m benchmarks.data_prep [--videos DIR] [--repeats N]

Whole runs over the same files are timed, in turns. data_prep: with starting its workers, digests and writing. FFmpeg:
one process per file, as many at a time as we have workers, each with one thread, `-vf fps=16,scale=64:64:flags=bicubic`
to raw RGB in a pipe that is read and dropped; nothing is written. The bare loop reads every frame and drops it, one
file after the other, with one decoder thread and with OpenCV's own number. "frames/CPU s", "of bare by CPU" and "of
FFmpeg by CPU" count CPU seconds, of all threads and processes, which other programs on the machine disturb less. The
aim is 0.2 of the bare loop per core; cores that we may not use do not count.
"""

import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from benchmarks.inputs import Videos, videos_or_generated
from benchmarks.report import Result, Row, Spent, aim, benchmark, cores, in_turns, missing, spent, versions
from data_prep.config import PrepConfig
from data_prep.prepare import prepare
from experiments.rd.ffmpeg import ffmpeg_path, ffmpeg_version
from vqvae_jax.data.names import find_files
from vqvae_jax.errors import UserError

AIM_PER_CORE = 0.2
FILTER = "fps=16,scale=64:64:flags=bicubic"
SETTINGS: dict[str, dict[str, Any]] = {
    "arrayrecord, 16 fps": {},
    "npy, 16 fps": {"format": "npy"},
    "npy, native": {"format": "npy", "fps": "native"},
}


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


def calls(videos: Path, workers: Sequence[int], program: str | None) -> dict[tuple[str, int], Callable[[], int]]:
    """What is timed, by name and number of processes."""
    found: dict[tuple[str, int], Callable[[], int]] = {
        ("bare loop, OpenCV's threads", 1): partial(bare_loop, videos, None),
        ("bare loop", 1): partial(bare_loop, videos, 1),
    }
    for count in workers:
        if program is not None:
            found["FFmpeg pipe", count] = partial(scaling_pipe, program, videos, count)
        for name, changes in SETTINGS.items():
            found[name, count] = partial(prepared, videos, workers=count, **changes)
    return found


def rows_of(runs: dict[tuple[str, int], list[Spent]], frames: int, allowed: int) -> list[Row]:
    """A row for each, medians; `allowed`: cores that we may use."""
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
            "frames/CPU s": round(frames / cpu[name, count]),
            "of bare": wall[bare] / wall[name, count],
            "of bare per core": wall[bare] / wall[name, count] / min(count, allowed),
            "of bare by CPU": cpu[bare] / cpu[name, count],
            "of FFmpeg pipe": wall[pipe, count] / wall[name, count] if comparable(name, count) else None,
            "of FFmpeg by CPU": cpu[pipe, count] / cpu[name, count] if comparable(name, count) else None,
            "all frames/s": [round(frames / run.wall_s) for run in found],
        }
        for (name, count), found in runs.items()
    ]


@benchmark
def main(videos: Videos = None, repeats: int = 3, workers: tuple[int, ...] = (1, 2)) -> Result:
    no_ffmpeg = missing("FFmpeg", "imageio_ffmpeg", "pip install 'vqvae_jax[rd]'")
    program, version = (None, None) if no_ffmpeg else (ffmpeg_path(), ffmpeg_version())
    with videos_or_generated(videos) as folder:
        frames = bare_loop(folder, 1)  # the files are then in the page cache
        clocked = {key: partial(spent, call) for key, call in calls(folder, workers, program).items()}
        rows, files = rows_of(in_turns(clocked, repeats), frames, cores()), len(find_files(folder)[0])
    per_core = [row for row in rows if row["run"] in SETTINGS]
    what = "of the bare loop per core: {run}, {processes} processes"
    return {
        "rows": rows,
        "peers": versions("opencv-python-headless") | ({"FFmpeg": version} if version else {}),
        "threads": {"each process": 1},
        "aims": [aim(what.format(**row), row["of bare per core"], at_least=AIM_PER_CORE) for row in per_core],
        "left_out": [no_ffmpeg],
        "repeats": repeats,
        "data": {"name": folder.name, "files": files, "frames": frames},
    }


if __name__ == "__main__":
    main()
