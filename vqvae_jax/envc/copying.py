"""Fresh weights of the P-frame model with which a frame without residual is the frame before.

With random ones it begins as a blur of points up to eight pixels away, of features that nothing reads, and a short
training ends before it keeps what it was given (docs/results/envc.md, "Copies"). Here each layer on the way begins as
close to the identity as it can be: features hold the pixels of a 2x2 square, all that is sampled is the place itself,
residual blocks add nothing. Where block matching is seen, the place moves with what it finds (`following.py`). What is
not on that way stays as it was drawn.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.envc.config import SCALES, SQUARE, EnvcConfig
from vqvae_jax.envc.following import following
from vqvae_jax.training.state import PyTree

LOGIT = 6.0  # of the place itself, beside 0 for all other samples: 97 % of the weight with 4 samples of 3 scales
QUIET = 0.1  # share of what the residual decoder's last layer was drawn with


def copying(config: EnvcConfig, inter: PyTree) -> PyTree:
    """Weights of the P-frame model as `init_params` draws them, changed so that it copies.

    Args:
      config: the models; predictor "cross_scale", width at least `SQUARE`.
      inter: weights.
    """
    feat, recon = inter["feat"], inter["recon"]
    # Three blocks that add nothing double what they are given, wherever they stand.
    gain = 2.0 ** (2 + ("process" in inter) + ("res_pre" in inter))
    apart = _square(config.width)
    last = max(name for name in inter["r_dec"] if name.startswith("step_"))
    found = {
        "feat": {"step_0": _with(feat["step_0"], _beside(apart, feat["step_0"])), "blocks_0": _idle(feat["blocks_0"])},
        "recon": {
            "layers_0": _idle(recon["layers_0"]),
            "layers_1": _with(recon["layers_1"], apart.transpose(0, 1, 3, 2) / gain),
        },
        "predictor": inter["predictor"] | {"warp": _place_itself(config, inter["predictor"]["warp"])},
        "r_dec": inter["r_dec"] | {last: {name: QUIET * leaf for name, leaf in inter["r_dec"][last].items()}},
    }
    if config.motion_input == "matching":
        found |= following(config, inter | found)
    if "process" in inter:
        first = inter["process"]["layers_0"]
        found["process"] = {
            "layers_0": _with(first, _identity(first["kernel"])),
            "layers_1": _idle(inter["process"]["layers_1"]),
        }
    if "res_pre" in inter:
        found["res_pre"] = _idle(inter["res_pre"])
    return inter | found


def _square(width: int) -> Array:
    """[4, 4, 3, width]: of a 4x4 kernel that goes down by two, the 2x2 pixels of a position as so many channels."""
    kernel = np.zeros((4, 4, 3, width), np.float32)
    for channel in range(SQUARE):
        row, column, colour = np.unravel_index(channel, (2, 2, 3))
        kernel[1 + row, 1 + column, colour, channel] = 1
    return jnp.asarray(kernel)


def _beside(apart: Array, step: PyTree) -> Array:
    """The other channels as they were drawn."""
    return jnp.concatenate([apart[..., :SQUARE], step["kernel"][..., SQUARE:]], axis=-1)


def _with(layer: PyTree, kernel: Array) -> PyTree:
    return {"kernel": kernel, "bias": jnp.zeros_like(layer["bias"])}


def _identity(kernel: Array) -> Array:
    """Of a kernel with odd sides."""
    middle = tuple(side // 2 for side in kernel.shape[:2])
    return jnp.zeros_like(kernel).at[middle].set(jnp.eye(kernel.shape[2], kernel.shape[3]))


def _idle(blocks: PyTree) -> PyTree:
    """Residual blocks that add nothing yet."""
    return {
        name: block | {"conv_out": {part: jnp.zeros_like(leaf) for part, leaf in block["conv_out"].items()}}
        for name, block in blocks.items()
    }


def _place_itself(config: EnvcConfig, warp: PyTree) -> PyTree:
    """Sampling of the place itself in the finest grid; nothing behind it."""
    shape = config.heads, SCALES, config.points
    offsets = warp["offsets"]["bias"].reshape(*shape, 2).at[:, 0, 0].set(0.0).ravel()
    logits = jnp.zeros(shape).at[:, 0, 0].set(LOGIT).ravel()
    return warp | {
        "offsets": warp["offsets"] | {"bias": offsets},
        "logits": warp["logits"] | {"bias": logits},
        "value": _with(warp["value"], _identity(warp["value"]["kernel"])),
        "output": _with(warp["output"], _identity(warp["output"]["kernel"])),
        "narrow": _with(warp["narrow"], jnp.zeros_like(warp["narrow"]["kernel"])),
    }
