"""The VGG-16 trunk up to relu3_3 (Simonyan and Zisserman 2015, configuration D) as a pure function."""

from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, cast, get_args

import jax
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.errors import UserError
from vqvae_jax.precision import EXACT, DType
from vqvae_jax.target import platform

#: Convolutions in order, 3x3 with padding 1 and ReLU: input and output channels.
CONVOLUTIONS = {
    "conv1_1": (3, 64),
    "conv1_2": (64, 64),
    "conv2_1": (64, 128),
    "conv2_2": (128, 128),
    "conv3_1": (128, 256),
    "conv3_2": (256, 256),
    "conv3_3": (256, 256),
}

Preprocessing = Literal["imagenet", "caffe"]
PREPROCESSINGS: tuple[Preprocessing, ...] = get_args(Preprocessing)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN_255 = (123.68, 116.779, 103.939)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["weights"],
    meta_fields=["digest", "provenance", "preprocessing"],
)
@dataclass(frozen=True)
class VggTrunk:
    """Weights with their identity. A pytree: pass it to jitted functions as an argument, not as a constant."""

    weights: dict[str, Array]  # "conv1_1/kernel": [3, 3, in, out], "conv1_1/bias": [out], ...; float32
    digest: str  # sha256 of names, shapes, values and preprocessing, whatever the file format
    provenance: str  # where the weights come from, in words
    preprocessing: Preprocessing = "imagenet"


def trunk_shapes() -> VggTrunk:
    """A trunk of shapes alone, to compile programs with."""
    shapes = {}
    for name, (inputs, outputs) in CONVOLUTIONS.items():
        shapes[f"{name}/kernel"] = jax.ShapeDtypeStruct((3, 3, inputs, outputs), jnp.float32)
        shapes[f"{name}/bias"] = jax.ShapeDtypeStruct((outputs,), jnp.float32)
    return VggTrunk(cast(dict[str, Array], shapes), "", "shapes alone")


class VggFeatures(NamedTuple):
    """Activations after ReLU, of the type that was computed in."""

    relu1_2: Array  # [N, H, W, 64]
    relu2_2: Array  # [N, H/2, W/2, 128]
    relu3_3: Array  # [N, H/4, W/4, 256]


def preprocess(x_NHWC: Array, preprocessing: Preprocessing) -> Array:
    """RGB in [0, 1] -> what the trunk was trained on, float32.

    imagenet: (x - mean) / std per channel (torchvision). caffe: 255 x - mean per channel (the original release, its
    first kernel turned from BGR to RGB).
    """
    x = x_NHWC.astype(jnp.float32)
    if preprocessing == "caffe":
        return x * 255.0 - jnp.asarray(CAFFE_MEAN_255)
    return (x - jnp.asarray(IMAGENET_MEAN)) / jnp.asarray(IMAGENET_STD)


def features(trunk: VggTrunk, x_NHWC: Array, dtype: DType = jnp.float32) -> VggFeatures:
    """Runs the trunk on RGB frames.

    Args:
      trunk: from `load_vgg`.
      x_NHWC: [N, H, W, 3] in [0, 1], any float type; H and W at least 4.
      dtype: type of the convolutions. float32 is computed at highest precision.

    Raises:
      UserError: if x is not such a tensor.
    """
    if x_NHWC.ndim != 4 or x_NHWC.shape[-1] != 3 or min(x_NHWC.shape[1:3]) < 4:
        raise UserError(f"vgg: expected RGB frames (N, H, W, 3) with sides of at least 4, found {x_NHWC.shape}")
    conv = partial(_conv_relu, trunk.weights, dtype=dtype)
    x = preprocess(x_NHWC, trunk.preprocessing).astype(dtype)
    relu1_2 = conv("conv1_2", conv("conv1_1", x))
    relu2_2 = conv("conv2_2", conv("conv2_1", _max_pool(relu1_2)))
    relu3_3 = conv("conv3_3", conv("conv3_2", conv("conv3_1", _max_pool(relu2_2))))
    return VggFeatures(relu1_2, relu2_2, relu3_3)


def _conv_relu(weights: dict[str, Array], name: str, x: Array, dtype: DType) -> Array:
    kernel, bias = weights[f"{name}/kernel"].astype(dtype), weights[f"{name}/bias"].astype(dtype)
    precision = EXACT if dtype == jnp.float32 else None
    y = lax.conv_general_dilated(
        x, kernel, (1, 1), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC"), precision=precision
    )
    return jax.nn.relu(y + bias)


def _max_pool(x: Array) -> Array:
    """2x2 with stride 2; an odd last row or column is left out, as in torch."""
    if platform() == "tpu":  # four passes over the reshaped pictures otherwise
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    n, h, w, c = x.shape
    even = x[:, : h // 2 * 2, : w // 2 * 2]
    return jnp.max(even.reshape(n, h // 2, 2, w // 2, 2, c), axis=(2, 4))
