"""NTC as a `Task`: how it starts, one train step, what validation and evaluation see of it."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax

from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.ntc.coding import code, init_params, latent_bits
from vqvae_jax.ntc.config import RATE_STEPS, UNIT
from vqvae_jax.ntc.count import cost
from vqvae_jax.ntc.experiment import Experiment
from vqvae_jax.ntc.objective import REFERENCE, training_loss, uniform_noise, weights_at
from vqvae_jax.ntc.rates import spread_rates
from vqvae_jax.precision import normalise
from vqvae_jax.training.gradients import global_gradients
from vqvae_jax.training.mapping import AXIS
from vqvae_jax.training.optimizer import average_weights, learning_rate_schedule, make_optimizer
from vqvae_jax.training.state import PyTree, TrainState
from vqvae_jax.training.task import Cost, Estimates, Frozen, Reconstruction, Stage, Start, StepMetrics, Triple

#: Returns to the averaged weights without a good step between them, at which training stops.
MOST_RETURNS = 2


class NtcTask:
    """See `vqvae_jax.training.task.Task`."""

    constants = None
    frozen: Mapping[str, Frozen] = {}
    carried: tuple[str, ...] = ()
    # Zeros of these compute what a model without them does.
    growing: tuple[str, ...] = ("params/transform/flow/", "params/transform/change/", "params/transform/hinted/")
    renewed: tuple[str, ...] = ()

    def __init__(self, experiment: Experiment, steps: int) -> None:
        self.experiment = experiment
        self.frames = experiment.model.clip[0]
        self.stages = (Stage(self.step),)
        self._steps = steps
        self._schedule = learning_rate_schedule(experiment.optimizer, steps, experiment.data.batch_size)
        self._optimizer = make_optimizer(experiment.optimizer, steps, experiment.data.batch_size)

    def check_clips(self, clip_shape: Triple, where: str) -> None:
        self.experiment.model.check_size(clip_shape, where)

    def init(self, key: Array, first_BTHWC: Array, start: Start | None = None) -> TrainState:
        params = init_params(self.experiment.model, key) if start is None else jax.tree.map(jnp.copy, start.params)
        return self._assemble(params)

    def abstract(self) -> TrainState:
        return jax.eval_shape(lambda: self._assemble(init_params(self.experiment.model, jax.random.key(0))))

    def _assemble(self, params: PyTree) -> TrainState:
        kept = self.experiment.optimizer.weight_ema > 0
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            opt_state=self._optimizer.init(params),
            ema_params=jax.tree.map(jnp.copy, params) if kept else None,
            extras={
                "steadiness": {
                    "loss": jnp.zeros((), jnp.float32),  # moving average; 0 before the first step
                    "left_out": jnp.zeros((), jnp.int32),  # steps in a row
                    "returns": jnp.zeros((), jnp.int32),  # to the averaged weights, with no good step since
                }
            },
        )

    def step(self, state: TrainState, batch: Array, key: Array, constants: None) -> tuple[TrainState, StepMetrics]:
        experiment, config = self.experiment, self.experiment.model
        rates_key, noise_key = jax.random.split(jax.random.fold_in(key, state.step))
        share = batch.shape[0]
        everyone = share * lax.axis_size(AXIS)
        grid = (batch.shape[1] // UNIT, batch.shape[2] // 8, batch.shape[3] // 8, config.latents)
        # Drawn for the global batch, so that the draw does not depend on the number of devices.
        drawn = spread_rates(rates_key, everyone, config.rates), uniform_noise(noise_key, (everyone, *grid))
        rate, noise = (lax.dynamic_slice_in_dim(d, lax.axis_index(AXIS) * share, share) for d in drawn)
        loss = training_loss(config, weights_at(experiment.loss, state.step, self._steps))
        gradients = global_gradients(loss, state.params, (batch, rate, noise), experiment.training.microbatches)
        scalars = dict(gradients.aux.means)
        for name, term in (("psnr", "squared_error"), ("predicted_psnr", "predicted")):
            scalars[name] = -10.0 * jnp.log10(jnp.maximum(scalars.pop(term), 1e-10))
        scalars["grad_norm"] = optax.tree.norm(gradients.params)
        new, left_out, back = self._move(state, gradients.params, scalars["loss"], scalars["grad_norm"])
        totals = {"left_out": left_out.astype(jnp.float32), "went_back": back.astype(jnp.float32)}
        # A step that was left out has done no harm; what lasts, though the weights went back, is the end.
        finite = jnp.isfinite(optax.tree.norm(new.params)) & (new.extras["steadiness"]["returns"] < MOST_RETURNS)
        return new, StepMetrics(scalars, totals, {}, finite)

    def _move(self, state: TrainState, gradients: PyTree, loss: Array, norm: Array) -> tuple[TrainState, Array, Array]:
        """The next state; whether the step was left out of it, and whether it is back at the averaged weights."""
        settings, optimizer = self.experiment.loss, self.experiment.optimizer
        usual, in_a_row = state.extras["steadiness"]["loss"], state.extras["steadiness"]["left_out"]
        known = usual > 0
        good = jnp.isfinite(loss) & jnp.isfinite(norm) & (~known | (loss < settings.jump * usual))
        safe = jax.tree.map(lambda g: jnp.where(good, g, 0.0), gradients)
        updates, opt_state = self._optimizer.update(safe, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        average = average_weights(state.ema_params, params, optimizer, state.step)
        in_a_row = jnp.where(good, 0, in_a_row + 1)
        back = in_a_row >= settings.patience
        returns = jnp.where(good, 0, state.extras["steadiness"]["returns"] + back)
        fallback = state.params if state.ema_params is None else state.ema_params

        def chosen(new: PyTree, old: PyTree) -> PyTree:
            return jax.tree.map(lambda n, o: jnp.where(good, n, o), new, old)

        params = jax.tree.map(lambda p, f: jnp.where(back, f, p), chosen(params, state.params), fallback)
        usual = jnp.where(good, jnp.where(known, 0.98 * usual + 0.02 * loss, loss), usual)
        steadiness = {
            "loss": jnp.where(back, 0.0, usual),
            "left_out": jnp.where(back, 0, in_a_row),
            "returns": returns,
        }
        new = TrainState(
            step=state.step + 1,
            params=params,
            opt_state=chosen(opt_state, state.opt_state),
            ema_params=None if average is None else chosen(average, state.ema_params),
            extras={"steadiness": steadiness},
        )
        return new, ~good, back

    def health(self, histograms: dict[str, Array]) -> dict[str, Array]:
        return {}

    def learning_rate(self, step: int) -> float:
        return float(self._schedule(step))

    def reconstruct(self, params: PyTree, extras: dict[str, PyTree], clips_BTHWC: Array) -> Reconstruction:
        """At the middle one of the trained lambdas; measures are `bpp` and `rates_psnr` at each, [B, L], and for the
        log `cost` and the same by lambda, [B].
        """
        config = self.experiment.model
        batch, knots = clips_BTHWC.shape[0], len(config.lambdas)
        pixels = float(np.prod(clips_BTHWC.shape[1:4]))
        clips = jnp.repeat(clips_BTHWC, knots, axis=0)
        rate = jnp.tile(jnp.arange(knots, dtype=jnp.int32) * RATE_STEPS, batch)
        coded = code(config, params, 2.0 * normalise(clips) - 1.0, rate)
        bpp = jnp.sum(latent_bits(config, params, coded.q, coded.q, rate), axis=(1, 2, 3, 4)) / pixels
        shown = to_uint8((coded.frames + 1.0) / 2.0)
        error = jnp.mean(jnp.square(shown.astype(jnp.float32) - clips.astype(jnp.float32)), axis=(2, 3, 4))
        psnr = jnp.mean(10.0 * jnp.log10(255.0**2 / jnp.maximum(error, 1e-4)), axis=1)
        weight = jnp.asarray(config.lambdas)[rate // RATE_STEPS]
        cost = (bpp + weight * jnp.mean(error, axis=1)) / jnp.sqrt(weight / REFERENCE)
        measures = {"bpp": bpp.reshape(batch, knots), "rates_psnr": psnr.reshape(batch, knots)}
        logged = {"cost": cost.reshape(batch, knots).mean(axis=1)}
        for knot, known in enumerate(config.lambdas):
            logged |= {f"{known:g}/bpp": measures["bpp"][:, knot], f"{known:g}/psnr": measures["rates_psnr"][:, knot]}
        return Reconstruction(shown[knots // 2 :: knots], {}, measures | logged)

    def summarise(self, measures: Mapping[str, Any], clip_shape: Triple) -> Estimates:
        """`likelihood` bits per pixel at the middle rate; `rates`: lambda, bpp and PSNR of each trained one."""
        bpp, psnr = (np.asarray(measures[name], np.float64).mean(axis=0) for name in ("bpp", "rates_psnr"))
        lambdas = self.experiment.model.lambdas
        rates = [{"lambda": w, "bpp": float(b), "psnr": float(p)} for w, b, p in zip(lambdas, bpp, psnr, strict=True)]
        return Estimates({"likelihood": float(bpp[len(lambdas) // 2])}, {"rates": rates})

    def best(self, figures: Mapping[str, float]) -> float:
        """The objective, averaged over the trained lambdas."""
        return -figures["cost"]

    def cost(self, clip_shape: Triple) -> Cost:
        return cost(self.experiment.model, clip_shape)

    def notes(self, state: TrainState) -> list[str]:
        return []
