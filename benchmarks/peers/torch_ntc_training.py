"""The NTC twin at work: its objective and train step, and what is timed of it.

A step is forward, backward, clipping, `torch.optim.Muon` for kernels and fused Adam for vectors and tables, and the
weights' moving average. It differs from ours (`vqvae_jax.training.optimizer`) in this:

- Newton-Schulz runs in bfloat16, as PyTorch has it; ours runs in float32. On a CPU with bfloat16 products that is an
  advantage of the twin.
- Muon's momentum is not corrected for its start from zero; Adam is without Nesterov's momentum, which PyTorch has in no
  fused form.
- The learning rates are constant, and so is the average's decay: schedules cost nothing on either side.
- No step is left out for its loss, and nothing but loss and norm of the gradient is reported.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import jax
import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.jax_programs import repeated
from benchmarks.peers.torch_ntc import TorchNtc, load_flax
from benchmarks.peers.torch_training import StepResult, Variant, inference
from vqvae_jax.ntc.config import NtcConfig
from vqvae_jax.ntc.experiment import Experiment
from vqvae_jax.ntc.objective import REFERENCE
from vqvae_jax.training.state import PyTree

Draw = tuple[Tensor, Tensor]  # rate numbers [B] int64, noise [U, B, M, h, w] float32 in [-1/2, 1/2)


class RateDistortion:
    """The loss of a batch, [] float32, as `vqvae_jax.ntc.objective` defines it without help for motion.

    Args:
      config: of the model.
      device: of the twin.
    """

    def __init__(self, config: NtcConfig, device: torch.device):
        self.lambdas = torch.tensor([config.lagrangian(rate) for rate in range(config.rates)], device=device)

    def __call__(
        self, twin: TorchNtc, clips_BTHWC: Tensor, draw: Draw, rate_weight: float, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """The loss.

        Args:
          twin: on its device.
          clips_BTHWC: uint8.
          draw: rate numbers and noise.
          rate_weight: 1, less in the beginning.
          dtype: of `torch.autocast`; float32 for none.
        """
        (rate, noise), x = draw, twin.pixels(clips_BTHWC)
        with torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
            coded = twin(x, rate)
        taken = twin.latent_bits(coded.q, coded.y + noise, rate).unflatten(0, noise.shape[:2])
        bpp = taken.sum((0, 2, 3, 4)) / clips_BTHWC[0, ..., 0].numel()
        squared = (coded.frames - x).square().mean((0, 2, 3, 4, 5))
        weight = self.lambdas[rate]
        return ((rate_weight * bpp + weight * squared * 127.5**2) / (weight / REFERENCE).sqrt()).mean()


def make_torch_step(
    twin: TorchNtc, experiment: Experiment, dtype: torch.dtype = torch.float32, compiled: bool = False
) -> Callable[[Tensor, Draw], StepResult]:
    """`step(clips, draw)` moves the twin's weights by one batch of uint8 clips.

    Args:
      twin: on its device.
      experiment: optimiser and losses; Muon, and nothing for motion.
      dtype: of `torch.autocast`; float32 for none.
      compiled: forward and backward pass by `torch.compile`.
    """
    c = experiment.optimizer
    kernels = [parameter for parameter in twin.parameters() if parameter.ndim == 4]
    others = [parameter for parameter in twin.parameters() if parameter.ndim < 4]
    # Muon takes matrices alone: these are the kernels' memory under another shape.
    matrices = [torch.nn.Parameter(matrix(kernel.detach())) for kernel in kernels]
    muon = torch.optim.Muon(matrices, lr=c.learning_rate, weight_decay=0.0, eps=1e-8, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.Adam(others, lr=c.fast_learning_rate, betas=(c.b1, c.b2), fused=True)
    average = AveragedModel(twin, multi_avg_fn=get_ema_multi_avg_fn(c.weight_ema))
    objective = RateDistortion(experiment.model, next(twin.parameters()).device)

    def loss(clips: Tensor, draw: Draw) -> Tensor:
        return objective(twin, clips, draw, experiment.loss.start_weight, dtype)

    loss = torch.compile(loss, dynamic=False) if compiled else loss

    def step(clips: Tensor, draw: Draw) -> StepResult:
        total = loss(clips, draw)
        twin.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), c.clip_norm)
        for seen, kernel in zip(matrices, kernels, strict=True):
            seen.grad = matrix(kernel.grad)
        muon.step()
        adam.step()
        average.update_parameters(twin)
        return StepResult(total.detach(), norm)

    return step


def matrix(kernel: Tensor) -> Tensor:
    """A kernel [O, I, k, k] as [O, I k k], of the same memory in either layout."""
    return (kernel if kernel.is_contiguous() else kernel.movedim(1, -1)).flatten(1)


def draws(config: NtcConfig, shape: tuple[int, ...], device: torch.device) -> Iterator[Draw]:
    """Rate numbers spread over the range, and noise, without end; shape [U, B, M, h, w]."""
    batch = shape[1]
    while True:
        places = (torch.arange(batch, device=device) + torch.rand(batch, device=device)) / batch
        yield (places * config.rates).long().clamp_max(config.rates - 1), torch.rand(shape, device=device) - 0.5


def as_draw(rate_B: np.ndarray, noise_BUhwM: np.ndarray, device: torch.device) -> Draw:
    """What our step drew, for the twin."""
    noise = torch.tensor(noise_BUhwM, device=device).permute(1, 0, 4, 2, 3).contiguous()
    return torch.tensor(rate_B, dtype=torch.int64, device=device), noise


def torch_programs(
    variant: Variant,
    experiment: Experiment,
    params: PyTree,
    clips_BTHWC: np.ndarray,
    first: list[tuple[np.ndarray, np.ndarray]],
    rate: int,
    steps: int,
    dtype: torch.dtype,
) -> dict[str, Callable[[], Any]]:
    """Train step, reconstruct, encode and decode of the twin with our weights, on the same kind of device as ours.

    Args:
      variant: layout and compilation.
      experiment: as ours.
      params: our weights.
      clips_BTHWC: uint8.
      first: what our first steps draw, so that losses can be compared; the later ones draw for themselves.
      rate: rate number of everything but training.
      steps: each call runs this many times, then waits for the device once.
      dtype: of `torch.autocast`; float32 for none.
    """
    device = torch.device("cuda" if jax.default_backend() == "gpu" else "cpu")
    # Inference has weights of its own, so that training does not move them under it.
    twin, still = (TorchNtc(experiment.model, variant.layout).to(device) for _ in range(2))
    for one in (twin, still.eval()):
        load_flax(one, params)
    clips = torch.tensor(clips_BTHWC, device=device)
    rates = torch.full((len(clips),), rate, device=device)
    encode, decode, reconstruct = (
        inference(function, variant, device, dtype) for function in (still.encode, still.decode, still.reconstruct)
    )
    latents: list[Tensor] = []

    def decode_alone() -> Tensor:
        if not latents:
            latents.append(encode(clips, rates))
        return decode(latents[0], rates)

    step = make_torch_step(twin, experiment, dtype, variant.compiled)
    known = [as_draw(*draw, device) for draw in first]
    drawn = chain(known, draws(experiment.model, tuple(known[0][1].shape), device))
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    calls = {
        "train step": lambda: step(clips, next(drawn)),
        "reconstruct": lambda: reconstruct(clips, rates),
        "encode": lambda: encode(clips, rates),
        "decode": decode_alone,
    }
    return {what: repeated(call, steps, lambda _: wait()) for what, call in calls.items()}
