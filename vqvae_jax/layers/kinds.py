"""What configurations may say of layers; imports nothing, for a configuration is read where no layer is built."""

from typing import Literal

Triple = tuple[int, int, int]  # along time, height, width
Lowering = Literal["auto", "direct", "concat", "sum"]  # see `conv3d`
BlockKind = Literal["full", "factored"]  # see `blocks`
NormKind = Literal["rms", "layer"]
ResampleKind = Literal["conv", "patch"]  # see `resample`
