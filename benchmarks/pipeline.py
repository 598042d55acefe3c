"""Clips per second out of the training pipeline, with nothing else running; the aim is 400 on two cores.

    python -m benchmarks.pipeline --data DIR

Measures from memory and through Grain, with worker processes and without. The first batch (decoding into memory,
starting processes) is timed by itself.
"""

import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.report import options, write
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.source import ClipSet, open_split, open_stream
from vqvae_jax.errors import run_command

AIM = 400  # clips/s
SETTINGS: tuple[dict[str, Any], ...] = (
    {"source": "memory", "threads": 1, "workers": 0},
    {"source": "grain", "threads": 1, "workers": 0},
    {"source": "grain", "threads": 4, "workers": 0},
    {"source": "grain", "threads": 4, "workers": 2},
)


def main() -> None:
    parser = options("pipeline", __doc__)
    parser.add_argument("--data", type=Path, required=True, help="data set of data_prep")
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--batches", type=int, default=100, help="batches per repetition")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    clips = open_split(arguments.data, arguments.split)
    rows = []
    for setting in SETTINGS:
        config = PipelineConfig(batch_size=arguments.batch_size, frames=clips.clip_shape[0], **setting)
        rows.append(setting | measure(clips, config, arguments.batches, arguments.repeats))
    data = {"digest": clips.digest, "clips": len(clips), "clip_shape": list(clips.clip_shape)}
    write(arguments.out, "pipeline", rows, aim_clips_per_second=AIM, data=data)


def measure(clips: ClipSet, config: PipelineConfig, batches: int, repeats: int) -> dict[str, float]:
    """Seconds to the first batch; median, lowest and highest rate of `repeats` runs of `batches` batches."""
    began = time.perf_counter()
    stream = open_stream(clips, config)
    try:
        next(stream)
        first, rates = time.perf_counter() - began, []
        for _ in range(repeats):
            began = time.perf_counter()
            for _ in range(batches):
                next(stream)
            rates.append(batches * config.batch_size / (time.perf_counter() - began))
    finally:
        stream.close()
    return {
        "first batch s": first,
        "clips/s": statistics.median(rates),
        "lowest": min(rates),
        "highest": max(rates),
    }


if __name__ == "__main__":
    run_command("benchmarks.pipeline", main)
