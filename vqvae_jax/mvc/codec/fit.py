"""A video to the scenes of a file: cuts, a network for each scene, its fit as a run, its weights as whole numbers."""

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.codec.interface import FitWish
from vqvae_jax.errors import MismatchError, UserError
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.mvc.codec.cuts import scene_starts
from vqvae_jax.mvc.codec.embedding import write_group
from vqvae_jax.mvc.codec.frames import Program
from vqvae_jax.mvc.codec.model import GROUP, MvcModel
from vqvae_jax.mvc.codec.plan import BITS_PER_NUMBER, BITS_PER_WEIGHT, plan
from vqvae_jax.mvc.codec.scene import Scene, Tensor, write_scene
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.context import embed, pad, scene_context
from vqvae_jax.mvc.count import formula_bits, parameters
from vqvae_jax.mvc.experiment import Experiment, FitConfig
from vqvae_jax.mvc.quantise import Grid, codes, range_grid, step_grid
from vqvae_jax.mvc.scene import Fitted, fit_scene, fitted
from vqvae_jax.mvc.weights import decoder_shapes
from vqvae_jax.training.config import TrainingConfig

LEAST_FRAMES = 24  # of a scene: what is shorter costs more by its own network than by a cut within another's
BITS = (6, 7, 8)  # of weights on ranges, tried beside learned steps
#: Of a wished-for size, what is near enough: other steps than the learned ones cost quality, as weights have come to
#: lie on their multiples (docs/results/mvc.md).
NEAR = 0.05
TRIES = 8  # lengths of steps
MOST_OCTAVES = 4.0  # by which they are longer or shorter than the learned ones
#: What a bit per pixel is worth to the objective, times the bits per pixel that are planned: so that the same relative
#: change of the rate is worth the same at every rate (docs/mvc.md).
RATE_TIMES_BPP = 0.3
#: What of two ways to round is better: so many dB are worth as much as half the bytes. HiNeRV (Kwan et al. 2023) gains
#: 1.0 to 1.5 dB on UVG with twice the rate.
DB_PER_OCTAVE = 1.3
SMALL = 200_000  # weights up to which a fit learns twice as fast


class Sized(NamedTuple):
    """One way to round a fit, and what it costs."""

    scene: Scene
    bits: float  # see `Rounded`
    size: int


class Rounded(NamedTuple):
    """One way to round a fit."""

    scene: Scene
    bits: float  # of a weight's range; of learned steps the mean over weights of log2 of their levels
    size: int  # bytes
    psnr: float  # dB, of frames in 8 bits, as decoded; mean over frames

    @property
    def worth(self) -> float:
        """In dB."""
        return self.psnr - DB_PER_OCTAVE * math.log2(self.size)


def fit_video(clip_THWC: np.ndarray, wish: FitWish, run: Path) -> MvcModel:
    """See `families.FittedFamily`.

    Raises:
      SystemExit: with 128 + signal, if a signal came; the run has what was done until then.
      UserError: if nothing of that size can be fitted, or the run is of another video or other options.
    """
    starts = scene_starts(clip_THWC, LEAST_FRAMES)
    parts = [clip_THWC[a:b] for a, b in zip(starts, [*starts[1:], len(clip_THWC)], strict=True)]
    configs = plan([len(part) for part in parts], clip_THWC.shape[1:3], wish)
    found = []
    for number, (frames, config) in enumerate(zip(parts, configs, strict=True)):
        experiment, folder = experiment_for(config, wish), run / f"scene_{number}"
        try:
            code = fit_scene(experiment, frames, folder, f"scene {number}")
        except MismatchError as error:
            raise UserError(
                f"{folder} holds the fit of another video, size or length, or one with other options; the command that "
                "began it goes on with it, another --run begins anew"
            ) from error
        if code:
            sys.exit(code)
        found.append(best_rounding(experiment, fitted(experiment, folder), frames))
    model = MvcModel([each.scene for each in found], experiment.fit.embed_bits)
    model.origin = summary(found, experiment.fit.embed_bits)
    return model


