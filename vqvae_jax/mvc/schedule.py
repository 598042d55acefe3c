"""Learning rates over a fit, and its parts."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from vqvae_jax.mvc.experiment import Experiment

WARMUP, WARMUP_FROM = 0.2, 0.1  # share of the steps, share of the learning rate
FALL, FALLS, EPOCHS = 0.9, 90, 10  # a fall every ten epochs, ninety in all (Tang et al. 2023, IV-A)


class Phase(NamedTuple):
    """A part of the fit."""

    name: str
    first: int  # steps done when it begins
    rounds: bool  # weights and embeddings are rounded
    counts: bool  # bits of weights count, on grids that are learned


def phases(experiment: Experiment, steps: int) -> tuple[Phase, ...]:
    """The parts of a fit of so many steps, in order; those of no step are left out."""
    fit = experiment.fit
    ends = steps - round(fit.rate_share * steps) if fit.rate else steps
    rounds = min(steps - round(fit.quantised * steps), ends)
    found = [Phase("fit", 0, False, False), Phase("rounded", rounds, True, False), Phase("rate", ends, True, True)]
    starts = [*(phase.first for phase in found[1:]), steps]
    kept = [phase for phase, end in zip(found, starts, strict=True) if end > phase.first]
    return tuple(kept) or (found[0],)


def learning_rates(experiment: Experiment, steps: int) -> optax.Schedule:
    """By step, of `steps` in all."""
    fit, epoch = experiment.fit, experiment.model.frames // experiment.data.batch_size
    if fit.schedule == "mvc":
        return lambda step: fit.learning_rate * FALL ** (step // (EPOCHS * epoch))
    if fit.schedule == "scale":
        return lambda step: fit.learning_rate * FALL ** jnp.floor(step * FALLS / steps)
    warm = max(round(WARMUP * steps), 1)

    def enerv(step: jnp.ndarray) -> jnp.ndarray:
        rising = WARMUP_FROM + (1 - WARMUP_FROM) * step / warm
        falling = 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip((step - warm) / max(steps - warm, 1), 0, 1)))
        return fit.learning_rate * jnp.where(step < warm, rising, falling)

    return enerv
