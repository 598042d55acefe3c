"""The decoder as an ONNX graph, indices to frames, for runtimes without JAX.

Frames lie on the batch axis, [T, C, H, W], so that every convolution is one of two dimensions, which all runtimes have
and are quick at; temporal taps become channels, as in `layers/conv3d.py`. Sizes are free.
"""

import json
from typing import Any

import numpy as np

from vqvae_jax.codec.bundle import Bundle
from vqvae_jax.errors import UserError
from vqvae_jax.layers.conv3d import same_padding
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.layers.resample import stages
from vqvae_jax.msvqvae.codec.model import CodecModel
from vqvae_jax.msvqvae.codec.windows import CONTEXT_STEPS
from vqvae_jax.training.digests import named_leaves

OPSET = 17  # older than what browsers and phones run today
EPSILON = 1e-6  # `layers.blocks.ChannelNorm`
_END = np.iinfo(np.int64).max


def onnx_decoder(bundle: Bundle) -> bytes:
    """A model file with inputs "top" (where the model has one) and "bottom", int64 [t, h, w] of one clip or window, and
    the output "frames", uint8 [T, H, W, 3].

    Its metadata say what a program needs that decodes files: `digest` of the bundle, `levels` (JSON: strides and codes,
    coarse first), `clip` (JSON: what it was trained on), and of a window `margin`, the frames of a neighbour on either
    side (docs/format.md, "From indices to frames"), and `reach`, how far away an index may count.

    Weights of bfloat16 are stored as float16, whose steps are finer for all but numbers under 2^-14; codes are float32.

    Raises:
      UserError: if the package onnx is not installed, or the bundle's weights do not fit.
    """
    try:
        from onnx import TensorProto, checker, helper
    except ModuleNotFoundError as error:
        raise UserError("ONNX files need the package onnx; pip install 'vqvae_jax[onnx]'") from error
    model = CodecModel(bundle)
    model.check_weights()
    graph = _Graph(helper, bundle.weights == "bfloat16", named_leaves(model.weights.params))
    frames = _decoder(graph, model)
    made = helper.make_graph(
        [*graph.nodes, helper.make_node("Identity", [frames], ["frames"])],
        bundle.name,
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, [f"{name}_{axis}" for axis in "thw"])
            for name in model.levels
        ],
        [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["T", "H", "W", 3])],
        graph.constants,
    )
    found = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="vqvae_jax"
    )
    levels = {name: {"strides": level.strides, "codes": level.codes} for name, level in model.levels.items()}
    margin = CONTEXT_STEPS * model.weights.config.multiple[0]
    facts = {"digest": bundle.digest, "levels": json.dumps(levels), "clip": json.dumps(model.clip)}
    helper.set_model_props(found, facts | {"margin": str(margin), "reach": str(model.reach)})
    checker.check_model(found)
    content: bytes = found.SerializeToString(deterministic=True)
    return content


