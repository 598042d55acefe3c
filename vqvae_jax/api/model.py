"""Models: clips to codes and back."""

import functools
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vqvae_jax import packaged
from vqvae_jax.api.arguments import described, in_python, in_range, pixels, shaped
from vqvae_jax.codec.bundle import Bundle, load_bundle
from vqvae_jax.codec.tokenizer import Tokenizer
from vqvae_jax.errors import UserError

_KEPT = 4  # models that were loaded from files: each is compiled once for every size of clip


class Level(NamedTuple):
    """A level of a model's codes."""

    codes: int  # size of the codebook; indices lie in [0, codes)
    dim: int  # width of a code's vector
    strides: tuple[int, int, int]  # frames, rows and columns for one index


class Model:
    """A model; `load` makes one, and use does not change it.

    Attributes:
      name: of the experiment that it comes from.
      digest: SHA-256 of its bundle, hexadecimal; empty if it was loaded from a run.
      clip: frames, height and width of the clips that it was trained on. Others can be coded.
      levels: `Level` by name, coarse first.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.name: str = bundle.name
        self.digest: str = bundle.digest
        self.clip: tuple[int, int, int] = bundle.model.clip
        self.levels: dict[str, Level] = {
            name: Level(level.codes, level.dim, level.strides) for name, level in bundle.model.levels.items()
        }
        self._bundle, self._tokenizer, self._vectors = bundle, Tokenizer(bundle), _vectors(bundle)

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
        if checked.ndim == 4:
            return self._tokenizer.encode(checked)
        coded = [self._tokenizer.encode(clip) for clip in checked]
        return {level: np.stack([codes[level] for codes in coded]) for level in self.levels}

    def decode(
        self, codes: Mapping[str, Any], shape: tuple[int, int, int] | None = None, level: str | None = None
    ) -> np.ndarray:
        """Clips of codes.

        Args:
          codes: as `encode` returns them. NumPy or JAX.
          shape: frames, height and width to cut to; by default all that the codes cover.
          level: the coarsest level's name decodes it alone, a preview; the others need not be given then.

        Returns:
          uint8 (T, H, W, 3), or (B, T, H, W, 3) for a batch.

        Raises:
          UserError: if levels, shapes or codes do not fit the model.
        """
        if not isinstance(codes, Mapping):
            raise UserError(f"codes: expected indices by level ({', '.join(self.levels)}), found {described(codes)}")
        grids = {name: np.asarray(grid) for name, grid in codes.items()}
        batches = {grid.shape[0] if grid.ndim == 4 else None for grid in grids.values()}
        if batches <= {None}:
            return self._tokenizer.decode(grids, shape, level)
        if len(batches) > 1 or batches == {0}:
            found = ", ".join(f"{name} {described(grid)}" for name, grid in grids.items())
            raise UserError(f"codes: levels are not of one batch of clips: {found}")
        clips = (dict(zip(grids, clip, strict=True)) for clip in zip(*grids.values(), strict=True))
        return np.stack([self._tokenizer.decode(clip, shape, level) for clip in clips])

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
        batch = x if x.ndim == 5 else x[None]
        coarse = next(iter(self.levels.values())).strides
        extra = [(0, -size % stride) for size, stride in zip(batch.shape[1:4], coarse, strict=True)]
        found = self._vectors(jnp.pad(batch, [(0, 0), *extra, (0, 0)], mode="edge"))
        return {level: found[level] if x.ndim == 5 else found[level][0] for level in self.levels}


def load(source: str | os.PathLike[str] | None = None, step: int | Literal["best", "latest"] = "best") -> Model:
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
        return Model(_bundle_of_run(path, step)) if path.is_dir() else load_file(path)
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
    return Model(load_bundle(path))


def _vectors(bundle: Bundle) -> Any:
    """From [B, T, H, W, 3] float32 in [0, 1], sizes multiples of the strides, to vectors by level."""
    from vqvae_jax.msvqvae.model import MSVQVAE
    from vqvae_jax.msvqvae.reconstruct import latents

    compiled = jax.jit(functools.partial(latents, MSVQVAE(replace(bundle.model, dtype="float32"))))
    return functools.partial(compiled, bundle.params, bundle.codebooks)


def _bundle_of_run(run: Path, step: int | Literal["best", "latest"]) -> Bundle:
    """A run's model as a bundle without digest and entropy model."""
    from vqvae_jax.evaluation.snapshot import load_snapshot, open_run

    checkpoints = open_run(run)
    steps = checkpoints.steps()
    if not steps:
        raise UserError(f"run {run} has no checkpoint yet")
    if not isinstance(step, int):
        if step not in ("best", "latest"):
            raise UserError(f"step={step!r}; expected best, latest or a number")
        best = checkpoints.best_step() if step == "best" else None
        step = steps[-1] if best is None else best
    found = load_snapshot(checkpoints, step)
    return Bundle(found.experiment.name, found.experiment.model, found.params, found.codebooks, {}, "", {})
