"""The twin's train step: forward, backward, clipping, fused Adam, codebooks. Reconstruction is squared error."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.peers.torch_twin import TorchForward, TorchTwin
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.experiment import Experiment


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
