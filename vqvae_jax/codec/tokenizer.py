"""Frames to indices and back with a bundle's model, for arrays of any length and size."""

from dataclasses import replace
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.codec.bundle import Bundle
from vqvae_jax.codec.payload import Indices
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.reconstruct import decode, encode

Without = Literal["bottom"] | None


class Tokenizer:
    """A bundle's model, compiled once for each size of clip that it meets.

        tokens = tokenizer.encode(frames)           # {"top": [t, h, w], "bottom": [t, h, w]} int32
        frames = tokenizer.decode(tokens)           # (T, H, W, 3) uint8

    Frames are coded as one clip; `coded_chunks` cuts a long video into windows. Convolutions run in float32 whatever
    the model was trained in, so that a file decodes to the same picture wherever the same machine code runs.

    Args:
      bundle: of `load_bundle`.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        model = MSVQVAE(replace(bundle.model, dtype="float32"))
        # Weights are arguments: as constants, every compiled size would hold a copy of them.
        self._encode = jax.jit(partial(encode, model))
        self._decode = jax.jit(partial(decode, model), static_argnames="without")

    @property
    def levels(self) -> list[str]:
        """Names of the levels, coarse first."""
        return list(self.bundle.model.levels)

    def encode(self, frames_THWC: np.ndarray) -> Indices:
        """Indices of one clip.

        Args:
          frames_THWC: (T, H, W, 3) uint8 RGB of any T, H, W >= 1. The last frame, row and column are repeated up to
            the model's multiple.

        Returns:
          By level, coarse first, int32 [t, h, w].

        Raises:
          UserError: if the array is not of that form.
        """
        check_frames(frames_THWC)
        padded = pad_to_multiple(frames_THWC, self.bundle.model.multiple)
        found = self._encode(self.bundle.params, self.bundle.codebooks, jnp.asarray(padded)[None])
        return {level: np.asarray(found[level])[0] for level in self.levels}

    def decode(
        self, indices: Indices, shape: tuple[int, int, int] | None = None, level: str | None = None
    ) -> np.ndarray:
        """Frames of one clip.

        Args:
          indices: by level, [t, h, w] integers in [0, K).
          shape: frames, height, width to crop to; by default all that the indices cover.
          level: "top" decodes the coarse level alone, a preview; the other level need not be given.

        Returns:
          (T, H, W, 3) uint8 RGB.

        Raises:
          UserError: if levels, shapes or indices do not fit the model, or it has no such level.
        """
        if level not in (None, "bottom", *self.levels[:1]):
            raise UserError(f"level {level!r} does not exist; this model has {', '.join(self.levels)}")
        preview = level is not None and len(self.levels) > 1 and level != "bottom"
        grids = self._checked(indices, self.levels[:1] if preview else self.levels)
        if preview:
            fine = self.levels[1]
            grids[fine] = np.zeros(self._grid(grids[self.levels[0]].shape, fine), np.int32)
        batch = {name: jnp.asarray(grid, jnp.int32)[None] for name, grid in grids.items()}
        without = "bottom" if preview else None
        frames = np.asarray(self._decode(self.bundle.params, self.bundle.codebooks, batch, without=without))[0]
        if shape is not None:
            frames = frames[: shape[0], : shape[1], : shape[2]]
        return frames

    def _checked(self, indices: Indices, wanted: list[str]) -> Indices:
        for name in wanted:
            if name not in indices:
                raise UserError(f"indices of level {name} are missing; this model has {', '.join(self.levels)}")
            grid, codes = np.asarray(indices[name]), self.bundle.model.levels[name].codes
            if grid.ndim != 3 or not grid.size or grid.dtype.kind not in "iu":
                raise UserError(f"indices of level {name} are {grid.dtype}{grid.shape}; expected integers [t, h, w]")
            if grid.min() < 0 or grid.max() >= codes:
                raise UserError(
                    f"indices of level {name} reach from {grid.min()} to {grid.max()}; allowed: 0 to {codes - 1}"
                )
            if name != wanted[0]:
                expected = self._grid(np.shape(indices[wanted[0]]), name)
                if grid.shape != expected:
                    raise UserError(
                        f"indices of level {name} are {grid.shape}; beside this top they must be {expected}"
                    )
        return {name: np.asarray(indices[name]) for name in wanted}

    def _grid(self, coarse: tuple[int, ...], fine: str) -> tuple[int, ...]:
        """Shape of a finer level's grid beside a coarse one."""
        levels = self.bundle.model.levels
        ratio = zip(coarse, levels[self.levels[0]].strides, levels[fine].strides, strict=True)
        return tuple(size * c // f for size, c, f in ratio)


def check_frames(frames_THWC: np.ndarray) -> None:
    """Raises a `UserError` unless frames are (T, H, W, 3) uint8 with at least one of each."""
    f = frames_THWC
    if not isinstance(f, np.ndarray) or f.ndim != 4 or f.shape[-1] != 3 or f.dtype != np.uint8 or not f.size:
        found = f"{f.dtype}{f.shape}" if isinstance(f, np.ndarray) else type(f).__name__
        raise UserError(f"expected frames (T, H, W, 3) uint8 with T, H, W >= 1, found {found}")


def pad_to_multiple(frames_THWC: np.ndarray, multiple: tuple[int, int, int]) -> np.ndarray:
    """Repeats the last frame, row and column until frames, height and width are multiples."""
    extra = [(0, -size % m) for size, m in zip(frames_THWC.shape[:3], multiple, strict=True)]
    return np.pad(frames_THWC, [*extra, (0, 0)], mode="edge") if any(after for _, after in extra) else frames_THWC
