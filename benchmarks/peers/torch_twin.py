"""MS-VQ-VAE in PyTorch, written as a PyTorch user would: the peer that our speed is measured against.

Modules bear the names of ours, so that `load_flax` copies weights by name. Level dropout is off, as in every
comparison.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.peers.torch_layers import Conv, Stack, copy_weights, down, head, stem, up
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.model import Codebooks
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.quantization.moves import SPLIT_STEP
from vqvae_jax.training.state import PyTree

Layout = Literal["contiguous", "channels_last_3d"]
FORMATS: dict[Layout, torch.memory_format] = {
    "contiguous": torch.contiguous_format,
    "channels_last_3d": torch.channels_last_3d,
}


class TorchCodebook(nn.Module):
    """The codebook, search, moving average and revival of `vqvae_jax.quantization`: K codes of width D, as buffers.

    float32 throughout, whatever `torch.autocast` says, and no value ever travels to the host: a step on a GPU never
    waits.
    """

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


class TorchLevel(NamedTuple):
    """One level of an encoded clip."""

    z: Tensor  # [B, t, h, w, D] float32, before quantisation
    indices: Tensor  # [B, t, h, w] int64
    values: Tensor  # [B, t, h, w, D] float32, the chosen rows


class TorchForward(NamedTuple):
    """A clip on its way through the twin."""

    reconstruction: Tensor  # [B, 3, T, H, W] float32, nominally in [0, 1]
    levels: dict[str, TorchLevel]


class TorchTwin(nn.Module):
    """`vqvae_jax.msvqvae.model.MSVQVAE` without level dropout; codebooks are buffers.

    Args:
      config: of the model. Its `dtype` and `lowering` are JAX's matter; use `torch.autocast` here.
      layout: of weights and activations in memory.
    """

    def __init__(self, config: ModelConfig, layout: Layout = "contiguous"):
        super().__init__()
        c, self.config, self.layout = config, config, layout
        kinds = (c.block, c.groups, c.norm)
        decoded = c.top_width if c.top is not None else 0
        self.stem = stem(c)
        self.encoder = Stack(c.encoder_blocks, c.width, c.hidden, *kinds)
        if c.top is not None:
            coarse, fine = c.top.strides, c.bottom.strides
            ratio = coarse[0] // fine[0], coarse[1] // fine[1], coarse[2] // fine[2]
            self.top_down = down(c, c.width, c.top_width, ratio)
            self.top_encoder = Stack(c.top_blocks, c.top_width, c.top_hidden, *kinds)
            self.top_code = Conv(c.top_width, c.top.dim, (1, 1, 1))
            self.top_decoder_in = Conv(c.top.dim, c.top_width, (1, 1, 1))
            self.top_decoder = Stack(c.top_blocks, c.top_width, c.top_hidden, *kinds)
            self.top_up = up(c, c.top_width, c.top_width, ratio)
        self.bottom_code = Conv(c.width + decoded, c.bottom.dim, (1, 1, 1))
        self.decoder_in = Conv(c.bottom.dim + decoded, c.width, (1, 1, 1))
        self.decoder = Stack(c.decoder_blocks, c.width, c.hidden, *kinds)
        self.head = head(c)
        self.codebooks = nn.ModuleDict({name: TorchCodebook(lv.codes, lv.dim) for name, lv in c.levels.items()})
        self.to(memory_format=FORMATS[layout])

    def pixels(self, clips_BTHWC: Tensor) -> Tensor:
        """uint8 clips -> [B, 3, T, H, W] float32 in [0, 1], in the twin's layout."""
        return clips_BTHWC.movedim(-1, 1).contiguous(memory_format=FORMATS[self.layout]).float() / 255

    def forward(self, x: Tensor) -> TorchForward:
        """Encodes, quantises and decodes [B, 3, T, H, W] in [0, 1]."""
        levels, d_t = self._analyse(x, lambda level: straight_through(level.z, level.values))
        q_b = straight_through(levels["bottom"].z, levels["bottom"].values)
        return TorchForward(self._decode_bottom(q_b, d_t), levels)

    @torch.inference_mode()
    def encode(self, clips_BTHWC: Tensor) -> dict[str, Tensor]:
        """uint8 clips -> indices by level, [B, t, h, w]."""
        levels, _ = self._analyse(self.pixels(clips_BTHWC), lambda level: level.values)
        return {name: level.indices for name, level in levels.items()}

    def _analyse(
        self, x: Tensor, passed_on: Callable[[TorchLevel], Tensor]
    ) -> tuple[dict[str, TorchLevel], Tensor | None]:
        """The levels, coarse first, and what is decoded of the coarse one from what is passed on of it."""
        h_b = self.encoder(self.stem(2 * x - 1))
        levels, d_t = {}, None
        if self.config.top is not None:
            levels["top"] = self._quantise("top", self.top_code(self.top_encoder(self.top_down(h_b))))
            d_t = self._decode_top(passed_on(levels["top"]))
        levels["bottom"] = self._quantise("bottom", self.bottom_code(_concat(h_b, d_t)))
        return levels, d_t

    @torch.inference_mode()
    def decode(self, indices: dict[str, Tensor]) -> Tensor:
        """Indices by level -> [B, T, H, W, 3] uint8."""
        d_t = self._decode_top(self.codebooks["top"].lookup(indices["top"])) if "top" in indices else None
        frames = self._decode_bottom(self.codebooks["bottom"].lookup(indices["bottom"]), d_t)
        return (frames * 255).round_().clamp_(0, 255).to(torch.uint8).movedim(1, -1).contiguous()

    def _quantise(self, level: str, z: Tensor) -> TorchLevel:
        z, codebook = z.float().movedim(1, -1), self.codebooks[level]
        indices = codebook.nearest(z)
        return TorchLevel(z, indices, codebook.lookup(indices))

    def _decode_top(self, q_t: Tensor) -> Tensor:
        return self.top_up(self.top_decoder(self.top_decoder_in(self._in_layout(q_t))))

    def _decode_bottom(self, q_b: Tensor, d_t: Tensor | None) -> Tensor:
        features = self.decoder(self.decoder_in(_concat(self._in_layout(q_b), d_t)))
        return 0.5 + 0.5 * self.head(features).float()

    def _in_layout(self, q: Tensor) -> Tensor:
        return q.movedim(-1, 1).contiguous(memory_format=FORMATS[self.layout])


