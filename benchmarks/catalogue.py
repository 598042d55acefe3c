"""Every benchmark, in the order of the page: what it needs and with which options `make bench` runs it."""

import importlib.util
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from vqvae_jax.packaged import TOKENS, packaged

#: Where a distribution is not called as its module.
DISTRIBUTIONS = {"imageio_ffmpeg": "imageio-ffmpeg"}


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
    peers: tuple[str, ...] = ()  # modules of what it compares with; without them ratios are missing
    needs_peers: bool = False  # without them there is nothing to compare

    def reason(self, gpu: bool) -> str | None:
        """Why it cannot run here; None if it can."""
        if self.needs_gpu and not gpu:
            return "needs a GPU, and JAX finds none"
        absent = self.absent() if self.needs_peers else []
        return f"needs {', '.join(absent)}: {install(absent)}" if absent else None

    def absent(self) -> list[str]:
        """Distributions of those peers that are not installed."""
        return [DISTRIBUTIONS.get(peer, peer) for peer in self.peers if importlib.util.find_spec(peer) is None]


def install(distributions: Sequence[str]) -> str:
    """The command that installs them beside this Python; for a CPU, PyTorch's plain package will do."""
    python = Path(sys.executable)
    shown = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    return shlex.join([str(shown), "-m", "pip", "install", *distributions])


def _data(inputs: Inputs) -> list[str]:
    return ["--data", str(inputs.data)]


def _videos(inputs: Inputs) -> list[str]:
    return ["--videos", str(inputs.videos)]


BUNDLE = ["--bundle", str(packaged()[TOKENS].relative_to(Path(__file__).parents[1]))]
RATED = ["--bundle", "ntc"]
CATALOGUE = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            "torch_models",
            lambda inputs: ["--repeats", "3", "--what", "train step", "reconstruct"],
            peers=("torch",),
            needs_peers=True,
        ),
        Benchmark("gpu", needs_gpu=True, peers=("torch",)),
        Benchmark("pipeline", _data, peers=("torch",)),
        Benchmark("data_prep", lambda inputs: [*_videos(inputs), "--repeats", "1"], peers=("imageio_ffmpeg",)),
        Benchmark("metrics", lambda inputs: [*_data(inputs), "--clips", "8", "--repeats", "3"]),
        Benchmark("entropy", lambda inputs: [*_data(inputs), "--clips", "16"], peers=("constriction",)),
        Benchmark("entropy_kernels", _data, peers=("wasmtime",), needs_peers=True),
        Benchmark("codecs", lambda inputs: [*_data(inputs), "--repeats", "2"], peers=("imageio_ffmpeg",)),
        Benchmark("index_bits", lambda inputs: [*BUNDLE, *_data(inputs), "--clips", "100"]),
        Benchmark("latent_bits", lambda inputs: [*RATED, *_data(inputs), "--clips", "20"]),
        Benchmark("rate_targets", lambda inputs: [*RATED, *_data(inputs)], by_default=False),
        Benchmark("encoder_effort", lambda inputs: [*RATED, *_data(inputs)], by_default=False),
        Benchmark(
            "movement_errors", lambda inputs: [*RATED, *_data(inputs)], by_default=False, peers=("imageio_ffmpeg",)
        ),
        Benchmark("drift", lambda inputs: RATED, by_default=False),
        Benchmark("envc_frames", by_default=False),
        Benchmark("mvc_speed", by_default=False),
        Benchmark("codec_speed", lambda inputs: ["--bundles", BUNDLE[1], "--seconds", "20"]),
        Benchmark("start_up"),
        Benchmark("models", lambda inputs: ["--repeats", "3"]),
        Benchmark("convolutions", lambda inputs: ["--models", "msvqvae", "--repeats", "3"]),
        Benchmark("looped_convolutions", by_default=False),
        Benchmark("gradient_equality", by_default=False),
        Benchmark("conditional_entropy", lambda inputs: [*BUNDLE, *_data(inputs)], by_default=False),
        Benchmark("round_trip", lambda inputs: [*BUNDLE, *_videos(inputs)], by_default=False),
        Benchmark("aot", by_default=False, peers=("libtpu",), needs_peers=True),
        Benchmark("fuzz", by_default=False),
        Benchmark("kill_and_resume", by_default=False),
        Benchmark("data_prep_scale", by_default=False),
    )
}
