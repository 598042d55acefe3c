"""The network that a scene is fitted by: MVC, or E-NeRV and NeRV, which it is built on."""

from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from vqvae_jax.config import check, check_choices, is_number
from vqvae_jax.errors import UserError
from vqvae_jax.layers.kinds import Triple
from vqvae_jax.precision import DTypeName

Kind = Literal["mvc", "enerv", "nerv"]
ContextMode = Literal["pool", "stride", "free", "off"]


@dataclass(frozen=True)
class MvcConfig:
    """A network and the scene's shape, all of which a file says. The defaults are MVC-L of 720p."""

    kind: Kind = "mvc"
    """mvc: with an embedding of every frame; enerv: without; nerv: time alone, no attention and no modulation."""
    frames: int = 132
    """T, of the scene."""
    h: int = 9
    """Rows of the grid that the stages enlarge."""
    w: int = 16
    """Its columns."""
    strides: tuple[int, ...] = (5, 2, 2, 2, 2)
    """By how much each stage enlarges it."""
    pad_bottom: int = 0
    """Rows of the network's frames that are not the video's."""
    pad_right: int = 0
    """Columns that are not."""
    channels: int = 196
    """C0, of the grid before the first stage; it sets the size of the model."""
    expansion: float = 3.0
    """C1 / C0."""
    reduction: int = 2
    """By how much channels shrink at each later stage that enlarges."""
    lower_width: int = 96
    """Fewest channels of a later stage."""
    d0: int = 256
    """Width of tokens."""
    stem: int = 512
    """Hidden width of the time branch."""
    td: int = 128
    """Width of what modulates the stages."""
    mlp: int = 128
    """Hidden width inside transformer blocks."""
    heads: int = 8
    """Of attention in the fusion; the spatial branch has one."""
    head_dim: int = 64
    """Channels of a head, in both."""
    levels: int = 80
    """l, frequencies of the positional encoding."""
    base: float = 1.25
    """b, their ratio."""
    fusion: Literal["trans", "mlp"] = "trans"
    """Whether a transformer block stands before the projection to C0."""
    modulation: Literal["g", "1+g"] = "g"
    """What normalised features are multiplied by."""
    context: ContextMode = "pool"
    """What the embedding is made of: means of blocks, single pixels, or free numbers; off for enerv and nerv."""
    context_channels: int = 3
    """c, of the embedding."""
    dtype: DTypeName = "float32"
    """Type of convolutions; weights, statistics and losses stay float32."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        whole = ("frames", "h", "w", "channels", "reduction", "lower_width", "d0", "stem", "td", "mlp", "heads")
        for name in (*whole, "head_dim", "levels", "context_channels"):
            check(getattr(self, name) >= 1, f"model.{name}", getattr(self, name), "a whole number of at least 1")
        positive = len(self.strides) >= 1 and min(self.strides, default=0) >= 1
        check(positive, "model.strides", self.strides, "whole numbers of at least 1")
        check(self.channels >= 4, "model.channels", self.channels, "a whole number of at least 4")
        fits = is_number(self.expansion) and int(self.expansion * self.channels) >= 1
        check(fits, "model.expansion", self.expansion, "a number that leaves C1 at least 1")
        check(is_number(self.base) and self.base > 1, "model.base", self.base, "a number above 1")
        for name, side in (("pad_bottom", self.height), ("pad_right", self.width)):
            check(0 <= getattr(self, name) < side, f"model.{name}", getattr(self, name), f"0 to {side - 1}")
        on = self.context != "off"
        wanted = "one of pool, stride, free for model.kind=mvc" if self.kind == "mvc" else "off for this model.kind"
        check(on == (self.kind == "mvc"), "model.context", self.context, wanted)

    @property
    def height(self) -> int:
        """Of the network's frames."""
        return self.h * prod(self.strides)

    @property
    def width(self) -> int:
        """Of the network's frames."""
        return self.w * prod(self.strides)

    @property
    def clip(self) -> Triple:
        """Frames, height and width of the scene: those of the network's frames that are the video's."""
        return self.frames, self.height - self.pad_bottom, self.width - self.pad_right

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels before the first stage and behind each."""
        found = [self.channels, int(self.expansion * self.channels)]
        for stride in self.strides[1:]:
            found.append(max(found[-1] // (1 if stride == 1 else self.reduction), self.lower_width))
        return tuple(found)

    @property
    def embedding(self) -> tuple[int, int, int] | None:
        """Shape (h, w, c) of what a file says of each frame beside the weights; none without."""
        return (self.h, self.w, self.context_channels) if self.kind == "mvc" else None

    def check_size(self, clip: Triple, where: str) -> None:
        """Raises a `UserError` that begins with `where` unless the scene has these frames, height and width."""
        if clip != self.clip:
            raise UserError(f"{where}: a scene of {clip} does not fit this model, which is of {self.clip}")


def for_scene(config: MvcConfig, clip: Triple) -> MvcConfig:
    """The same network for a scene of (frames, height, width): the grid grows or shrinks, and what is more is padding.

    Raises:
      UserError: if a side is not positive.
    """
    frames, height, width = clip
    if min(clip) < 1:
        raise UserError(f"a scene of {clip}: frames, height and width must be at least 1")
    whole = prod(config.strides)
    h, w = -(-height // whole), -(-width // whole)
    return replace(config, frames=frames, h=h, w=w, pad_bottom=h * whole - height, pad_right=w * whole - width)
