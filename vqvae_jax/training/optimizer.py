"""Adam or Muon, the schedule, and the moving average of the weights."""

from dataclasses import dataclass
from typing import Literal

import jax
import optax
from optax.contrib import MuonDimensionNumbers, muon

from vqvae_jax.config import check, check_choices
from vqvae_jax.training.state import PyTree

#: Root mean square of a typical update of Adam, in learning rates (Liu et al. 2025, 2.2).
ADAM_RMS = 0.2
#: Of the peak, what `constant_cosine` ends at.
LAST_SHARE = 0.02


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimiser. The defaults are the paper's: Adam, 2e-4 at batch 8, cosine annealing to zero."""

    algorithm: Literal["adam", "muon"] = "adam"
    """Adam, or Muon (Jordan et al. 2024) for convolution kernels and Adam with Nesterov's momentum for the rest; at one
    learning rate, since Muon's updates are scaled to the size of Adam's (Liu et al. 2025)."""
    learning_rate: float = 2e-4
    """Peak learning rate at a global batch of `reference_batch` clips."""
    adam_learning_rate: float = 0.0
    """With Muon, what Adam's part learns at, in place of `learning_rate`; 0 for the same."""
    fast_learning_rate: float = 0.0
    """With Muon, what vectors and tables learn at (biases, scales, gains); 0 for the same as Adam's part."""
    batch_rule: Literal["none", "sqrt", "linear"] = "sqrt"
    """How it follows the global batch B: times 1, sqrt(B / reference_batch) or B / reference_batch."""
    reference_batch: int = 8
    """Global batch at which `learning_rate` is meant."""
    b1: float = 0.9
    """Decay of Adam's first moment."""
    b2: float = 0.999
    """Decay of Adam's second moment."""
    schedule: Literal["cosine", "constant", "constant_decay", "constant_cosine"] = "cosine"
    """After the warm-up: cosine to zero, constant, constant and then linear to zero, or constant and then a cosine to
    2 %."""
    warmup_steps: int = 0
    """Steps of linear warm-up from zero."""
    decay_fraction: float = 0.2
    """Share of all steps that the decay of `constant_decay` and `constant_cosine` takes."""
    clip_norm: float = 0.0
    """Gradients are scaled to at most this global norm; 0 for no clipping."""
    weight_ema: float = 0.0
    """Decay of a moving average of the weights, used for evaluation; 0 for none."""
    weight_ema_start: Literal["forgotten", "kept"] = "forgotten"
    """Whether the average forgets soon what it began with, or holds on to that as to any other weights: right where a
    run starts from good ones, and sees few clips (fine-tuning, Wortsman et al. 2022)."""

    def __post_init__(self) -> None:
        check(self.learning_rate > 0, "optimizer.learning_rate", self.learning_rate, "a number above 0")
        check_choices(self, "optimizer")
        check(self.reference_batch >= 1, "optimizer.reference_batch", self.reference_batch, "at least 1")
        for name in ("b1", "b2", "weight_ema"):
            check(0 <= getattr(self, name) < 1, f"optimizer.{name}", getattr(self, name), "a number in [0, 1)")
        for name in ("adam_learning_rate", "fast_learning_rate"):
            value, wanted = (
                getattr(self, name),
                "a number of at least 0" if self.algorithm == "muon" else "0 without Muon",
            )
            check(value == 0 or (self.algorithm == "muon" and value > 0), f"optimizer.{name}", value, wanted)
        check(self.warmup_steps >= 0, "optimizer.warmup_steps", self.warmup_steps, "a whole number of at least 0")
        check(0 < self.decay_fraction <= 1, "optimizer.decay_fraction", self.decay_fraction, "a number in (0, 1]")
        check(self.clip_norm >= 0, "optimizer.clip_norm", self.clip_norm, "a number of at least 0")

    def peak(self, global_batch: int) -> float:
        """The peak learning rate at this global batch."""
        ratio = global_batch / self.reference_batch
        return self.learning_rate * {"none": 1.0, "sqrt": ratio**0.5, "linear": ratio}[self.batch_rule]


