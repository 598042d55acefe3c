"""3-D convolution with the lowering chosen per platform.

One operation, three ways to hand it to XLA; all give the same numbers up to rounding:

- `direct`: one 3-D convolution.
- `concat`: a 2-D convolution over frames, the temporal taps concatenated on the channel axis.
- `sum`: one 2-D convolution per temporal tap, summed.

On CPU XLA's 3-D convolution is 1.7-6x slower than the 2-D forms (`benchmarks/convolutions.py`), so `auto` means
`concat` where the program will run on one, wherever it is traced. There a kernel's gradient is slower over many
pictures at once (their patches leave the cache), so that they are convolved some at a time; that of a kernel with even
sides and no stride is made tap by tap (`vqvae_jax.layers.taps`).
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.layers.kinds import Lowering, Triple
from vqvae_jax.layers.taps import Geometry, convolution, convolution_by_taps, seen_by_taps
from vqvae_jax.layers.weight import weight
from vqvae_jax.precision import DType
from vqvae_jax.target import platform

#: On a CPU, positions of one convolution, and of how many convolutions one is made at most.
POSITIONS, MOST_PARTS = 2048, 64
_in_loop: ContextVar[bool] = ContextVar("in_loop", default=False)


class Conv3D(nn.Module):
    """Convolution over [B, T, H, W, C] with "same" padding; strides divide the output size.

    Padding is k - s per axis, split evenly with the odd one behind. It depends on kernel and stride alone, so (unlike
    XLA's "SAME") a size changes nothing but the size.
    """

    features: int
    kernel: Triple = (3, 3, 3)
    strides: Triple = (1, 1, 1)
    groups: int = 1
    use_bias: bool = True
    lowering: Lowering = "auto"
    dtype: DType = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x_BTHWC: Array) -> Array:
        channels = x_BTHWC.shape[-1]
        shape = (*self.kernel, channels // self.groups, self.features)
        kernel = weight(self, "kernel", self.kernel_init, shape).astype(self.dtype)
        y = convolve(x_BTHWC.astype(self.dtype), kernel, self.strides, self.groups, self.lowering)
        if self.use_bias:
            y = y + weight(self, "bias", nn.initializers.zeros, (self.features,)).astype(self.dtype)
        return y


def same_padding(kernel: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """(before, after) per axis so that a size divisible by the stride comes out as size / stride."""
    totals = [max(k - s, 0) for k, s in zip(kernel, strides, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def convolve(x_BTHWC: Array, kernel: Array, strides: Triple, groups: int = 1, lowering: Lowering = "auto") -> Array:
    """3-D convolution, channels last.

    Args:
      x_BTHWC: input, [B, T, H, W, C].
      kernel: [kt, kh, kw, C / groups, O], same type as the input.
      strides: (t, h, w).
      groups: divides C and O.
      lowering: see the module's docstring.

    Returns:
      [B, T / st, H / sh, W / sw, O].
    """
    if lowering == "auto":
        lowering = "concat" if platform() == "cpu" else "direct"
    padding = same_padding(kernel.shape[:3], strides)
    if lowering == "direct":
        return lax.conv_general_dilated(
            x_BTHWC,
            kernel,
            strides,
            padding,
            dimension_numbers=("NDHWC", "DHWIO", "NDHWC"),
            feature_group_count=groups,
        )
    if groups > 1:
        # Gradients of a grouped 2-D convolution take 18 times as long on CPU.
        parts = zip(jnp.split(x_BTHWC, groups, axis=-1), jnp.split(kernel, groups, axis=-1), strict=True)
        return jnp.concatenate([convolve(x, k, strides, 1, lowering) for x, k in parts], axis=-1)
    taps = _temporal_taps(x_BTHWC, kernel.shape[0], strides[0], padding[0])
    if lowering == "sum":
        terms = [convolve_frames(tap, kernel[i], strides[1:], padding[1:]) for i, tap in enumerate(taps)]
        return sum(terms[1:], terms[0])
    return convolve_frames(*_join_taps(taps, kernel), strides[1:], padding[1:])


def _temporal_taps(x_BTHWC: Array, size: int, stride: int, padding: tuple[int, int]) -> list[Array]:
    """For each temporal tap the frames it sees, [B, T / stride, H, W, C]."""
    if size == 1 and stride == 1:
        return [x_BTHWC]
    before, after = padding
    padded = jnp.pad(x_BTHWC, ((0, 0), (before, after), (0, 0), (0, 0), (0, 0)))
    frames_out = (padded.shape[1] - size) // stride + 1
    return [
        lax.slice_in_dim(padded, tap, tap + (frames_out - 1) * stride + 1, stride=stride, axis=1) for tap in range(size)
    ]


def _join_taps(taps: list[Array], kernel: Array) -> tuple[Array, Array]:
    """Stacks the taps on the channel axis, and the kernel to match."""
    _, kh, kw, channels, features = kernel.shape
    joined = kernel.transpose(1, 2, 0, 3, 4).reshape(kh, kw, len(taps) * channels, features)
    return jnp.concatenate(taps, axis=-1), joined


@contextlib.contextmanager
def within_loop() -> Iterator[None]:
    """To trace a loop's body in: on a CPU 2-D convolutions are there products of patches, which take about twice as
    long as convolutions do outside of loops. Left to XLA they and their gradients would take twenty times as long.
    """
    token = _in_loop.set(True)
    try:
        yield
    finally:
        _in_loop.reset(token)


def convolve_frames(
    x_BTHWC: Array,
    kernel: Array,
    strides: tuple[int, ...],
    padding: list[tuple[int, int]],
    precision: lax.Precision | None = None,
) -> Array:
    """2-D convolution of every frame; kernel [kh, kw, C, O]."""
    batch, frames, height, width, channels = x_BTHWC.shape
    if kernel.shape[:2] == (1, 1) and max(strides) == 1:
        # A matrix product, and so are its gradients: as a convolution the weight gradient takes 5-7 times as long.
        y = jnp.matmul(x_BTHWC.reshape(-1, channels), kernel[0, 0], precision=precision)
        return y.reshape(batch, frames, height, width, -1)
    pictures = x_BTHWC.reshape(batch * frames, height, width, channels)
    if _in_loop.get() and platform() == "cpu":
        y = convolve_patches(pictures, kernel, strides, padding, precision)
        return y.reshape(batch, frames, *y.shape[1:])
    even = kernel.shape[0] % 2 == 0 and max(strides) == 1
    conv = partial(
        convolution_by_taps if even and platform() == "cpu" else convolution,
        Geometry(strides, tuple(padding), precision),
    )
    if platform() == "cpu" and isinstance(pictures.shape[0], int):  # else as many as the exported program is given
        size = _at_once(len(pictures), height * width // math.prod(strides))
        starts = range(0, max(len(pictures), 1), size)
        y = jnp.concatenate([conv(pictures[begin : begin + size], kernel) for begin in starts])
    else:
        y = conv(pictures, kernel)
    return y.reshape(batch, frames, *y.shape[1:])


def convolve_patches(
    x_BHWC: Array,
    kernel: Array,
    strides: tuple[int, ...],
    padding: Sequence[tuple[int, int]],
    precision: lax.Precision | None = None,
) -> Array:
    """A 2-D convolution as one product of all patches and the kernel; [B, H, W, O].

    On a CPU its gradient by a small input takes a sixth of the time of a convolution's with strides.
    """
    taps = seen_by_taps(x_BHWC, kernel.shape[:2], strides, padding)
    patches = jnp.concatenate(taps, axis=-1).reshape(-1, kernel[..., 0].size)
    y = jnp.matmul(patches, kernel.reshape(-1, kernel.shape[3]), precision=precision)
    return y.reshape(-1, *taps[0].shape[1:3], kernel.shape[3])


def _at_once(pictures: int, positions: int) -> int:
    """Of so many pictures of so many positions each, how many to convolve at once on a CPU."""
    return min(max(POSITIONS // max(positions, 1), -(-pictures // MOST_PARTS), 1), max(pictures, 1))
