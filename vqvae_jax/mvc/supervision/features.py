"""Networks that frames are compared by: fixed random convolutions, or a ResNet-34 of a file."""

import hashlib
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.errors import UserError
from vqvae_jax.layers.conv3d import convolve_patches
from vqvae_jax.mvc.experiment import FeatureSource
from vqvae_jax.mvc.supervision import resnet
from vqvae_jax.training.task import Frozen

Weights = Mapping[str, Array]

DIM = 512
WIDTHS = (3, 16, 32, 64, 128, DIM)  # of the random convolutions


class FeatureNet(NamedTuple):
    """Frames to vectors, with a gradient."""

    weights: dict[str, np.ndarray]
    apply: Callable[[Weights, Array], Array]  # weights, [B, H, W, 3] in [0, 1] -> [B, DIM]
    provenance: str

    @property
    def frozen(self) -> Frozen:
        """For the run's record."""
        digest = hashlib.sha256()
        for name, array in sorted(self.weights.items()):
            digest.update(f"{name}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array, "<f4").tobytes())
        return Frozen(digest.hexdigest(), self.provenance)


def feature_net(source: FeatureSource, file: Path | None = None) -> FeatureNet:
    """The network that a configuration names.

    Raises:
      UserError: if it needs a file, and none is given or it does not fit.
    """
    if source == "resnet34":
        if file is None:
            raise UserError("loss.features=resnet34 needs a file of its weights (.npz): --feature-weights FILE")
        return FeatureNet(resnet.load(file), resnet.features, f"ResNet-34 of {file.name}")
    return FeatureNet(random_weights(), random_features, "random convolutions")


def random_weights() -> dict[str, np.ndarray]:
    """He-normal kernels; the seed of each is its name."""
    found = {}
    for index, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
        name = f"randconv_{index}"
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
        drawn = np.random.default_rng(seed).normal(0, np.sqrt(2 / (9 * inputs)), (3, 3, inputs, outputs))
        found[name] = drawn.astype(np.float32)
    return found


def random_features(weights: Weights, x_BHWC: Array) -> Array:
    """3x3 convolutions of stride 2 with ReLU, then the mean over places: [B, 512]."""
    x = x_BHWC
    for index in range(len(WIDTHS) - 1):
        kernel = weights[f"randconv_{index}"]
        padding = lax.padtype_to_pads(x.shape[1:3], (3, 3), (2, 2), "SAME")
        x = jax.nn.relu(convolve_patches(x, kernel, (2, 2), padding))
    return jnp.mean(x, axis=(1, 2))