def learning_rate_schedule(config: OptimizerConfig, steps: int, global_batch: int) -> optax.Schedule:
    """Learning rate by step: linear warm-up, then the configured shape; `steps` in all."""
    peak = config.peak(global_batch)
    warmup = min(config.warmup_steps, max(steps - 1, 0))
    rest = max(steps - warmup, 1)
    if config.schedule == "cosine":
        after = optax.cosine_decay_schedule(peak, rest)
    elif config.schedule == "constant":
        after = optax.constant_schedule(peak)
    else:
        decay = max(min(round(config.decay_fraction * steps), rest), 1)
        if config.schedule == "constant_decay":
            after = optax.linear_schedule(peak, 0.0, decay, transition_begin=rest - decay)
        else:
            down = optax.cosine_decay_schedule(peak, decay, alpha=LAST_SHARE)
            after = optax.join_schedules([optax.constant_schedule(peak), down], [rest - decay])
    if warmup == 0:
        return after
    # The first step already moves: the ramp ends at the peak on step `warmup`, not one later.
    ramp = optax.linear_schedule(peak / (warmup + 1), peak, warmup)
    return optax.join_schedules([ramp, after], [warmup])


def make_optimizer(
    config: OptimizerConfig, steps: int, global_batch: int, schedule: optax.Schedule | None = None
) -> optax.GradientTransformation:
    """The configured algorithm behind optional clipping of the global gradient norm, on a schedule of its own or on
    `learning_rate_schedule`."""
    schedule = schedule or learning_rate_schedule(config, steps, global_batch)
    if config.algorithm == "muon":
        others = _scaled(schedule, config.adam_learning_rate / config.learning_rate)
        steps_taken = muon(
            schedule,
            consistent_rms=ADAM_RMS,
            adam_b1=config.b1,
            adam_b2=config.b2,
            adam_learning_rate=others,
            muon_weight_dimension_numbers=kernels_as_matrices,
        )
        if config.fast_learning_rate:
            faster = config.fast_learning_rate / (config.adam_learning_rate or config.learning_rate)
            steps_taken = optax.chain(steps_taken, optax.masked(optax.scale(faster), small_leaves))
    else:
        steps_taken = optax.adam(schedule, b1=config.b1, b2=config.b2)
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), steps_taken) if config.clip_norm else steps_taken


def _scaled(schedule: optax.Schedule, factor: float) -> optax.Schedule:
    """A schedule times a factor; 0 leaves it as it is."""
    return (lambda step: factor * schedule(step)) if factor else schedule


def small_leaves(params: PyTree) -> PyTree:
    """Vectors and tables: true for every leaf of two axes at most."""
    return jax.tree.map(lambda leaf: leaf.ndim <= 2, params)


def kernels_as_matrices(params: PyTree) -> PyTree:
    """For every kernel [(kt,) kh, kw, in, out] how Muon sees it, (kt kh kw in) x out; None for all other leaves."""

    def seen(leaf: jax.Array) -> MuonDimensionNumbers | None:
        last = leaf.ndim - 1
        return MuonDimensionNumbers(reduction_axis=tuple(range(last)), output_axis=last) if last in (3, 4) else None

    return jax.tree.map(seen, params)


def average_weights(
    average: PyTree | None, params: PyTree, settings: OptimizerConfig, step: jax.Array
) -> PyTree | None:
    """One step of the weights' moving average; where it shall forget its start soon, the decay starts low."""
    if average is None:
        return None
    decay = jax.numpy.asarray(settings.weight_ema)
    if settings.weight_ema_start == "forgotten":
        decay = jax.numpy.minimum(decay, (1.0 + step) / (10.0 + step))
    return optax.incremental_update(params, average, 1.0 - decay)
