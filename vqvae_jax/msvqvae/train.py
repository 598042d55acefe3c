"""MS-VQ-VAE as a `Task`: how it starts, one train step, what validation and evaluation see of it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax

from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.metrics.codebook_health import perplexity, usage_share
from vqvae_jax.metrics.rate import bytes_to_bpp, deflate_bytes, entropy_bpp, formula_bpp, index_entropy
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.count import ModelCost, cost
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.model import MSVQVAE
from vqvae_jax.msvqvae.objective import training_loss
from vqvae_jax.msvqvae.reconstruct import Without, decode, encode
from vqvae_jax.msvqvae.start import abstract_state, new_state
from vqvae_jax.quantization.codebook import Codebook, unit_mean_square
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.quantization.moves import Statistics, replace_by_samples, split_busiest, update
from vqvae_jax.training.gradients import global_gradients
from vqvae_jax.training.mapping import AXIS
from vqvae_jax.training.optimizer import average_weights, learning_rate_schedule, make_optimizer
from vqvae_jax.training.state import PyTree, TrainState
from vqvae_jax.training.task import Estimates, Frozen, Reconstruction, Stage, Start, StepMetrics, Triple


class MSVQVAETask:
    """See `vqvae_jax.training.task.Task`.

    Args:
      experiment: model, losses, quantiser, optimiser.
      steps: of the whole run, for the schedule.
      trunk: of the perceptual loss; none leaves the term out, whatever gamma says.
    """

    carried = ("codebooks",)
    growing = ()
    renewed = ()

    def __init__(self, experiment: Experiment, steps: int, trunk: VggTrunk | None = None) -> None:
        self.experiment, self.constants = experiment, trunk
        self.frames = experiment.model.clip[0]
        self.stages = (Stage(self.step),)
        self.frozen = {} if trunk is None else {"vgg": Frozen(trunk.digest, trunk.provenance)}
        self._model = MSVQVAE(experiment.model)
        self._schedule = learning_rate_schedule(experiment.optimizer, steps, experiment.data.batch_size)
        self._optimizer = make_optimizer(experiment.optimizer, steps, experiment.data.batch_size)

    def check_clips(self, clip_shape: Triple, where: str) -> None:
        self.experiment.model.check_size(clip_shape, where)

    def init(self, key: Array, first_BTHWC: Array, start: Start | None = None) -> TrainState:
        return new_state(self.experiment, self._optimizer, key, first_BTHWC, self.constants, start)

    def abstract(self) -> TrainState:
        return abstract_state(self.experiment, self._optimizer)

    def step(
        self, state: TrainState, batch: Array, key: Array, constants: VggTrunk | None
    ) -> tuple[TrainState, StepMetrics]:
        experiment, quantizer = self.experiment, self.experiment.quantizer
        books, weight = state.extras["codebooks"], state.extras["perceptual_weight"]
        key = jax.random.fold_in(key, state.step)
        drop = level_dropout(experiment.model, key, batch.shape[0])
        loss = training_loss(
            self._model, experiment.loss, books, constants, weight, state.step, quantizer.revive_at_most
        )
        gradients = global_gradients(loss, state.params, (batch, drop), experiment.training.microbatches)
        updates, opt_state = self._optimizer.update(gradients.params, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        counted, energies = gradients.aux.sums
        unit = experiment.model.unit_codes
        # Codebooks never pass through the optimiser.
        moved = {
            name: move_codebook(quantizer, book, counted[name], gradients.aux.samples[name], unit)
            for name, book in books.items()
        }
        new = TrainState(
            step=state.step + 1,
            params=params,
            opt_state=opt_state,
            ema_params=average_weights(state.ema_params, params, experiment.optimizer, state.step),
            extras={"codebooks": {name: book for name, (book, _) in moved.items()}, "perceptual_weight": weight},
        )
        scalars = dict(gradients.aux.means)
        scalars["psnr"] = -10.0 * jnp.log10(jnp.maximum(scalars.pop("squared_error"), 1e-10))
        scalars["weighted_perceptual"] = weight * scalars["perceptual"]
        scalars["grad_norm"] = optax.tree.norm(gradients.params)
        totals = {}
        for name, (book, revived) in moved.items():
            energy = energies[name]
            scalars[f"{name}/relative_error"] = energy[0] / jnp.maximum(energy[1], 1e-12)
            scalars[f"{name}/dead"] = jnp.sum(book.counts < quantizer.dead_below).astype(jnp.float32)
            totals[f"{name}/revived"] = revived.astype(jnp.float32)
        finite = jnp.isfinite(scalars["loss"]) & jnp.isfinite(scalars["grad_norm"])
        return new, StepMetrics(scalars, totals, {name: batch.counts for name, batch in counted.items()}, finite)

    def health(self, histograms: dict[str, Array]) -> dict[str, Array]:
        """Share of codes used, perplexity and number of codes unused, by level."""
        named = {}
        for level, histogram in histograms.items():
            named[f"{level}/usage"] = usage_share(histogram)
            named[f"{level}/perplexity"] = perplexity(histogram)
            named[f"{level}/unused"] = jnp.sum(histogram == 0)
        return named

    def learning_rate(self, step: int) -> float:
        return float(self._schedule(step))

    def reconstruct(self, params: PyTree, extras: dict[str, PyTree], clips_BTHWC: Array) -> Reconstruction:
        """Without each level in turn; measures are the indices by level, [B, t, h, w] int32."""
        books = extras["codebooks"]
        indices = encode(self._model, params, books, clips_BTHWC)
        show = partial(decode, self._model, params, books, indices)
        removals: list[Without] = ["top", "bottom"] if "top" in books else ["bottom"]
        return Reconstruction(show(), {str(level): show(without=level) for level in removals}, dict(indices))

    def summarise(self, measures: Mapping[str, Any], clip_shape: Triple) -> Estimates:
        """`formula`, `deflate` and `entropy` bits per pixel (`metrics.rate`); `levels`: how each codebook is used."""
        model = self.experiment.model
        names = list(model.levels)  # top first: the order of the file
        codes = [model.levels[name].codes for name in names]
        grids = [model.latent_shape(name, clip_shape) for name in names]
        indices = [np.asarray(measures[name]) for name in names]
        counts = [np.bincount(array.reshape(-1), minlength=k) for array, k in zip(indices, codes, strict=True)]
        deflated = [deflate_bytes(list(clip), codes) for clip in zip(*indices, strict=True)]
        bpp = {
            "formula": formula_bpp(grids, codes, clip_shape),
            "deflate": bytes_to_bpp(float(np.mean(deflated)), clip_shape),
            "entropy": entropy_bpp(counts, grids, clip_shape),
        }
        levels = {
            name: {
                "codes": number,
                "grid": list(grid),
                "counts": used.tolist(),
                "usage": float(usage_share(jnp.asarray(used))),
                "perplexity": float(perplexity(jnp.asarray(used))),
                "entropy_bits": index_entropy(used),
            }
            for name, number, grid, used in zip(names, codes, grids, counts, strict=True)
        }
        return Estimates(bpp, {"levels": levels, "deflate_bytes": deflated})

    def best(self, figures: Mapping[str, float]) -> float:
        return figures["psnr"]

    def cost(self, clip_shape: Triple) -> ModelCost:
        return cost(self.experiment.model, clip_shape)

    def notes(self, state: TrainState) -> list[str]:
        if self.constants is None:
            return []
        weight = float(state.extras["perceptual_weight"])
        return [f"perceptual weight {weight:.6g} ({self.experiment.loss.gamma_rule})"]


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
