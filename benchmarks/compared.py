"""The models that are compared whole with their twins in PyTorch: how each is made, on both sides."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, NamedTuple, Protocol

from benchmarks import jax_programs, ntc_programs
from benchmarks.convolutions import step_flops
from benchmarks.jax_programs import BATCHES, Program, experiment_of, first_state, model_of, noise
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.precision import DTypeName

Name = Literal["msvqvae", "tiny", "ntc"]
Calls = dict[str, Callable[[], Any]]  # by kind of work


class TorchPrograms(Protocol):
    """What a twin can do."""

    def __call__(self, variant: str, batch: int, steps: int, dtype: DTypeName) -> Calls:
        """The twin's programs with our weights, by kind of work.

        Args:
          variant: of `torch_training.VARIANTS`.
          batch: clips.
          steps: each call runs this many times.
          dtype: of `torch.autocast`; float32 for none.
        """
        ...


class Compared(NamedTuple):
    """A model with weights, and what is timed of it on either side."""

    name: Name
    batch: int  # clips on a CPU
    flops: float  # floating-point operations of a train step for one clip
    jax: Callable[[int, int, list[str]], dict[str, Program]]  # of clips, steps a call, kinds of work
    torch: TorchPrograms


def compared(name: Name, clip: Triple | None, dtype: DTypeName) -> Compared:
    """A named model with fresh weights, for clips of this size, by default its own; `dtype` is our convolutions'."""
    return _ntc(clip, dtype) if name == "ntc" else _msvqvae(name, clip, dtype)


def _msvqvae(name: jax_programs.Name, clip: Triple | None, dtype: DTypeName) -> Compared:
    experiment = experiment_of(replace(model_of(name, clip), dtype=dtype))
    state = first_state(experiment)

    def ours(batch: int, steps: int, wanted: list[str]) -> dict[str, Program]:
        return jax_programs.jax_programs(experiment, state, noise(experiment.model, batch), steps, wanted)

    def theirs(variant: str, batch: int, steps: int, dtype: DTypeName) -> Calls:
        import torch

        from benchmarks.peers.torch_training import VARIANTS, torch_programs

        clips = noise(experiment.model, batch)
        return torch_programs(VARIANTS[variant], experiment, state, clips, steps, getattr(torch, dtype))

    return Compared(name, BATCHES[name], step_flops(experiment.model), ours, theirs)


def _ntc(clip: Triple | None, dtype: DTypeName) -> Compared:
    experiment = ntc_programs.experiment_of(clip, dtype)
    state = ntc_programs.first_state(experiment)

    def ours(batch: int, steps: int, wanted: list[str]) -> dict[str, Program]:
        return ntc_programs.ntc_programs(experiment, state, noise(experiment.model, batch), steps, wanted)

    def theirs(variant: str, batch: int, steps: int, dtype: DTypeName) -> Calls:
        import torch

        from benchmarks.peers.torch_ntc_training import torch_programs
        from benchmarks.peers.torch_training import VARIANTS

        first, clips = ntc_programs.first_draws(experiment, batch, steps), noise(experiment.model, batch)
        rate, torch_dtype = ntc_programs.RATE, getattr(torch, dtype)
        return torch_programs(VARIANTS[variant], experiment, state.params, clips, first, rate, steps, torch_dtype)

    return Compared("ntc", ntc_programs.BATCH, ntc_programs.step_flops(experiment), ours, theirs)
