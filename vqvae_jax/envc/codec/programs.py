"""The functions that encoder and decoder share, and those of the encoder alone: compiled once for each size of picture.

What a decoder computes, its encoder computes by the same compiled program: of another one XLA may round the last bit
otherwise. All of it is float32 at the highest precision. Arrays have a batch of one.
"""

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import jax
import numpy as np
from jax import Array

from vqvae_jax.envc.coding import inter, intra
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.envc.mixture import Mixture
from vqvae_jax.envc.predictors import Frame
from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.precision import normalise
from vqvae_jax.training.state import PyTree

_MODELS: dict[str, Callable[..., Any]] = {"intra": intra, "inter": inter}
Shown = tuple[Array, Array]  # a frame [1, H, W, 3], float32 as the next one's reference and uint8 as it is shown


def _program(function: Callable[..., Any]) -> Callable[..., Any]:
    @partial(jax.jit, static_argnums=tuple(range(list(inspect.signature(function).parameters).index("params"))))
    @wraps(function)
    def program(*arguments: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return function(*arguments)

    return program


class Programs:
    """One model's.

    Args:
      config: of the model, computing in float32.
      params: of `coding.init_params`.
    """

    def __init__(self, config: EnvcConfig, params: PyTree) -> None:
        self.config, self.params = config, params

    def hyper(self, model: str, z_BhwN: np.ndarray) -> np.ndarray:
        """What z says of y or r, float32 [1, h, w, 2 M]; of the "intra" or the "inter" model."""
        return np.asarray(_hyper(self.config, model, self.params, _floats(z_BhwN)))

    def mixture(self, model: str, hyper: np.ndarray, windows: np.ndarray | None) -> Mixture:
        """Distributions of y or r, NumPy arrays: of a whole grid, or with a context of single positions.

        Args:
          model: "intra" or "inter".
          hyper: [1, h, w, 2 M], or [N, 1, 1, 2 M] of the positions.
          windows: surroundings of the positions, integers [N, 5, 5, M]; none without a context model.
        """
        seen = None if windows is None else _floats(windows)
        return jax.device_get(_mixture(self.config, model, self.params, hyper, seen))

    def motion_mixture(self, windows: np.ndarray) -> Mixture:
        """Distributions of m, of single positions by their surroundings, integers [N, 5, 5, M / 2]."""
        return jax.device_get(_motion_mixture(self.config, self.params, _floats(windows)))

    def synthesise(self, y: np.ndarray) -> Shown:
        """An I frame."""
        return _synthesise(self.config, self.params, _floats(y))

    def predict(self, m: np.ndarray, before: Array) -> Array:
        """What the residual is added to, by the motion and the frame before."""
        return _predict(self.config, self.params, _floats(m), before)

    def reconstruct(self, r: np.ndarray, prediction: Array) -> Shown:
        """A P frame."""
        return _reconstruct(self.config, self.params, _floats(r), prediction)

    def analyse(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the encoder: latents y and z of a uint8 frame, not rounded."""
        return jax.device_get(_analyse(self.config, self.params, frame))

    def encode_motion(self, frame: np.ndarray, before: Array) -> tuple[np.ndarray, Frame]:
        """Of the encoder: motion latents, not rounded, and the frame as `encode_residual` looks at it."""
        m, current = _encode_motion(self.config, self.params, frame, before)
        return np.asarray(m), current

    def encode_residual(self, current: Frame, prediction: Array) -> tuple[np.ndarray, np.ndarray]:
        """Of the encoder: latents r and z, not rounded."""
        return jax.device_get(_encode_residual(self.config, self.params, current, prediction))


def _floats(latents: np.ndarray) -> np.ndarray:
    return latents.astype(np.float32)


@_program
def _hyper(config: EnvcConfig, model: str, params: PyTree, z: Array) -> Array:
    return _MODELS[model](config, params).hyper(z)


@_program
def _mixture(config: EnvcConfig, model: str, params: PyTree, hyper: Array, windows: Array | None) -> Mixture:
    return _MODELS[model](config, params).parameters(hyper, windows, config.ar)


@_program
def _motion_mixture(config: EnvcConfig, params: PyTree, windows: Array) -> Mixture:
    return inter(config, params).motion_parameters(windows, True)


@_program
def _synthesise(config: EnvcConfig, params: PyTree, y: Array) -> Shown:
    return _shown(intra(config, params).synthesise(y))


@_program
def _predict(config: EnvcConfig, params: PyTree, m: Array, before: Array) -> Array:
    model = inter(config, params)
    return model.predict(m, model.reference(before))


@_program
def _reconstruct(config: EnvcConfig, params: PyTree, r: Array, prediction: Array) -> Shown:
    return _shown(inter(config, params).reconstruct(r, prediction))


@_program
def _analyse(config: EnvcConfig, params: PyTree, frame: Array) -> tuple[Array, Array]:
    return intra(config, params).analyse(normalise(frame))


@_program
def _encode_motion(config: EnvcConfig, params: PyTree, frame: Array, before: Array) -> tuple[Array, Frame]:
    model = inter(config, params)
    current = model.current(normalise(frame))
    return model.encode_motion(current, model.encoder_reference(before)), current


@_program
def _encode_residual(config: EnvcConfig, params: PyTree, current: Frame, prediction: Array) -> tuple[Array, Array]:
    return inter(config, params).encode_residual(current, prediction)


def _shown(x: Array) -> Shown:
    return x, to_uint8(x)