def _concat(features: Tensor, d_t: Tensor | None) -> Tensor:
    return features if d_t is None else torch.cat([features.to(d_t.dtype), d_t], dim=1)


def torch_arrays(params: PyTree) -> dict[str, np.ndarray]:
    """Our weights (or gradients of them) under the twin's names, axes in PyTorch's order."""
    arrays = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params["params"]):
        *modules, name = (str(key.key) for key in path)
        if name == "dropped_bottom":
            continue
        array = np.asarray(leaf, np.float32)
        array = array.transpose(4, 3, 0, 1, 2) if name == "kernel" else array
        arrays[".".join([*modules, "bias" if name == "bias" else "weight"])] = array
    return arrays


@torch.no_grad()
def load_flax(twin: TorchTwin, params: PyTree, codebooks: Codebooks) -> None:
    """Copies our weights and codebooks into the twin, whatever its device and layout.

    Raises:
      KeyError: if the twin lacks a weight or has one that we have not.
    """
    copy_weights(twin, torch_arrays(params))
    for level, codebook in codebooks.items():
        ours = twin.codebooks[level]
        step = jax.random.normal(jax.random.key(0), (codebook.dim,))
        ours.split_step.copy_(torch.tensor(np.asarray(SPLIT_STEP * step / jax.numpy.linalg.norm(step))))
        for name in ("embeddings", "counts", "sums"):
            getattr(ours, name).copy_(torch.tensor(np.asarray(getattr(codebook, name))))
