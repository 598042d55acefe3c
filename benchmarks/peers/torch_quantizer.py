"""The twin's vector quantiser: the same codebook, search, moving average and revival as `vqvae_jax.quantization`.

float32 throughout, whatever `torch.autocast` says, and no value ever travels to the host: a step on a GPU never waits.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from vqvae_jax.quantization.config import QuantizerConfig


class TorchCodebook(nn.Module):
    """K codes of width D and the averages they come from, as buffers."""

    def __init__(self, codes: int, dim: int):
        super().__init__()
        self.codes = codes
        self.register_buffer("embeddings", torch.zeros(codes, dim))
        self.register_buffer("counts", torch.ones(codes))
        self.register_buffer("sums", torch.zeros(codes, dim))
        # The fixed direction in which a split code's halves part; `load_flax` puts ours here.
        self.register_buffer("split_step", torch.zeros(dim))

    @torch.no_grad()
    def nearest(self, z: Tensor) -> Tensor:
        """Index of the nearest code of every vector, [..., D] -> [...] int64."""
        with torch.autocast(z.device.type, enabled=False):
            mean = self.embeddings.mean(0)
            embeddings = self.embeddings - mean
            vectors = z.reshape(-1, z.shape[-1]) - mean
            distances = torch.addmm(embeddings.square().sum(1), vectors, embeddings.T, alpha=-2)
            return distances.argmin(1).view(z.shape[:-1])

    def lookup(self, indices: Tensor) -> Tensor:
        """Codes of indices, [...] -> [..., D]."""
        return functional.embedding(indices, self.embeddings)

    @torch.no_grad()
    def move(self, z: Tensor, indices: Tensor, config: QuantizerConfig) -> None:
        """Moving average over a batch, then revival of dead codes by splitting the busiest."""
        flat, vectors = indices.reshape(-1), z.reshape(-1, z.shape[-1])
        counts = torch.zeros_like(self.counts).index_add_(0, flat, torch.ones_like(flat, dtype=torch.float32))
        sums = torch.zeros_like(self.sums).index_add_(0, flat, vectors)
        share, rate = self.codes / flat.numel(), 1 - config.decay
        self.counts.mul_(config.decay).add_(counts, alpha=rate * share)
        self.sums.mul_(config.decay).add_(sums, alpha=rate * share)
        self.embeddings.copy_(self.sums / self.counts.clamp_min(1e-5)[:, None])
        for _ in range(config.revive_at_most):
            self._split_one(config.dead_below)

    def _split_one(self, threshold: float) -> None:
        """The least used code, if dead, takes half of the most used one."""
        rows = torch.stack([self.counts.argmax(), self.counts.argmin()])
        donor, alive = self.embeddings[rows[0]], self.counts[rows[1]] >= threshold
        half = (self.counts[rows[0]] / 2).expand(2)
        offset = self.split_step * (donor.norm() + 1e-6)
        codes = donor + torch.stack([-offset, offset])
        for buffer, value in ((self.embeddings, codes), (self.sums, codes * half[:, None]), (self.counts, half)):
            buffer[rows] = torch.where(alive, buffer[rows], value)


def straight_through(z: Tensor, values: Tensor) -> Tensor:
    """`values` in the forward pass, the identity for gradients to `z`."""
    return z + (values - z).detach()
