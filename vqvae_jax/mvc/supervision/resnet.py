"""ResNet-34 (He et al. 2016) up to its pooled features, with the weights of a file.

Keys are torchvision's with `/`, `weight` being `kernel`: `layer1/0/conv1/kernel` [kh, kw, in, out],
`layer1/0/bn1/kernel`, `.../bias`, `.../running_mean`, `.../running_var`, `fc/kernel` [512, 1000], `fc/bias`.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vqvae_jax.mvc.supervision import arrays
from vqvae_jax.mvc.supervision.arrays import convolve

BLOCKS, WIDTHS = (3, 4, 6, 3), (64, 128, 256, 512)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LONGEST = 256  # pixels of the shorter side that it sees at most
EPSILON = 1e-5
PARAMETERS = 21_797_672  # torchvision's, with the classifier and without running statistics

Shapes = dict[str, tuple[int, ...]]


def shapes() -> Shapes:
    """Of all arrays of a file."""
    found: Shapes = {}

    def layer(name: str, norm: str, kernel: tuple[int, ...]) -> None:
        found[f"{name}/kernel"] = kernel
        for part in ("kernel", "bias", "running_mean", "running_var"):
            found[f"{norm}/{part}"] = kernel[-1:]

    layer("conv1", "bn1", (7, 7, 3, 64))
    inputs = 64
    for stage, (blocks, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), start=1):
        for block in range(blocks):
            name = f"layer{stage}/{block}"
            layer(f"{name}/conv1", f"{name}/bn1", (3, 3, inputs, width))
            layer(f"{name}/conv2", f"{name}/bn2", (3, 3, width, width))
            if inputs != width:
                layer(f"{name}/downsample/0", f"{name}/downsample/1", (1, 1, inputs, width))
            inputs = width
    return found | {"fc/kernel": (512, 1000), "fc/bias": (1000,)}


def parameters() -> int:
    """Scalars that its own training moved."""
    return sum(math.prod(shape) for name, shape in shapes().items() if "/running_" not in name)


def load(file: Path) -> dict[str, np.ndarray]:
    """The weights of a file but for the classifier's.

    Raises:
      UserError: see `arrays.load`.
    """
    return arrays.load(
        file, {name: shape for name, shape in shapes().items() if not name.startswith("fc/")}, "ResNet-34"
    )


def features(weights: Mapping[str, Array], x_BHWC: Array) -> Array:
    """Pixels in [0, 1] to the pooled features, [B, 512]; larger pictures are shrunk first."""
    batch, height, width, _ = x_BHWC.shape
    if min(height, width) > LONGEST:
        factor = LONGEST / min(height, width)
        size = (batch, round(height * factor), round(width * factor), 3)
        x_BHWC = jax.image.resize(x_BHWC, size, "linear", antialias=True)
    x = (x_BHWC - jnp.asarray(MEAN)) / jnp.asarray(DEVIATION)
    x = jax.nn.relu(_norm(weights, "bn1", convolve(weights, "conv1", x, 2)))
    pad = ((0, 0), (1, 1), (1, 1), (0, 0))
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), pad)
    for stage, blocks in enumerate(BLOCKS, start=1):
        for block in range(blocks):
            name, stride = f"layer{stage}/{block}", 2 if stage > 1 and block == 0 else 1
            y = jax.nn.relu(_norm(weights, f"{name}/bn1", convolve(weights, f"{name}/conv1", x, stride)))
            y = _norm(weights, f"{name}/bn2", convolve(weights, f"{name}/conv2", y))
            if f"{name}/downsample/0/kernel" in weights:
                x = _norm(weights, f"{name}/downsample/1", convolve(weights, f"{name}/downsample/0", x, stride))
            x = jax.nn.relu(x + y)
    return jnp.mean(x, axis=(1, 2))


def _norm(weights: Mapping[str, Array], name: str, x: Array) -> Array:
    gain, bias, mean, variance = (
        weights[f"{name}/{part}"] for part in ("kernel", "bias", "running_mean", "running_var")
    )
    return (x - mean) * lax.rsqrt(variance + EPSILON) * gain + bias