def experiment_for(config: MvcConfig, wish: FitWish) -> Experiment:
    """How a scene is fitted."""
    planned = formula_bits(config, BITS_PER_WEIGHT, BITS_PER_NUMBER) / math.prod(config.clip)
    rate = RATE_TIMES_BPP / planned
    fit = FitConfig(learning_rate=1e-3 if parameters(config) < SMALL else 5e-4, rate=rate, bpp=wish.bpp or 0.0)
    epoch = config.frames
    steps = wish.epochs * epoch
    training = TrainingConfig(
        epochs=wish.epochs,
        log_every=min(epoch, 100),
        checkpoint_every=max(steps // 20, 1),
        validate_every=max(steps // 10, 1),
        validation_clips=1,
        picture_every=0,
    )
    return Experiment(name="mvc", model=config, fit=fit, training=training)


def best_rounding(experiment: Experiment, state: Fitted, frames_THWC: np.ndarray) -> Rounded:
    """The weights as whole numbers. Of a fit that has a rate to meet: on steps that meet it. Else the best of learned
    steps, if there are any, and ranges of some bits.
    """
    config, fit = experiment.model, experiment.fit
    context = scene_context(config, pad(config, frames_THWC))
    numbers = embed(config, state.params.training, context, jnp.arange(config.frames))
    embedding = None
    if numbers is not None:
        values = np.asarray(numbers)
        embedding = tensor(values, range_grid(values, fit.embed_bits, "out"))

    def sized(bits: int | None, octaves: float = 0.0) -> Sized:
        weights = tuple(tensor(x, grid) for x, grid in grids(config, state, bits, octaves))
        scene = Scene(config, weights, embedding)
        levels = sum(t.numbers.size * math.log2(int(t.numbers.max()) + 1) for t in weights)
        return Sized(scene, levels / parameters(config) if bits is None else bits, size_of(scene))

    if fit.bpp and state.learned:
        wanted = fit.bpp * math.prod(config.clip) / 8
        tried = [of_size(lambda octaves: sized(None, octaves), wanted, parameters(config))]
    else:
        tried = [sized(bits) for bits in ((None, *BITS) if state.learned else BITS)]
    return max((Rounded(*each, psnr_of(each.scene, frames_THWC)) for each in tried), key=lambda each: each.worth)


def of_size(sized: Callable[[float], Sized], wanted: float, weights: int) -> Sized:
    """Of so many octaves longer steps those that come nearest to so many bytes."""
    octaves, found = 0.0, list[Sized]()
    for _ in range(TRIES):
        found.append(sized(octaves))
        over = found[-1].size - wanted
        if abs(over) < NEAR * wanted:
            break
        # Steps of twice the length save a bit of a weight at most, so the length is approached from one side.
        octaves = min(max(octaves + 8 * over / weights, -MOST_OCTAVES), MOST_OCTAVES)
    return min(found, key=lambda each: abs(each.size - wanted))


def grids(
    config: MvcConfig, state: Fitted, bits: int | None, octaves: float = 0.0
) -> Iterable[tuple[np.ndarray, Grid]]:
    """Weights in canonical order, and the grid of each: of its range, or without bits of its learned step, longer by so
    many octaves.
    """
    for index, name in enumerate(decoder_shapes(config)):
        x = np.asarray(state.params.decoder[name])
        if bits is not None:
            yield x, range_grid(x, bits)
        else:
            assert state.params.learned is not None
            yield x, step_grid(x, math.exp(float(state.params.learned.log_step[index])) * 2**octaves)


def tensor(x: np.ndarray, grid: Grid) -> Tensor:
    """On its grid."""
    return Tensor(codes(x, grid), grid)


def groups_of(frames: int) -> list[slice]:
    """Of a scene that begins with a group."""
    return [slice(at, min(at + GROUP, frames)) for at in range(0, frames, GROUP)]


def size_of(scene: Scene) -> int:
    """Bytes of weights and embeddings."""
    groups = groups_of(scene.config.frames)
    content, tables = write_scene(scene, groups)
    e = scene.embedding
    return len(content) + (
        0 if e is None else sum(len(write_group(tables, e.numbers[group], e.grid.levels)) for group in groups)
    )


def psnr_of(scene: Scene, frames_THWC: np.ndarray) -> float:
    """Of what a decoder shows of it."""
    weights = dict(zip(decoder_shapes(scene.config), (t.values for t in scene.weights), strict=True))
    program, found = Program(scene.config, weights), list[float]()
    for group in groups_of(scene.config.frames):
        embedding = None if scene.embedding is None else scene.embedding.values[group]
        shown = program.frames(range(group.start, group.stop), embedding)
        found += np.asarray(_psnr(frames_THWC[None, group], shown[None]))[0].tolist()
    return float(np.mean(found))


_psnr = jax.jit(frame_psnr)


def summary(scenes: Sequence[Rounded], embed_bits: int) -> dict[str, object]:
    """Of a video, as JSON values: `formula_bpp` as the paper counts, `entropy_bpp` by tensor, neither with headers."""
    frames = [each.scene.config.frames for each in scenes]
    pixels = sum(math.prod(each.scene.config.clip) for each in scenes)
    formula = sum(formula_bits(each.scene.config, each.bits, embed_bits) for each in scenes)
    return {
        "scenes": frames,
        "parameters": [parameters(each.scene.config) for each in scenes],
        "channels": [each.scene.config.channels for each in scenes],
        "weight_bits": [each.bits for each in scenes],
        "formula_bpp": formula / pixels,
        "entropy_bpp": sum(each.scene.entropy_bits for each in scenes) / pixels,
        "psnr": float(np.average([each.psnr for each in scenes], weights=frames)),
    }
