"""RAFT-small (Teed and Deng 2020): flow by looking up, again and again, how alike all pairs of places are.

Written from the paper and the names of its released weights; a file of those has torch's module paths with `/`, and
kernels as [kh, kw, in, out].
"""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax.mvc.blocks import instance_norm
from vqvae_jax.mvc.supervision import arrays
from vqvae_jax.mvc.supervision.arrays import Weights, convolve

LEVELS, RADIUS, HIDDEN, CONTEXT, PIXELS = 4, 3, 96, 64, 8
ITERATIONS = 12
_STAGES = ((32, 1), (64, 2), (96, 2))  # width, stride


def shapes() -> dict[str, tuple[int, ...]]:
    """Of all arrays of a file."""
    found: dict[str, tuple[int, ...]] = {}

    def layer(name: str, size: int, inputs: int, outputs: int) -> None:
        found[f"{name}/kernel"] = (size, size, inputs, outputs)
        found[f"{name}/bias"] = (outputs,)

    for net, outputs in (("fnet", 128), ("cnet", HIDDEN + CONTEXT)):
        layer(f"{net}/conv1", 7, 3, 32)
        inputs = 32
        for stage, (width, stride) in enumerate(_STAGES, start=1):
            for block in range(2):
                name = f"{net}/layer{stage}/{block}"
                layer(f"{name}/conv1", 1, inputs, width // 4)
                layer(f"{name}/conv2", 3, width // 4, width // 4)
                layer(f"{name}/conv3", 1, width // 4, width)
                if block == 0 and stride > 1:
                    layer(f"{name}/downsample/0", 1, inputs, width)
                inputs = width
        layer(f"{net}/conv2", 1, inputs, outputs)
    update = "update_block"
    layer(f"{update}/encoder/convc1", 1, LEVELS * (2 * RADIUS + 1) ** 2, 96)
    layer(f"{update}/encoder/convf1", 7, 2, 64)
    layer(f"{update}/encoder/convf2", 3, 64, 32)
    layer(f"{update}/encoder/conv", 3, 128, 80)
    for gate in "zrq":
        layer(f"{update}/gru/conv{gate}", 3, HIDDEN + CONTEXT + 82, HIDDEN)
    layer(f"{update}/flow_head/conv1", 3, HIDDEN, 128)
    layer(f"{update}/flow_head/conv2", 3, 128, 2)
    return found


class Raft:
    """Flow between frames of any size.

    Args:
      file: of the weights.

    Raises:
      UserError: if it cannot be read or is of another network.
    """

    def __init__(self, file: Path) -> None:
        self.weights = {name: jnp.asarray(x) for name, x in arrays.load(file, shapes(), "RAFT-small").items()}

    def __call__(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of uint8 RGB [H, W, 3]: from a frame to the next and back, [H, W, 2] float32, (dx, dy) in pixels."""
        height, width = before.shape[:2]
        room = ((0, 0), (0, -height % PIXELS), (0, -width % PIXELS), (0, 0))
        frames = np.pad(np.stack([before, after]), room, mode="edge")
        maps, hidden, context = _encode(self.weights, frames)
        found = []
        for here in (0, 1):  # one way after the other: correlations of all pairs are large
            flow, state = jnp.zeros((1, *maps.shape[1:3], 2)), hidden[here][None]
            pyramid = _correlate(maps[here], maps[1 - here])
            # Not a loop of XLA's, in which convolutions are slow on a CPU.
            for _ in range(ITERATIONS):
                flow, state = _refine(self.weights, pyramid, context[here][None], flow, state)
            found.append(np.asarray(_enlarge(flow)[0, :height, :width]))
        return found[0], found[1]


@jax.jit
def _encode(weights: Weights, frames_BHWC: Array) -> tuple[Array, Array, Array]:
    """Features of both frames, and of each as the first of a pair the first hidden state and the context."""
    x = 2.0 * frames_BHWC.astype(jnp.float32) / 255.0 - 1.0
    maps = _encoder(weights, "fnet", x, norm=True)
    hidden, context = jnp.split(_encoder(weights, "cnet", x, norm=False), [HIDDEN], axis=-1)
    return maps, jnp.tanh(hidden), jax.nn.relu(context)


def _encoder(weights: Weights, net: str, x: Array, norm: bool) -> Array:
    def normed(y: Array) -> Array:
        return instance_norm(y) if norm else y

    x = jax.nn.relu(normed(convolve(weights, f"{net}/conv1", x, 2)))
    for stage, (_, stride) in enumerate(_STAGES, start=1):
        for block in range(2):
            name, step = f"{net}/layer{stage}/{block}", stride if block == 0 else 1
            y = jax.nn.relu(normed(convolve(weights, f"{name}/conv1", x)))
            y = jax.nn.relu(normed(convolve(weights, f"{name}/conv2", y, step)))
            y = jax.nn.relu(normed(convolve(weights, f"{name}/conv3", y)))
            if f"{name}/downsample/0/kernel" in weights:
                x = normed(convolve(weights, f"{name}/downsample/0", x, step))
            x = jax.nn.relu(x + y)
    return convolve(weights, f"{net}/conv2", x)


@jax.jit
def _correlate(here_hwC: Array, there_hwC: Array) -> list[Array]:
    """How alike every place here is to all there, [h w, h', w'] at four scales of the other frame."""
    h, w, depth = here_hwC.shape
    found = [jnp.einsum("hwc,ijc->hwij", here_hwC, there_hwC).reshape(h * w, h, w) / np.sqrt(depth)]
    for _ in range(LEVELS - 1):
        rows, columns = (side // 2 for side in found[-1].shape[1:])
        halves = found[-1][:, : 2 * rows, : 2 * columns].reshape(h * w, rows, 2, columns, 2)
        found.append(jnp.mean(halves, axis=(2, 4)))
    return found


def _look_up(correlation_Nhw: Array, x_N: Array, y_N: Array) -> Array:
    """7x7 values around a place of its own for each of N, zeros outside, column by column: [N, 49]."""
    count, height, width = correlation_Nhw.shape
    left, top = jnp.floor(x_N), jnp.floor(y_N)
    offsets = jnp.arange(-RADIUS, RADIUS + 2)
    rows, columns = (start.astype(jnp.int32)[:, None] + offsets for start in (top, left))
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    index = jnp.clip(rows, 0, height - 1)[:, :, None] * width + jnp.clip(columns, 0, width - 1)[:, None, :]
    flat = jnp.take_along_axis(correlation_Nhw.reshape(count, -1), index.reshape(count, -1), axis=1)
    around = jnp.where(inside, flat.reshape(count, *index.shape[1:]), 0.0)
    down, right = (y_N - top)[:, None, None], (x_N - left)[:, None, None]
    around = around[:, :-1] * (1 - down) + around[:, 1:] * down
    around = around[:, :, :-1] * (1 - right) + around[:, :, 1:] * right
    return around.transpose(0, 2, 1).reshape(count, -1)


@jax.jit
def _refine(
    weights: Weights, pyramid: list[Array], context_BhwC: Array, flow_Bhw2: Array, hidden_BhwC: Array
) -> tuple[Array, Array]:
    """One look: the flow, in eighths of the picture, and the hidden state."""
    _, h, w, _ = flow_Bhw2.shape
    x = (jnp.arange(w) + flow_Bhw2[0, ..., 0]).reshape(-1)
    y = (jnp.arange(h)[:, None] + flow_Bhw2[0, ..., 1]).reshape(-1)
    looked = [_look_up(level, x / 2**i, y / 2**i) for i, level in enumerate(pyramid)]
    conv = partial(convolve, weights)
    seen = jax.nn.relu(conv("update_block/encoder/convc1", jnp.concatenate(looked, axis=-1).reshape(1, h, w, -1)))
    moved = jax.nn.relu(conv("update_block/encoder/convf1", flow_Bhw2))
    moved = jax.nn.relu(conv("update_block/encoder/convf2", moved))
    motion = jax.nn.relu(conv("update_block/encoder/conv", jnp.concatenate([seen, moved], axis=-1)))
    inputs = jnp.concatenate([context_BhwC, motion, flow_Bhw2], axis=-1)
    both = jnp.concatenate([hidden_BhwC, inputs], axis=-1)
    update = jax.nn.sigmoid(conv("update_block/gru/convz", both))
    reset = jax.nn.sigmoid(conv("update_block/gru/convr", both))
    new = jnp.tanh(conv("update_block/gru/convq", jnp.concatenate([reset * hidden_BhwC, inputs], axis=-1)))
    hidden = (1 - update) * hidden_BhwC + update * new
    head = jax.nn.relu(conv("update_block/flow_head/conv1", hidden))
    return flow_Bhw2 + conv("update_block/flow_head/conv2", head), hidden


@jax.jit
def _enlarge(flow_Bhw2: Array) -> Array:
    """Eight times as many places and pixels, bilinear, corners on corners."""
    rows, columns = (_between(side) for side in flow_Bhw2.shape[1:3])
    return PIXELS * jnp.einsum("ih,bhwc,jw->bijc", rows, flow_Bhw2, columns)


def _between(side: int) -> np.ndarray:
    """[8 side, side] float32: what each place is made of."""
    at = np.arange(PIXELS * side) * (side - 1) / max(PIXELS * side - 1, 1)
    return np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(side))).astype(np.float32)
