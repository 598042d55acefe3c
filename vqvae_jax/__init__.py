"""Learned compression of short, low-resolution video in JAX: NTC for files, MS-VQ-VAE (arXiv 2512.24547) for tokens.

    import numpy as np
    import vqvae_jax as vj

    model = vj.load("edge")
    clips = np.zeros((2, 32, 64, 64, 3), np.uint8)  # or floats in [0, 1]; NumPy or JAX; one clip, or a batch
    codes = model.encode(clips)  # {"top": (2, 8, 8, 8), "bottom": (2, 16, 16, 16)} int32
    again = model.decode(codes)
    z = model.latents(clips)  # before quantisation; jits, differentiates, maps over devices
    data = vj.encode_video(clips[0], model, rate=16)  # bytes; or a path or an open file to write to
    frames = vj.decode_video(data)

Everything public is imported when it is first used: this module loads no library. A mistake raises `UserError`, whose
message is one line.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vqvae_jax.api.model import Model, load, models
    from vqvae_jax.api.videos import decode_video, encode_video, iter_video
    from vqvae_jax.codec.interface import Level
    from vqvae_jax.errors import UserError

__version__ = "0.1.0"
__all__ = ["Level", "Model", "UserError", "decode_video", "encode_video", "iter_video", "load", "models"]
_VIDEOS = dict.fromkeys(("decode_video", "encode_video", "iter_video"), "api.videos")
_MODULES = {"UserError": "errors", "Level": "codec.interface"} | _VIDEOS


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    try:
        module = importlib.import_module(f"vqvae_jax.{_MODULES.get(name, 'api.model')}")
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        missing = f"vqvae_jax.{name} needs the package {package}, which is not installed: pip install {package}"
        raise ImportError(missing, name=package) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
