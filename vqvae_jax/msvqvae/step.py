"""The train step: pure, written per device, mapped by `vqvae_jax.training.mapping`."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.objective import Gradients, batch_gradients
from vqvae_jax.quantization.codebook import Codebook, unit_mean_square
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.quantization.ema import Statistics, update
from vqvae_jax.quantization.revival import replace_by_samples, split_busiest
from vqvae_jax.training.mapping import AXIS
from vqvae_jax.training.optimizer import average_weights
from vqvae_jax.training.state import TrainState


class StepMetrics(NamedTuple):
    """What a step reports; stays on the device until it is logged."""

    scalars: dict[str, Array]  # [] float32
    counts: dict[str, Array]  # by level, [K] float32, vectors of the global batch per code
    finite: Array  # [] bool: loss and gradient


TrainStep = Callable[[TrainState, Array, Array, VggTrunk | None], tuple[TrainState, StepMetrics]]


def make_train_step(experiment: Experiment, optimizer: optax.GradientTransformation) -> TrainStep:
    """`train_step(state, clips, key, trunk) -> (state, metrics)`, per device inside the axis `AXIS`.

    The trunk of the perceptual loss travels as an argument: constants of the program would be copied and folded by the
    compiler. Codebooks never pass through the optimiser.

    Args:
      experiment: model, losses, quantiser.
      optimizer: of `make_optimizer`.
    """
    model, quantizer = MSVQVAE(experiment.model), experiment.quantizer

    def train_step(
        state: TrainState, clips_BTHWC: Array, key: Array, trunk: VggTrunk | None
    ) -> tuple[TrainState, StepMetrics]:
        key = jax.random.fold_in(key, state.step)
        drop = level_dropout(experiment.model, key, clips_BTHWC.shape[0])
        gradients = batch_gradients(
            model,
            experiment.loss,
            state.params,
            state.codebooks,
            clips_BTHWC,
            drop,
            trunk,
            state.perceptual_weight,
            experiment.training.microbatches,
            quantizer.revive_at_most,
            state.step,
        )
        updates, opt_state = optimizer.update(gradients.params, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        moved = {
            name: move_codebook(
                quantizer, book, gradients.statistics[name], gradients.samples[name], experiment.model.unit_codes
            )
            for name, book in state.codebooks.items()
        }
        new = TrainState(
            step=state.step + 1,
            params=params,
            codebooks={name: book for name, (book, _) in moved.items()},
            opt_state=opt_state,
            ema_params=average_weights(state.ema_params, params, experiment.optimizer.weight_ema, state.step),
            perceptual_weight=state.perceptual_weight,
        )
        revived = {name: count for name, (_, count) in moved.items()}
        return new, step_metrics(gradients, new, revived, quantizer.dead_below)

    return train_step


def level_dropout(config: ModelConfig, key: Array, local_batch: int) -> Array | None:
    """This device's part of a draw over the global batch, so that the draw does not depend on the device count."""
    if config.top is None or config.level_dropout == 0:
        return None
    everyone = jax.random.bernoulli(key, config.level_dropout, (local_batch * lax.axis_size(AXIS),))
    return lax.dynamic_slice_in_dim(everyone, lax.axis_index(AXIS) * local_batch, local_batch)


def move_codebook(
    config: QuantizerConfig, codebook: Codebook, batch: Statistics, samples: Array, unit: bool = False
) -> tuple[Codebook, Array]:
    """EMA update, then revival of dead codes; returns the codebook and the number of codes revived.

    Args:
      config: how codes move.
      codebook: before the step.
      batch: counts and sums of the global batch.
      samples: vectors that may replace dead codes, the same on every device.
      unit: keep codes at unit mean square (`ModelConfig.unit_codes`).
    """
    codebook = update(codebook, batch, config.decay)
    if unit:
        codebook = codebook._replace(embeddings=unit_mean_square(codebook.embeddings))
    if config.revival == "split":
        return split_busiest(codebook, config.dead_below, config.revive_at_most)
    if config.revival == "sample":
        picked = samples[(jnp.arange(config.revive_at_most) * samples.shape[0]) // config.revive_at_most]
        return replace_by_samples(codebook, picked, config.dead_below)
    return codebook, jnp.zeros((), jnp.int32)


def step_metrics(gradients: Gradients, state: TrainState, revived: dict[str, Array], dead_below: float) -> StepMetrics:
    """Scalars for the log; `state` is the one after the step."""
    losses = gradients.losses
    grad_norm = optax.tree.norm(gradients.params)
    scalars = {
        "loss": losses.total,
        "reconstruction": losses.reconstruction,
        "commitment": losses.commitment,
        "perceptual": losses.perceptual,
        "weighted_perceptual": state.perceptual_weight * losses.perceptual,
        "psnr": -10.0 * jnp.log10(jnp.maximum(losses.squared_error, 1e-10)),
        "grad_norm": grad_norm,
    }
    for name, error in gradients.level_error.items():
        scalars[f"{name}/relative_error"] = error
        scalars[f"{name}/revived"] = revived[name].astype(jnp.float32)
        scalars[f"{name}/dead"] = jnp.sum(state.codebooks[name].counts < dead_below).astype(jnp.float32)
    counts = {name: batch.counts for name, batch in gradients.statistics.items()}
    return StepMetrics(scalars, counts, jnp.isfinite(losses.total) & jnp.isfinite(grad_norm))
