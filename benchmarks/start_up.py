"""How long commands take that do next to nothing: start, load a model, code two seconds of video.

    python -m benchmarks.start_up [--bundles ntc edge] [--repeats 10]

A made video of 32 frames of 64x64 is coded and decoded by processes of their own, in turns. "warm": what XLA compiled
is kept from an earlier start (`vqvae_jax.compile_cache`); "cold": `--no-compile-cache`. Medians of wall clock and of
CPU seconds of all threads; the latter are disturbed less by other programs.
"""

import functools
import statistics
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

from benchmarks.codec_speed import frames
from benchmarks.report import Result, Row, aim, benchmark, in_turns, spent
from vqvae_jax.video.sink import open_sink

COLD = "--no-compile-cache"


def command(*words: str) -> None:
    """Runs `vqvae-jax WORDS`."""
    subprocess.run([sys.executable, "-m", "vqvae_jax", *words], check=True, capture_output=True)


@benchmark
def main(bundles: tuple[str, ...] = ("ntc", "edge"), repeats: int = 10) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        video = str(at / "video.mkv")
        with open_sink(video, 64, 64, Fraction(16), codec="ffv1") as sink:
            for frame in frames(32, 64):
                sink.write(frame)
        calls = {"--help": ["--help"]}
        for name in bundles:
            coded, back = str(at / f"{name}.msv"), str(at / "back.mp4")
            encode, decode = ["encode", video, coded, "--bundle", name, "--force"], ["decode", coded, back, "--force"]
            for line in (encode, decode):
                command(*line)  # compiles, and keeps
                calls |= {f"{line[0]} {name}, warm": line, f"{line[0]} {name}, cold": [COLD, *line]}
            calls[f"info {name}"] = ["info", coded]
        timed = {name: functools.partial(spent, functools.partial(command, *line)) for name, line in calls.items()}
        found = in_turns(timed, repeats)
    rows: list[Row] = [
        {
            "command": name,
            "wall, s": statistics.median(run.wall_s for run in runs),
            "CPU, s": statistics.median(run.cpu_s for run in runs),
        }
        for name, runs in found.items()
    ]
    cpu = {row["command"]: row["CPU, s"] for row in rows}
    first = bundles[0]
    return {
        "rows": rows,
        "aims": [
            aim("decode, warm: CPU s", cpu[f"decode {first}, warm"], at_most=0.9),
            aim("decode, cold: CPU s", cpu[f"decode {first}, cold"], at_most=1.6),
            aim("info: CPU s", cpu[f"info {first}"], at_most=0.15),
            aim("--help: CPU s", cpu["--help"], at_most=0.15),
        ],
    }


if __name__ == "__main__":
    main()
