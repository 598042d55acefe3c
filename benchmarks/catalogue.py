"""Every benchmark, in the order of the page: what it needs and with which options `make bench` runs it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import missing
from vqvae_jax.cli.bundles import PACKAGED


class Inputs(NamedTuple):
    """What there is to measure on."""

    data: Path
    videos: Path


class Benchmark(NamedTuple):
    """One module of this folder."""

    name: str
    options: Callable[[Inputs], list[str]] = lambda inputs: []
    by_default: bool = True  # otherwise only when it is named: it takes long, or measures no speed
    needs_gpu: bool = False
    needs: tuple[str, str] | None = (
        None  # the one peer that there is, without which nothing can be compared; its module
    )

    def reason(self, gpu: bool) -> str | None:
        """Why it cannot run here; None if it can."""
        if self.needs_gpu and not gpu:
            return "needs a GPU, and JAX finds none"
        return missing(*self.needs, f"pip install {self.needs[1]}") if self.needs else None


def _data(inputs: Inputs) -> list[str]:
    return ["--data", str(inputs.data)]


def _videos(inputs: Inputs) -> list[str]:
    return ["--videos", str(inputs.videos)]


BUNDLE = ["--bundle", str(PACKAGED.relative_to(Path(__file__).parents[1]))]
CATALOGUE = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("torch_models", needs=("PyTorch", "torch")),
        Benchmark("gpu", needs_gpu=True),
        Benchmark("pipeline", _data),
        Benchmark("data_prep", _videos),
        Benchmark("metrics", _data),
        Benchmark("entropy", _data),
        Benchmark("codecs", _data),
        Benchmark("index_bits", lambda inputs: [*BUNDLE, *_data(inputs)]),
        Benchmark("codec_speed", lambda inputs: ["--bundles", BUNDLE[1], "--seconds", "20"]),
        Benchmark("models"),
        Benchmark("convolutions"),
        Benchmark("mapping"),
        Benchmark("gradient_equality", by_default=False),
        Benchmark("round_trip", lambda inputs: [*BUNDLE, *_videos(inputs)], by_default=False),
        Benchmark("fuzz", by_default=False),
        Benchmark("kill_and_resume", by_default=False),
    )
}
