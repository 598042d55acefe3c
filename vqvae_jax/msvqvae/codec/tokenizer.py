"""Frames to indices and back with a bundle's model, for arrays of any length and size."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.codec.interface import Grid, Indices, Level
from vqvae_jax.codec.pictures import check_frames, checked_pictures
from vqvae_jax.config import is_whole
from vqvae_jax.errors import UserError
from vqvae_jax.kept_programs import KeptProgram
from vqvae_jax.msvqvae.codec.weights import Weights, check_weights
from vqvae_jax.msvqvae.codec.windows import CONTEXT_STEPS, CodedChunk, coded_chunks

WINDOW_PIXELS = 2**20  # decoded at a time, if a window can be cut at all

# Weights are arguments: as constants, every compiled size would hold a copy of them.
_encode = KeptProgram("vqvae_jax.msvqvae.codec.programs", "encode")
_decode = KeptProgram("vqvae_jax.msvqvae.codec.programs", "decode")


class Tokenizer:
    """A model with its weights, compiled once for each size of clip that it meets.

        tokens = tokenizer.encode(frames)           # {"top": [t, h, w], "bottom": [t, h, w]} int32
        frames = tokenizer.decode(tokens)           # (T, H, W, 3) uint8

    Frames are coded as one clip; `coded_chunks` cuts a long video into windows. Convolutions run in float32 whatever
    the model was trained in, so that a file decodes to the same picture wherever the same machine code runs.

    Args:
      weights: of `unpack_weights`.
      where: the file that they come from, for messages.
    """

    def __init__(self, weights: Weights, where: str = "the model") -> None:
        self.weights, self._where, self._whole = weights, where, False
        self._config = replace(weights.config, dtype="float32")

    @cached_property
    def _latents(self) -> Any:
        from vqvae_jax.msvqvae.model import MSVQVAE
        from vqvae_jax.msvqvae.reconstruct import latents

        return jax.jit(partial(latents, MSVQVAE(self._config)))

    @property
    def levels(self) -> dict[str, Level]:
        """The levels by name, coarse first."""
        levels = self.weights.config.levels
        return {name: Level(level.codes, level.dim, level.strides) for name, level in levels.items()}

    @property
    def strides(self) -> dict[str, int]:
        """Frames per index of each level, coarse first."""
        return {name: level.strides[0] for name, level in self.levels.items()}

    @property
    def reach(self) -> int:
        """How many frames away from an index a frame may be and still depend on it, at most."""
        config = self.weights.config
        fine, coarse = config.bottom.strides, config.multiple[0]
        # A block reaches one position of its grid further, and so does each stage of the way up to pixels.
        top = 0 if config.top is None else coarse * config.top_blocks + fine[0]
        return top + fine[0] * (config.decoder_blocks + max(fine).bit_length()) + coarse

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
        padded = pad_to_multiple(frames_THWC, self.weights.config.multiple)
        with self._fitting():
            found = _encode(self._config, self.weights.params, self.weights.codebooks, padded[None])
        return {level: np.asarray(grid)[0] for level, grid in zip(self.levels, found, strict=True)}

    def decode(self, indices: Indices, shape: Grid | None = None, level: str | None = None) -> np.ndarray:
        """Frames of one clip.

        Args:
          indices: by level, [t, h, w] integers in [0, K).
          shape: frames, height, width to crop to, each from 1 to what the indices cover; by default all of it.
          level: "top" decodes the coarse level alone, a preview; the other level need not be given.

        Returns:
          (T, H, W, 3) uint8 RGB.

        Raises:
          UserError: if levels, shapes or indices do not fit the model, it has no such level, or they do not cover
            `shape`.
        """
        names = list(self.levels)
        if level not in (None, "bottom", *names[:1]):
            raise UserError(f"level {level!r} does not exist; this model has {', '.join(names)}")
        preview = level is not None and len(names) > 1 and level != "bottom"
        grids = self._checked(indices, names[:1] if preview else names)
        if preview:
            grids[names[1]] = np.zeros(self._grid(grids[names[0]].shape, names[1]), np.int32)
        batch = {name: np.asarray(grid, np.int32)[None] for name, grid in grids.items()}
        if shape is not None:
            _check_covered(shape, grids[names[0]].shape, self.levels[names[0]].strides)
        static = self._config, "bottom" if preview else None
        with self._fitting():
            frames = np.asarray(_decode(static, self.weights.params, self.weights.codebooks, batch))[0]
        if shape is not None:
            frames = frames[: shape[0], : shape[1], : shape[2]]
        return frames

    def latents(self, x_BTHWC: jax.Array) -> dict[str, jax.Array]:
        """Vectors before quantisation by level, coarse first: float32 [B, t, h, w, D]. Differentiable.

        Args:
          x_BTHWC: float32 in [0, 1]; the last frame, row and column are repeated up to the model's multiple.
        """
        extra = [(0, -size % m) for size, m in zip(x_BTHWC.shape[1:4], self.weights.config.multiple, strict=True)]
        padded = jnp.pad(x_BTHWC, [(0, 0), *extra, (0, 0)], mode="edge")
        found = self._latents(self.weights.params, self.weights.codebooks, padded)
        return {level: found[level] for level in self.levels}

    def encode_window(self, window_THWC: np.ndarray, own: Mapping[str, slice]) -> Indices:
        """Indices of a window's own steps: the nearest codes."""
        indices = self.encode(window_THWC)
        return {name: indices[name][steps] for name, steps in own.items()}

    def coded_chunks(self, frames: Iterable[np.ndarray], size: int) -> Iterator[CodedChunk]:
        """Frames and indices of every chunk of a video, which is held in memory a chunk at a time.

        Raises:
          UserError: if frames differ in size or type.
        """
        return coded_chunks(self.encode_window, self.strides, checked_pictures(frames), size)

    def decoded_chunk(
        self,
        chunk: Indices,
        before: Indices | None,
        after: Indices | None,
        shape: Grid,
        size: int,
        level: str | None = None,
    ) -> np.ndarray:
        """The frames of one chunk: of its window, those that its own are.

        Only as much of the window is decoded as those frames depend on, and no more than `WINDOW_PIXELS` at a time:
        memory follows the frames that are there, not the length of a chunk that a header claims.

        Args:
          chunk: its indices by level; the coarsest alone for a preview.
          before, after: those of its neighbours; none at the ends of the video, or where a neighbour is lost.
          shape: frames, height, width of the chunk.
          size: frames of a full chunk.
          level: see `decode`.

        Returns:
          (T, H, W, 3) uint8 RGB.
        """
        coarse = next(iter(self.strides.values()))
        margin, reach = CONTEXT_STEPS * coarse, -(-self.reach // coarse) * coarse
        at_once = max(WINDOW_PIXELS // (shape[1] * shape[2]) - 2 * reach, reach) // coarse * coarse
        frames = []
        for begin in range(margin, margin + shape[0], max(at_once, coarse)):
            end = min(begin + max(at_once, coarse), margin + shape[0])
            first, last = max(begin - reach, 0), min(-(-end // coarse) * coarse + reach, size + 2 * margin)
            window: Indices = {}
            for name, grid in chunk.items():
                context = margin // self.strides[name]
                head = grid[:1] if before is None else before[name][-context:]
                tail = grid[-1:] if after is None else after[name][:context]
                # Where steps are missing the first or the last one is repeated.
                known = np.concatenate([head, grid, tail])
                steps = np.arange(first // self.strides[name], last // self.strides[name]) - (context - len(head))
                window[name] = known[np.clip(steps, 0, len(known) - 1)]
            frames.append(self.decode(window, level=level)[begin - first : end - first, : shape[1], : shape[2]])
        return frames[0] if len(frames) == 1 else np.concatenate(frames)

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """Names the weight that a model misses when it is compiled."""
        try:
            yield
        except Exception as error:
            from flax.errors import FlaxError  # a model that lacks a weight

            if isinstance(error, FlaxError):
                self.check_weights()
            raise

    def check_weights(self) -> None:
        """Raises a `UserError` unless the weights are those that the model has; see `weights.check_weights`."""
        if not self._whole:
            try:
                check_weights(self.weights)
            except UserError as error:
                raise UserError(f"{self._where}: {error}; export the bundle again") from error
            self._whole = True

    def _checked(self, indices: Indices, wanted: list[str]) -> Indices:
        for name in wanted:
            if name not in indices:
                raise UserError(f"indices of level {name} are missing; this model has {', '.join(self.levels)}")
            grid, codes = np.asarray(indices[name]), self.levels[name].codes
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
        ratio = zip(coarse, self.weights.config.multiple, self.levels[fine].strides, strict=True)
        return tuple(size * c // f for size, c, f in ratio)


def _check_covered(shape: Any, grid: Grid, strides: Grid) -> None:
    """Raises a `UserError` unless `shape` is frames, height and width of which a grid covers all."""
    covered = tuple(size * stride for size, stride in zip(grid, strides, strict=True))
    sizes = tuple(shape) if isinstance(shape, list | tuple) else ()
    fits = len(sizes) == 3 and all(is_whole(s) and 1 <= s <= c for s, c in zip(sizes, covered, strict=True))
    if not fits:
        raise UserError(f"shape={shape!r} is not allowed; expected frames, height and width from 1 to {covered}")


def pad_to_multiple(frames_THWC: np.ndarray, multiple: tuple[int, int, int]) -> np.ndarray:
    """Repeats the last frame, row and column until frames, height and width are multiples."""
    extra = [(0, -size % m) for size, m in zip(frames_THWC.shape[:3], multiple, strict=True)]
    return np.pad(frames_THWC, [*extra, (0, 0)], mode="edge") if any(after for _, after in extra) else frames_THWC
