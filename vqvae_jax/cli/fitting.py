"""The part of `vqvae-jax encode` that fits a model to the video: which options go together, and the fit."""

import contextlib
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from vqvae_jax.codec.interface import FitWish, Model
from vqvae_jax.data.memory import free_memory
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.families import fitted_family

_UNITS = {"": 1, "k": 1_000, "M": 1_000_000}


class FitOptions(Protocol):
    """Options about the fit; see `vqvae-jax encode --help`."""

    @property
    def out(self) -> Path: ...

    @property
    def family(self) -> str | None: ...

    @property
    def bundle(self) -> Path | None: ...

    @property
    def target_bpp(self) -> float | None: ...

    @property
    def target_bytes(self) -> int | None: ...

    @property
    def bpp(self) -> float | None: ...

    @property
    def parameters(self) -> str | None: ...

    @property
    def epochs(self) -> int | None: ...

    @property
    def run(self) -> Path | None: ...


def check_fitting(options: FitOptions) -> None:
    """Raises a `UserError` for options that do not go with a fit, or with coding by a bundle."""
    if options.family is None:
        for name in ("bpp", "parameters", "epochs", "run"):
            if (value := getattr(options, name)) is not None:
                hint = "; --target-bpp chooses a quality" if name == "bpp" else ""
                raise UserError(f"{name}={value} is for a model that is fitted to the video: --family mvc{hint}")
        return
    fitted_family(options.family)
    for name in ("bundle", "target_bpp", "target_bytes"):
        if (value := getattr(options, name)) is not None:
            instead = "leave it out" if name == "bundle" else "--bpp or --parameters sets its size"
            raise UserError(f"{name.replace('_', '-')}={value}: family {options.family} fits its own model; {instead}")
    if options.run is not None and options.run.absolute() == options.out.absolute():
        raise UserError(f"run={options.run}: is the file that is to be written; give the fit a folder of its own")
    wish_of(options)


def wish_of(options: FitOptions) -> FitWish:
    """What is asked for.

    Raises:
      UserError: if it is nothing that can be had.
    """
    parameters = None if options.parameters is None else parse_count(options.parameters)
    given = {} if options.epochs is None else {"epochs": options.epochs}
    return FitWish(options.bpp, parameters, **given)


def parse_count(text: str) -> int:
    """A number such as 250000, 250k or 1.8M.

    Raises:
      UserError: if it is none.
    """
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([kM]?)", text)
    count = 0 if match is None else round(float(match[1]) * _UNITS[match[2]])
    if count < 1:
        raise UserError(f"parameters={text!r}; expected a number such as 250000, 250k or 1.8M")
    return count


def fitted(options: FitOptions, frames: Iterable[np.ndarray]) -> tuple[Model, np.ndarray]:
    """A model of the video, and its frames, all in memory: uint8 (T, H, W, 3).

    Raises:
      UserError: if the fit is refused, or was stopped by a signal and can be gone on with.
    """
    assert options.family is not None
    clip = _in_memory(frames)
    if options.run is None:
        say("no --run: a fit that is stopped is not gone on with", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        run = options.run or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vqvae-jax-fit-")))
        _check_run(run)
        try:
            return fitted_family(options.family).fit_video(clip, wish_of(options), run), clip
        except SystemExit:
            if options.run is None:
                say("but in a temporary folder, which is gone; --run DIR keeps a fit to go on with", file=sys.stderr)
            raise


def _check_run(run: Path) -> None:
    """Raises a `UserError` if the folder has other things than fits of scenes."""
    there = sorted(path.name for path in run.iterdir()) if run.is_dir() else []
    if others := [name for name in there if not re.fullmatch(r"scene_[0-9]+", name)]:
        raise UserError(f"run {run} holds other things ({', '.join(others[:3])} ...); give a new folder or a fit's")


def _in_memory(frames: Iterable[np.ndarray]) -> np.ndarray:
    """All frames, [T, H, W, 3].

    Raises:
      UserError: if they are more than the memory that is free holds twice, as a fit does.
    """
    found, free = list[np.ndarray](), free_memory()
    for frame in frames:
        found.append(frame)
        if free is not None and 2 * len(found) * frame.nbytes > free:
            raise UserError(
                f"a fit has all frames in memory, and {len(found):,} of {frame.shape[1]}x{frame.shape[0]} are half of "
                f"the {free / 2**30:.1f} GiB that are free; a part of the video, or a smaller --size"
            )
    return np.stack(found)


def fit_line(model: Model, bpp: float, wished: float | None = None) -> str:
    """Three counts of bits, of which the file's is the rate, what was asked for, and the quality."""
    fit = model.origin
    weights = f"{sum(fit['parameters']):,} weights in {number_of(len(fit['scenes']), 'scene')}"
    bits = ", ".join(f"{bits:.3g}" for bits in fit["weight_bits"])
    rates = f"formula {fit['formula_bpp']:.4f}, entropy {fit['entropy_bpp']:.4f}, file {bpp:.4f} bpp"
    rates += "" if wished is None else f" of {wished:g} asked for"
    return f"{weights} of {bits} bits; {rates}; PSNR {fit['psnr']:.2f} dB"
