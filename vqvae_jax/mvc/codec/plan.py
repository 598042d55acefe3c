"""The networks of a video, one for each scene: the grid by its size, the kind by the parameters that it may have."""

import math
from collections.abc import Sequence
from dataclasses import replace

from vqvae_jax.codec.interface import FitWish
from vqvae_jax.errors import UserError, number_of
from vqvae_jax.mvc.config import MvcConfig, for_scene
from vqvae_jax.mvc.count import embedding_numbers, of_parameters

TOKENS = 144  # places of the grid that are aimed at: 9x16 of 1280x720 (Tang et al. 2023, IV-A)
STRIDES = (
    (1,), (2,), (2, 2), (3, 2), (2, 2, 2), (5, 2), (3, 2, 2), (4, 2, 2), (5, 2, 2), (3, 2, 2, 2), (4, 2, 2, 2),
    (5, 2, 2, 2), (3, 2, 2, 2, 2), (5, 3, 2, 2), (4, 2, 2, 2, 2), (5, 2, 2, 2, 2), (3, 3, 2, 2, 2, 2),
    (5, 3, 2, 2, 2), (5, 4, 2, 2, 2), (5, 3, 3, 2, 2), (5, 4, 3, 2, 2),
)  # fmt: skip
#: Where files leave the paper: by 2 dB at equal rate, of fits for rate, and half a dB more (docs/results/mvc.md).
BETTER = MvcConfig(modulation="1+g", context="free")
#: From the widest: fewest channels that make it worth its fixed parts, fewest of later stages, and the fixed parts.
SHAPES = (
    (48, 24, MvcConfig(fusion="mlp")),
    (32, 24, MvcConfig(fusion="mlp", d0=128, stem=256, td=64, mlp=64, heads=4, head_dim=32, expansion=2.0)),
    (24, 16, MvcConfig(fusion="mlp", d0=64, stem=128, td=32, mlp=64, heads=2, head_dim=32, expansion=2.0)),
    (16, 12, MvcConfig(fusion="mlp", d0=32, stem=64, td=16, mlp=32, heads=2, head_dim=16, levels=20, expansion=1.0)),
    (4, 4, MvcConfig(fusion="mlp", d0=24, stem=32, td=16, mlp=24, heads=1, head_dim=16, levels=16, expansion=1.0)),
)
_FIXED = ("fusion", "d0", "stem", "td", "mlp", "heads", "head_dim", "levels", "expansion")
#: Above this share of a wished-for rate there is no embedding: the paper spends a tenth on it.
MOST_EMBEDDING = 0.3
MOST_FOR_ANY = 1_000_000  # parameters that even the smallest video may have
#: Of a weight in a file, on which a wished-for rate is planned: near what fits for rate come to by themselves. More
#: bits for fewer weights are worth less (docs/results/mvc.md).
BITS_PER_WEIGHT, BITS_PER_NUMBER = 4.0, 5.0


def strides_for(height: int, width: int) -> tuple[int, ...]:
    """Of the stages, for pictures of this size: a grid of about `TOKENS` places, and little padding."""

    def unfit(strides: tuple[int, ...]) -> float:
        whole = math.prod(strides)
        rows, columns = -(-height // whole), -(-width // whole)
        padding = rows * columns * whole**2 / (height * width)
        return abs(math.log(rows * columns / TOKENS)) + math.log(padding)

    return min(STRIDES, key=unfit)


def plan(lengths: Sequence[int], size: tuple[int, int], wish: FitWish) -> list[MvcConfig]:
    """A network for each scene, alike but for their widths; parameters are shared out by frames.

    Args:
      lengths: frames of the scenes.
      size: height and width.
      wish: rate or parameters of all together.

    Raises:
      UserError: if there is no network as small as that, or it would be larger than the video.
    """
    values = sum(lengths) * math.prod(size) * 3
    if wish.parameters is not None and wish.parameters > (limit := max(values, MOST_FOR_ANY)):
        has = f"the video itself has {values:,} values"
        raise UserError(f"parameters={wish.parameters:,}: {has}; expected at most {limit:,}")
    base, total = replace(BETTER, strides=strides_for(*size)), sum(lengths)
    scenes = [for_scene(base, (frames, *size)) for frames in lengths]
    if wish.bpp is not None and _embedding_bpp(scenes[0]) > MOST_EMBEDDING * wish.bpp:
        scenes = [replace(scene, kind="enerv", context="off") for scene in scenes]
    most = [_most(scene, scene.frames / total, wish) for scene in scenes]
    reason: object = "there is no network"
    for channels, least, shape in SHAPES:
        fixed = {name: getattr(shape, name) for name in _FIXED}
        try:
            found = [of_parameters(replace(s, **fixed), m, least) for s, m in zip(scenes, most, strict=True)]
        except UserError as error:
            reason = error
            continue
        if min(config.channels for config in found) >= channels:
            return found
    asked = f"bpp={wish.bpp}" if wish.parameters is None else f"parameters={wish.parameters:,}"
    shared = "" if len(lengths) == 1 else f" in {len(lengths)} scenes, which share them by their frames"
    raise UserError(f"{asked} for {number_of(total, 'frame')} of {size[1]}x{size[0]}{shared}: {reason}")


def _most(config: MvcConfig, share: float, wish: FitWish) -> float:
    """Parameters of a scene with this share of the frames, at most."""
    if wish.parameters is not None:
        return wish.parameters * share
    assert wish.bpp is not None
    return (wish.bpp - _embedding_bpp(config)) * math.prod(config.clip) / BITS_PER_WEIGHT


def _embedding_bpp(config: MvcConfig) -> float:
    return BITS_PER_NUMBER * embedding_numbers(config) / math.prod(config.clip)
