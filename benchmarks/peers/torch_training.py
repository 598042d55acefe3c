"""The twin at work: its train step, and what is timed of it, one set of callables per way to run it.

A step is forward, backward, clipping, fused Adam and codebooks; reconstruction is squared error.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.jax_programs import repeated
from benchmarks.peers.torch_twin import Layout, TorchForward, TorchTwin, load_flax
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.training.state import TrainState


class StepResult(NamedTuple):
    """What a step reports, on the device."""

    loss: Tensor
    grad_norm: Tensor


def objective(config: LossConfig, x: Tensor, forward: TorchForward) -> Tensor:
    """Squared error and commitment; no perceptual term."""
    committed = sum(functional.mse_loss(level.z, level.values) for level in forward.levels.values())
    return functional.mse_loss(forward.reconstruction, x) + config.beta * config.commitment * committed


def make_torch_step(
    twin: TorchTwin, experiment: Experiment, batch: int, dtype: torch.dtype = torch.float32, compiled: bool = False
) -> Callable[[Tensor], StepResult]:
    """`step(clips)` moves the twin's weights and codebooks by one batch of uint8 clips.

    The learning rate is constant: a schedule costs nothing on either side.

    Args:
      twin: on its device.
      experiment: optimiser, losses and quantiser; gamma must be 0.
      batch: clips a step, for the learning rate.
      dtype: of `torch.autocast`; float32 for none.
      compiled: by `torch.compile`: forward and backward pass, and the codebooks' move.
    """
    c = experiment.optimizer
    fused = torch.optim.Adam(twin.parameters(), lr=c.peak(batch), betas=(c.b1, c.b2), fused=True)
    device = next(twin.parameters()).device.type

    def loss(clips: Tensor) -> tuple[Tensor, TorchForward]:
        x = twin.pixels(clips)
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            forward = twin(x)
        return objective(experiment.loss, x, forward), forward

    def move_codebooks(forward: TorchForward) -> None:
        for name, level in forward.levels.items():
            twin.codebooks[name].move(level.z, level.indices, experiment.quantizer)

    if compiled:
        loss, move_codebooks = torch.compile(loss, dynamic=False), torch.compile(move_codebooks, dynamic=False)

    def step(clips: Tensor) -> StepResult:
        total, forward = loss(clips)
        fused.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), c.clip_norm or float("inf"))
        fused.step()
        move_codebooks(forward)
        return StepResult(total.detach(), norm)

    return step


class Variant(NamedTuple):
    """A way to run the twin."""

    layout: Layout
    compiled: bool  # by torch.compile

    def __str__(self) -> str:
        return f"{self.layout}, {'torch.compile' if self.compiled else 'eager'}"


VARIANTS = {
    "contiguous": Variant("contiguous", False),
    "channels_last": Variant("channels_last_3d", False),
    "compiled": Variant("channels_last_3d", True),
}


def inference(
    function: Callable[..., Any], variant: Variant, device: torch.device, dtype: torch.dtype
) -> Callable[..., Any]:
    """`function` without gradients, compiled if the variant is, in `torch.autocast` unless the dtype is float32."""
    function = torch.compile(function, dynamic=False) if variant.compiled else function

    @torch.inference_mode()
    def run(*arguments: Any) -> Any:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            return function(*arguments)

    return run


def torch_programs(
    variant: Variant,
    experiment: Experiment,
    state: TrainState,
    clips_BTHWC: np.ndarray,
    steps: int,
    dtype: torch.dtype,
) -> dict[str, Callable[[], Any]]:
    """Train step, reconstruct, encode and decode of the twin with our weights, on the same kind of device as ours.

    Args:
      variant: layout and compilation.
      experiment: as ours.
      state: our weights and codebooks.
      clips_BTHWC: uint8.
      steps: each call runs this many times, then waits for the device once.
      dtype: of `torch.autocast`; float32 for none.
    """
    device = torch.device("cuda" if jax.default_backend() == "gpu" else "cpu")
    twin = TorchTwin(experiment.model, variant.layout).to(device)
    load_flax(twin, state.params, state.extras["codebooks"])
    # Inference has weights of its own, so that training does not move them under it.
    still = TorchTwin(experiment.model, variant.layout).to(device).eval().requires_grad_(False)
    load_flax(still, state.params, state.extras["codebooks"])
    clips = torch.tensor(clips_BTHWC, device=device)

    encode, decode = (inference(function, variant, device, dtype) for function in (still.encode, still.decode))
    indices: dict[str, torch.Tensor] = {}

    def decode_alone() -> torch.Tensor:
        if not indices:
            indices.update(encode(clips))
        return decode(indices)

    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    step = make_torch_step(twin, experiment, len(clips_BTHWC), dtype, variant.compiled)
    calls = {
        "train step": lambda: step(clips),
        "reconstruct": lambda: decode(encode(clips)),
        "encode": lambda: encode(clips),
        "decode": decode_alone,
    }
    return {what: repeated(call, steps, lambda _: wait()) for what, call in calls.items()}
