"""Models: clips to codes and back."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax import packaged
from vqvae_jax.api.arguments import described, in_python, in_range, pixels, shaped
from vqvae_jax.codec import interface
from vqvae_jax.errors import UserError
from vqvae_jax.families import load_model, run_model, token_model

Step = int | Literal["best", "latest"]

_KEPT = 4  # models that were loaded from files: each is compiled once for every size of clip


class Model:
    """A model; `load` makes one, and use does not change it.

    Attributes:
      name: of the experiment that it comes from.
      digest: SHA-256 of its bundle, hexadecimal; empty if it was loaded from a run.
      clip: frames, height and width of the clips that it was trained on. Others can be coded.
      levels: `Level` by name, coarse first; empty if its codes are no indices: such a model codes videos alone.

    It can be pickled and copied: another process loads it again from where it was loaded.
    """

    def __init__(self, model: interface.Model, path: Path, step: Step = "best") -> None:
        self.name: str = model.name
        self.digest: str = model.digest
        self.clip: tuple[int, int, int] = model.clip
        self.levels: dict[str, interface.Level] = dict(getattr(model, "levels", {}))
        self._model = model
        self._from = path.absolute(), step

    def __reduce__(self) -> tuple[Any, ...]:
        return _same, (*self._from, self.digest)

    def __repr__(self) -> str:
        return f"<vqvae_jax.Model {self.name} {self.digest[:16] or 'of a run'}>"

    def encode(self, clips: Any) -> dict[str, np.ndarray]:
        """Codes of a clip or of a batch of clips.

        Args:
          clips: (T, H, W, 3) or (B, T, H, W, 3), RGB, every size from 1; uint8, or float in [0, 1], which is rounded to
            8 bits. NumPy or JAX. The last frame, row and column are repeated up to a multiple of the coarsest strides.

        Returns:
          By level, coarse first: int32 (t, h, w), or (B, t, h, w) for a batch.

        Raises:
          UserError: if the array is not of that form.
        """
        checked = pixels(clips, "clips")
        model = token_model(self._model)
        if checked.ndim == 4:
            return model.encode(checked)
        coded = [model.encode(clip) for clip in checked]
        return {level: np.stack([codes[level] for codes in coded]) for level in self.levels}

    def decode(
        self, codes: Mapping[str, Any], shape: tuple[int, int, int] | None = None, level: str | None = None
    ) -> np.ndarray:
        """Clips of codes.

        Args:
          codes: as `encode` returns them. NumPy or JAX.
          shape: frames, height and width to cut to, each from 1 to what the codes cover; by default all of it.
          level: the coarsest level's name decodes it alone, a preview; the others need not be given then. The finest
            one's stands for all.

        Returns:
          uint8 (T, H, W, 3), or (B, T, H, W, 3) for a batch.

        Raises:
          UserError: if levels, shapes or codes do not fit the model.
        """
        if not isinstance(codes, Mapping):
            raise UserError(f"codes: expected indices by level ({', '.join(self.levels)}), found {described(codes)}")
        grids = {name: np.asarray(grid) for name, grid in codes.items()}
        model = token_model(self._model)
        if others := [name for name in grids if name not in self.levels]:
            raise UserError(f"codes: level {others[0]!r} does not exist; this model has {', '.join(self.levels)}")
        batches = {grid.shape[0] if grid.ndim == 4 else None for grid in grids.values()}
        if batches <= {None}:
            return model.decode(grids, shape, level)
        if len(batches) > 1 or batches == {0}:
            found = ", ".join(f"{name} {described(grid)}" for name, grid in grids.items())
            raise UserError(f"codes: levels are not of one batch of clips: {found}")
        clips = (dict(zip(grids, clip, strict=True)) for clip in zip(*grids.values(), strict=True))
        return np.stack([model.decode(clip, shape, level) for clip in clips])

    def latents(self, clips: Any) -> dict[str, Array]:
        """Vectors before quantisation. A pure function: it jits, differentiates and maps over devices.

        A finer level sees the quantised coarser one; gradients pass through that as if it were not quantised.

        Args:
          clips: as for `encode`, but floats are not rounded, and JAX arrays are not asked whether they lie in [0, 1].

        Returns:
          By level, coarse first: float32 (t, h, w, D), or (B, t, h, w, D) for a batch.

        Raises:
          UserError: if the array is not of that form.
        """
        x = jnp.asarray(shaped(clips, "clips") if isinstance(clips, Array) else in_range(clips, "clips"))
        x = x.astype(jnp.float32) / 255.0 if x.dtype == jnp.uint8 else x.astype(jnp.float32)
        found = token_model(self._model).latents(x if x.ndim == 5 else x[None])
        return {level: z if x.ndim == 5 else z[0] for level, z in found.items()}


def load(source: str | os.PathLike[str] | None = None, step: Step = "best") -> Model:
    """Loads a model.

    Args:
      source: the name of a bundle of the package (see `models`), a bundle's file, or the folder of a training run; by
        default `$VQVAE_JAX_BUNDLE`, else the package's default.
      step: of a run: its best step (the latest, if none was validated), its latest, or a number.

    Raises:
      UserError: if there is no such model, it cannot be read, or a package that reads it is not installed.
    """
    if not isinstance(source, str | os.PathLike | None):
        raise UserError(f"source: expected the name of a model, a file or a folder, found {described(source)}")
    try:
        path = packaged.bundle_path(source if source is None else os.fspath(source))
        if step != "best" and not path.is_dir():
            raise UserError(f"step={step!r}: {path.name} is a bundle, which is of one step; runs have several")
        return Model(run_model(path, step), path, step) if path.is_dir() else load_file(path)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise UserError(f"{source}: reading it needs the package {package}: pip install {package}") from error
    except UserError as error:
        raise in_python(error) from error


def models() -> list[str]:
    """Names of the models that come with the package."""
    return list(packaged.packaged())


def load_file(path: Path) -> Model:
    """The model of a bundle's file. Files that did not change are read once.

    Raises:
      UserError: if it cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    return _loaded(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(_KEPT)
def _loaded(path: Path, _changed: int, _size: int) -> Model:
    return Model(load_model(path), path)


def _same(path: Path, step: Step, digest: str) -> Model:
    """A model that was pickled.

    Raises:
      UserError: if there is another one now.
    """
    found = load(path, step)
    if found.digest != digest:
        raise UserError(f"{path}: is another model than the one that was pickled, {digest[:16]}")
    return found
