"""Clips per second out of the training pipeline, with nothing else running; the aim is 400 on two cores.

    python -m benchmarks.pipeline --data DIR

Measures from memory, from `.npy` or shards through Grain, with worker processes and without. The first batch
(decoding into memory, starting processes) is timed by itself. Writes benchmarks/results/pipeline.json.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.source import ClipSet, open_split, open_stream
from vqvae_jax.errors import run_command

AIM = 400
SETTINGS: tuple[dict[str, Any], ...] = (
    {"source": "memory"},
    {"source": "grain", "threads": 1},
    {"source": "grain", "threads": 4},
    {"source": "grain", "threads": 4, "workers": 2},
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="data set of data_prep")
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--batches", type=int, default=100, help="batches per repetition")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/pipeline.json"))
    arguments = parser.parse_args()
    clips = open_split(arguments.data, arguments.split)
    rows = []
    for setting in SETTINGS:
        config = PipelineConfig(batch_size=arguments.batch_size, frames=clips.clip_shape[0], **setting)
        rows.append(setting | measure(clips, config, arguments.batches, arguments.repeats))
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items() if name != "all"))
    result = {
        "command": f"python -m benchmarks.pipeline --data DIR --split {arguments.split} --batch-size "
        f"{arguments.batch_size} --batches {arguments.batches} --repeats {arguments.repeats}",
        "aim_clips_per_second": AIM,
        "data": {"digest": clips.digest, "clips": len(clips), "clip_shape": list(clips.clip_shape)},
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "load_average": round(os.getloadavg()[0], 2),
        "rows": rows,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


def measure(clips: ClipSet, config: PipelineConfig, batches: int, repeats: int) -> dict[str, Any]:
    """Time to the first batch in seconds, and the median rate over `repeats` runs of `batches` batches."""
    began = time.perf_counter()
    stream = open_stream(clips, config)
    try:
        next(stream)
        first, rates = time.perf_counter() - began, []
        for _ in range(repeats):
            began = time.perf_counter()
            for _ in range(batches):
                next(stream)
            rates.append(round(batches * config.batch_size / (time.perf_counter() - began), 1))
    finally:
        stream.close()
    return {"first_batch_s": round(first, 2), "clips_per_second": statistics.median(rates), "all": rates}


if __name__ == "__main__":
    run_command("benchmarks.pipeline", main)
