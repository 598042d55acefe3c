"""Fresh weights of the P-frame model with which its motion is what block matching finds.

Drawn at random, a P-frame model has to learn what motion is, how it is sent and what it is good for before any of it
pays, while its bits cost from the first step on; short trainings give it up (docs/results/envc.md, "Motion"). Here the
first two channels of everything between the hints of block matching and the offsets of the warp hold the flow: that
of blocks of 16x16 pixels is sent, and all samples are moved by it. The other channels stay as they were drawn, but send
next to nothing.
"""

import jax.numpy as jnp
import numpy as np

from vqvae_jax.envc.config import FINEST, SCALES, EnvcConfig
from vqvae_jax.envc.factorized import matrix_of
from vqvae_jax.envc.matching import REACH
from vqvae_jax.training.state import PyTree

AXES = 2  # of a flow: down, to the right
STEPS = 2.0  # of the quantiser to a pixel of motion
_WIDE, _NARROW = 1.0, 0.1  # distributions of those two channels and of the others, in such steps
_QUIET = 0.1  # share of what the others' last layer was drawn with: they are rounded to 0
_MEAN = np.pad(np.full((2, 2), 0.25), 1)  # of a kernel that goes down by two
_REPEAT = np.pad(np.ones((2, 2)), 1)  # of a transposed one that goes up by two


def following(config: EnvcConfig, inter: PyTree) -> PyTree:
    """Those modules of the P-frame model that are changed, so that it moves all that it samples by block matching.

    Args:
      config: the models; predictor "cross_scale", motion_input "matching".
      inter: weights.
    """
    fuse, hints = inter["m_fuse"], 2 * config.width  # behind the features of both frames
    kernel = np.zeros(fuse["layers_0"]["kernel"].shape, np.float32)
    for axis in range(AXES):
        kernel[1, 1, hints + axis, axis] = 1.0
    said = max(name for name in inter["m_enc"] if name.startswith("step_"))
    quiet = inter["m_enc"] | {said: {name: _QUIET * leaf for name, leaf in inter["m_enc"][said].items()}}
    return {
        "m_fuse": {"layers_0": _ahead(fuse["layers_0"], kernel), "layers_1": _idle_ahead(fuse["layers_1"])},
        "m_enc": _chain_ahead(quiet, _MEAN, REACH * STEPS),
        "m_dec": _chain_ahead(inter["m_dec"], _REPEAT, 1 / STEPS),
        "predictor": inter["predictor"] | {"warp": _followed(config, inter["predictor"]["warp"])},
    } | ({} if config.ar else {"prior_m": _narrowed(inter["prior_m"])})


def _chain_ahead(chain: PyTree, one: np.ndarray, gain: float) -> PyTree:
    """A `Chain` whose first two channels go from step to step by one kernel each, and come out `gain` times."""
    blocks = {
        name: {block: _idle_ahead(each) for block, each in tree.items()}
        for name, tree in chain.items()
        if name.startswith("blocks_")
    }
    gain /= 2 ** len(blocks)  # for each doubles what it is given
    steps, last = {}, f"step_{len(chain) - len(blocks) - 1}"
    for name in chain.keys() - blocks.keys():
        kernel = np.zeros(chain[name]["kernel"].shape, np.float32)
        for axis in range(AXES):
            kernel[:, :, axis, axis] = one * (gain if name == last else 1.0)
        steps[name] = _ahead(chain[name], kernel)
    return blocks | steps


def _ahead(layer: PyTree, kernel: np.ndarray) -> PyTree:
    """The first two channels of what a layer gives are made by `kernel` alone; the others as they were drawn."""
    return {
        "kernel": layer["kernel"].at[..., :AXES].set(kernel[..., :AXES]),
        "bias": layer["bias"].at[:AXES].set(0.0),
    }


def _idle_ahead(block: PyTree) -> PyTree:
    """A residual block that adds nothing to the first two channels."""
    return block | {"conv_out": _ahead(block["conv_out"], np.zeros(block["conv_out"]["kernel"].shape))}


def _followed(config: EnvcConfig, warp: PyTree) -> PyTree:
    """All samples of all scales move by the first two channels of the motion, pixels down and to the right."""
    offsets = warp["offsets"]
    kernel = np.zeros((*offsets["kernel"].shape[:3], config.heads, SCALES, config.points, AXES), np.float32)
    for scale in range(SCALES):
        for axis in range(AXES):  # offsets are x, y
            kernel[0, 0, AXES - 1 - axis, :, scale, :, axis] = 1 / (FINEST * 2**scale)
    return warp | {"offsets": offsets | {"kernel": jnp.asarray(kernel.reshape(offsets["kernel"].shape))}}


def _narrowed(prior: PyTree) -> PyTree:
    """What nothing is sent with costs next to nothing, from the first step on."""
    found = dict(prior)
    for name, leaf in prior.items():
        if name.startswith("matrix_"):
            layer = int(name.removeprefix("matrix_"))
            found[name] = jnp.full_like(leaf, matrix_of(_NARROW, layer)).at[:AXES].set(matrix_of(_WIDE, layer))
    return found