def _decoder(graph: "_Graph", model: CodecModel) -> str:
    """The nodes of `MSVQVAE.decode_top` and `decode`, and of `to_uint8`."""
    config = model.weights.config
    codes = {
        name: graph.node("Gather", graph.constant(np.asarray(codebook.embeddings)), name)
        for name, codebook in model.weights.codebooks.items()
    }
    codes = {name: graph.node("Transpose", looked_up, perm=[0, 3, 1, 2]) for name, looked_up in codes.items()}
    x = codes["bottom"]
    if config.top is not None:
        top = graph.conv("top_decoder_in", codes["top"])
        top = graph.stack("top_decoder", top, config.top_blocks, config.groups, config.norm)
        t, h, w = (coarse // fine for coarse, fine in zip(config.top.strides, config.bottom.strides, strict=True))
        if config.resample == "patch":
            top = graph.expanded("top_up/conv", top, (t, h, w))
        else:
            top = graph.conv("top_up/conv", graph.repeated(top, (t, h, w), config.top_width))
        x = graph.node("Concat", x, top, axis=1)
    x = graph.stack("decoder", graph.conv("decoder_in", x), config.decoder_blocks, config.groups, config.norm)
    if config.resample == "patch":
        x = graph.expanded("head/conv", x, config.bottom.strides)
    else:
        for index, step in enumerate(stages(config.bottom.strides)[::-1]):
            x = graph.expanded(f"head/conv_{index}", graph.silu(x) if index else x, step)
    half, peak = graph.constant(np.float32(0.5)), graph.constant(np.float32(255))
    x = graph.node("Add", graph.node("Mul", x, half), half)
    x = graph.node("Clip", graph.node("Round", graph.node("Mul", x, peak)), graph.constant(np.float32(0)), peak)
    return graph.node("Cast", graph.node("Transpose", x, perm=[0, 2, 3, 1]), to=2)  # uint8


class _Graph:
    """Nodes and constants as they come; values are names. Features are [T, C, H, W]."""

    def __init__(self, helper: Any, halved: bool, leaves: dict[str, Any]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._helper, self._halved, self._leaves = helper, halved, leaves

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, array: Any) -> str:
        from onnx.numpy_helper import from_array

        name = f"c{len(self.constants)}"
        self.constants.append(from_array(np.asarray(array), name))
        return name

    def weight(self, array: np.ndarray) -> str:
        """A constant as small as the bundle's, for computing with as float32."""
        if not self._halved:
            return self.constant(np.ascontiguousarray(array))
        halved = array.astype(np.float16)
        if not np.isfinite(halved).all():
            raise UserError("a weight is larger than float16 can say; export the bundle with --weights float32")
        return self.node("Cast", self.constant(halved), to=1)  # float32

    def leaf(self, name: str) -> np.ndarray:
        return np.asarray(self._leaves[f"params/{name}"], np.float32)

    def conv(self, name: str, x: str, groups: int = 1) -> str:
        """`layers.conv3d.convolve` without strides."""
        kernel = self.leaf(f"{name}/kernel")
        kt, kh, kw, channels, features = kernel.shape
        (before, after), (top, bottom), (left, right) = same_padding((kt, kh, kw), (1, 1, 1))
        # Channels in the order [group, tap, channel of the group].
        joined = kernel.transpose(4, 0, 3, 1, 2).reshape(features, kt * channels, kh, kw)
        if kt > 1:
            x = self.node("Pad", x, self.constant(np.array([before, 0, 0, 0, after, 0, 0, 0])))
            x = self.node("Concat", *self._taps(x, kt, channels, groups), axis=1)
        inputs = [x, self.weight(joined), self.weight(self.leaf(f"{name}/bias"))]
        return self.node("Conv", *inputs, group=groups, pads=[top, left, bottom, right], kernel_shape=[kh, kw])

    def _taps(self, x: str, kt: int, channels: int, groups: int) -> list[str]:
        """For each group its channels of each temporal tap."""
        axes, found = self.constant(np.array([0, 1])), []
        for group in range(groups):
            for tap in range(kt):
                begin = self.constant(np.array([tap, group * channels]))
                end = self.constant(np.array([tap + 1 - kt or _END, (group + 1) * channels]))
                found.append(self.node("Slice", x, begin, end, axes))
        return found

    def norm(self, name: str, x: str, kind: str) -> str:
        """`layers.blocks.ChannelNorm`."""
        if kind == "layer":
            x = self.node("Sub", x, self.node("ReduceMean", x, axes=[1]))
        mean = self.node("ReduceMean", self.node("Mul", x, x), axes=[1])
        root = self.node("Sqrt", self.node("Add", mean, self.constant(np.float32(EPSILON))))
        x = self.node("Mul", self.node("Div", x, root), self.weight(self.leaf(f"{name}/scale").reshape(1, -1, 1, 1)))
        if kind == "layer":
            x = self.node("Add", x, self.weight(self.leaf(f"{name}/bias").reshape(1, -1, 1, 1)))
        return x

    def silu(self, x: str) -> str:
        return self.node("Mul", x, self.node("Sigmoid", x))

    def stack(self, name: str, x: str, depth: int, groups: int, norm: str) -> str:
        """`layers.blocks.ResidualStack`, of either kind: the kernels say which."""
        for index in range(depth):
            block = f"{name}/block_{index}"
            y = self.conv(f"{block}/conv_in", self.silu(self.norm(f"{block}/norm_in", x, norm)), groups)
            y = self.conv(f"{block}/conv_out", self.silu(self.norm(f"{block}/norm_out", y, norm)), groups)
            x = self.node("Add", x, y)
        return x

    def expanded(self, name: str, x: str, factors: Triple) -> str:
        """A convolution and `layers.resample.depth_to_space`: time by the order in memory alone, then space."""
        t, h, w = factors
        channels = self.leaf(f"{name}/bias").size // (t * h * w)
        x = self._times_longer(self.conv(name, x), h * w * channels)
        if h == w:
            return self.node("DepthToSpace", x, blocksize=h) if h > 1 else x
        # Every shape copies all sizes but one that it does not know.
        x = self.node("Transpose", x, perm=[0, 2, 3, 1])
        x = self.node("Reshape", x, self.constant(np.array([0, 0, 0, h, w, channels])))
        x = self.node("Transpose", x, perm=[0, 1, 2, 4, 3, 5])
        x = self.node("Reshape", x, self.constant(np.array([0, 0, -1, h, channels])))
        x = self.node("Transpose", x, perm=[0, 2, 1, 3, 4])
        x = self.node("Reshape", x, self.constant(np.array([0, 0, -1, channels])))
        return self.node("Transpose", x, perm=[0, 3, 2, 1])

    def repeated(self, x: str, factors: Triple, channels: int) -> str:
        """`layers.resample.nearest`."""
        t, h, w = factors
        x = self._times_longer(self.node("Concat", *[x] * t, axis=1), channels)
        scales = self.constant(np.array([1, 1, h, w], np.float32))
        return self.node(
            "Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )

    def _times_longer(self, x: str, channels: int) -> str:
        """[T, n * channels, H, W] -> [T * n, channels, H, W]."""
        return self.node("Reshape", x, self.constant(np.array([-1, channels, 0, 0])))
