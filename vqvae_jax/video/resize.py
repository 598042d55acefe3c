"""Scaling pictures to a clip's or a model's size."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from PIL import Image

from vqvae_jax.video.bicubic import Bicubic

Resizer = Callable[[np.ndarray], np.ndarray]
ResizeMethod = Literal["pillow", "scipy"]

_MUCH = 3  # times as wide: from here on `Bicubic` is faster than Pillow


def resizer(height: int, width: int, method: ResizeMethod = "pillow") -> Resizer:
    """A function from a picture, uint8 [H, W, 3], to the same picture, uint8 [height, width, 3].

    `pillow` is antialiased bicubic (a = -0.5, the kernel widened by the reduction); `scipy` is a cubic spline through
    the source pixels, which aliases when it reduces. Every channel is scaled by itself, so their order does not
    matter. A picture that has the size already is given back as it is, not copied. Not for several threads at once.
    """
    scale = partial(_scipy, height=height, width=width) if method == "scipy" else _by_pillow(height, width)
    return lambda image_HWC: image_HWC if image_HWC.shape[:2] == (height, width) else scale(image_HWC)


def _by_pillow(height: int, width: int) -> Resizer:
    reduce = Bicubic(height, width)
    return lambda image_HWC: (
        reduce(image_HWC) if image_HWC.shape[1] >= _MUCH * width else _pillow(image_HWC, height, width)
    )


def _pillow(image_HWC: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(_as_pillow(image_HWC).resize((width, height), Image.Resampling.BICUBIC))


def _as_pillow(image_HWC: np.ndarray) -> Image.Image:
    planes = [image_HWC[..., channel] for channel in range(3)]
    if not all(plane_HW.flags.c_contiguous for plane_HW in planes):
        return Image.fromarray(image_HWC)
    # Plane after plane in memory, as decoders give them: a sixth of the time of interleaving first.
    size = image_HWC.shape[1::-1]
    return Image.merge("RGB", [Image.frombuffer("L", size, plane_HW, "raw", "L", 0, 1) for plane_HW in planes])


def _scipy(image_HWC: np.ndarray, height: int, width: int) -> np.ndarray:
    from scipy import ndimage

    factors = (height / image_HWC.shape[0], width / image_HWC.shape[1])
    # In floating point: the spline overshoots, and uint8 arithmetic would wrap around instead of saturating.
    planes = [ndimage.zoom(image_HWC[..., c].astype(np.float32), factors, order=3) for c in range(3)]
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)
