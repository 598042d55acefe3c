"""The twin as callables ready to be timed, one set per way to run it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import torch

from benchmarks.peers.torch_training import make_torch_step
from benchmarks.peers.torch_twin import Layout, TorchTwin, load_flax
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.training.state import TrainState


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


def torch_programs(
    variant: Variant, experiment: Experiment, state: TrainState, clips_BTHWC: np.ndarray, steps: int
) -> dict[str, Callable[[], Any]]:
    """Train step, reconstruct, encode and decode of the twin with our weights, on the same kind of device as ours.

    Args:
      variant: layout and compilation.
      experiment: as ours; its model's `dtype` decides about autocast.
      state: our weights and codebooks.
      clips_BTHWC: uint8.
      steps: each call runs this many times, then waits for the device once.
    """
    device = torch.device("cuda" if jax.default_backend() == "gpu" else "cpu")
    dtype = torch.bfloat16 if experiment.model.dtype == "bfloat16" else torch.float32
    twin = TorchTwin(experiment.model, variant.layout).to(device)
    load_flax(twin, state.params, state.extras["codebooks"])
    # Inference has weights of its own, so that training does not move them under it.
    still = TorchTwin(experiment.model, variant.layout).to(device).eval().requires_grad_(False)
    load_flax(still, state.params, state.extras["codebooks"])
    clips = torch.tensor(clips_BTHWC, device=device)

    def autocast(function: Callable[..., Any]) -> Callable[..., Any]:
        function = torch.compile(function, dynamic=False) if variant.compiled else function

        @torch.inference_mode()
        def run(*arguments: Any) -> Any:
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                return function(*arguments)

        return run

    encode, decode = autocast(still.encode), autocast(still.decode)
    indices: dict[str, torch.Tensor] = {}

    def decode_alone() -> torch.Tensor:
        if not indices:
            indices.update(encode(clips))
        return decode(indices)

    def repeated(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            for _ in range(steps):
                result = call()
            if device.type == "cuda":
                torch.cuda.synchronize()
            return result

        return run

    step = make_torch_step(twin, experiment, len(clips_BTHWC), dtype, variant.compiled)
    calls = {
        "train step": lambda: step(clips),
        "reconstruct": lambda: decode(encode(clips)),
        "encode": lambda: encode(clips),
        "decode": decode_alone,
    }
    return {what: repeated(call) for what, call in calls.items()}
