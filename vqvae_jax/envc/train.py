"""ENVC as a `Task`: six stages, each with a step of its own, and what validation and evaluation see of it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax

from vqvae_jax.envc.clip import code_clip, draw_noise
from vqvae_jax.envc.coding import init_params
from vqvae_jax.envc.copying import copying
from vqvae_jax.envc.count import cost
from vqvae_jax.envc.experiment import Experiment
from vqvae_jax.envc.objective import distortion, training_loss
from vqvae_jax.envc.stages import RENEWED, Phase, join, phases, put, split, taken
from vqvae_jax.errors import UserError
from vqvae_jax.metrics.ms_ssim import SMALLEST_SIDE
from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.precision import normalise
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.gradients import global_gradients
from vqvae_jax.training.mapping import AXIS
from vqvae_jax.training.optimizer import average_weights, learning_rate_schedule, make_optimizer
from vqvae_jax.training.state import PyTree, TrainState
from vqvae_jax.training.task import Cost, Estimates, Frozen, Reconstruction, Stage, Start, StepMetrics, Triple


class EnvcTask:
    """See `vqvae_jax.training.task.Task`."""

    constants = None
    frozen: Mapping[str, Frozen] = {}
    carried: tuple[str, ...] = ()
    growing: tuple[str, ...] = ()

    def __init__(self, experiment: Experiment, steps: int) -> None:
        self.experiment = experiment
        self.renewed = RENEWED[experiment.stages.anew]
        self.frames = experiment.model.clip[0]
        self.phases = phases(experiment, steps)
        self.stages = tuple(
            Stage(partial(self.step, phase), phase.name, phase.first, phase.frames, partial(self._macs, phase))
            for phase in self.phases
        )

    def check_clips(self, clip_shape: Triple, where: str) -> None:
        self.experiment.model.check_size(clip_shape, where)
        if self.experiment.loss.distortion == "ms_ssim" and min(clip_shape[1:]) < SMALLEST_SIDE:
            raise UserError(f"{where}: loss.distortion=ms_ssim needs sides of at least {SMALLEST_SIDE}; {clip_shape}")

    def init(self, key: Array, first_BTHWC: Array, start: Start | None = None) -> TrainState:
        config = self.experiment
        if start is None and self.renewed:
            raise UserError(f"stages.anew={config.stages.anew}: there is nothing else to begin from; give --init-from")
        if start is not None and not self.renewed:
            return self._assemble(jax.tree.map(jnp.copy, start.params))
        params = init_params(config.model, key)
        if config.stages.fresh == "copies":
            params = params | {"inter": copying(config.model, params["inter"])}
        if start is not None:
            given = named_leaves({"params": jax.tree.map(jnp.copy, start.params)})
            kept = {name: leaf for name, leaf in given.items() if not name.startswith(self.renewed)}
            leaves = named_leaves({"params": params}) | kept
            params = jax.tree.unflatten(jax.tree.structure(params), leaves.values())
        return self._assemble(params)

    def abstract(self) -> TrainState:
        return jax.eval_shape(lambda: self._assemble(init_params(self.experiment.model, jax.random.key(0))))

    def _assemble(self, params: PyTree) -> TrainState:
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            opt_state=self._optimizer(self.phases[0]).init(params),
            ema_params=jax.tree.map(jnp.copy, params) if self.experiment.optimizer.weight_ema > 0 else None,
            extras={},
        )

    def _schedule(self, phase: Phase) -> optax.Schedule:
        """Learning rate by steps of the phase."""
        config, index = self.experiment, phase.number - 1
        rates = config.stages.rates[index], config.stages.late_rates[index]
        within = learning_rate_schedule(config.optimizer, phase.steps, config.data.batch_size)
        return lambda step: within(step) * jnp.where(step < phase.steps / 2, *rates)

    def _optimizer(self, phase: Phase) -> optax.GradientTransformation:
        config = self.experiment
        return make_optimizer(config.optimizer, phase.steps, config.data.batch_size, self._schedule(phase))

    def _macs(self, phase: Phase, clip: Triple) -> int:
        """Forward, of a clip of a phase."""
        given = (1, *clip[1:])
        return self.cost(clip).forward_macs - (self.cost(given).forward_macs if phase.given else 0)

    def step(
        self, phase: Phase, state: TrainState, batch: Array, key: Array, constants: None
    ) -> tuple[TrainState, StepMetrics]:
        """One update of a phase's modules; see `vqvae_jax.training.task.Step`."""
        config, model, optimizer = self.experiment, self.experiment.model, self._optimizer(phase)
        noise_key, drop_key = jax.random.split(jax.random.fold_in(key, state.step))
        share, frames, height, width, _ = batch.shape
        everyone = share * lax.axis_size(AXIS)
        # Drawn for the global batch, so that the draw does not depend on the number of devices.
        noise = draw_noise(model, noise_key, (everyone, frames, height, width), *phase.noise)
        keys = jax.random.split(drop_key, everyone) if model.dropout else None
        first = lax.axis_index(AXIS) * share
        mine = jax.tree.map(lambda drawn: lax.dynamic_slice_in_dim(drawn, first, share), (noise, keys))
        # Moments and averages are of the stage: another objective and other modules would only be slowed by old ones.
        begins = state.step == phase.first

        def fresh(new: PyTree, old: PyTree) -> PyTree:
            return jax.tree.map(lambda n, o: jnp.where(begins, n, o), new, old)

        moving, still = split(state.params, phase.moves)
        objective = training_loss(model, config.loss, phase, state.step)
        found = global_gradients(
            lambda weights, part: objective(join(weights, still), part),
            moving,
            (batch, *mine),
            config.training.microbatches,
        )
        # What stands still has no moments to keep: Muon takes as long for it as for what moves.
        empty = optimizer.init(moving)
        updates, moments = optimizer.update(found.params, fresh(empty, taken(state.opt_state, empty)), moving)
        opt_state = put(fresh(optimizer.init(state.params), state.opt_state), moments)
        moving = optax.apply_updates(moving, updates)
        average = state.ema_params
        if average is not None:
            before = split(fresh(state.params, average), phase.moves)[0]
            average = join(average_weights(before, moving, config.optimizer, state.step - phase.first), still)
        scalars = {name: value for name, value in found.aux.means.items() if not name.endswith("squared_error")}
        for name in found.aux.means.keys() - scalars.keys():
            error = jnp.maximum(found.aux.means[name], 1e-10)
            scalars[name.replace("squared_error", "psnr")] = -10.0 * jnp.log10(error)
        scalars["grad_norm"] = optax.tree.norm(found.params)
        new = TrainState(state.step + 1, join(moving, still), opt_state, average, state.extras)
        finite = jnp.isfinite(scalars["loss"]) & jnp.isfinite(scalars["grad_norm"])
        return new, StepMetrics(scalars, {}, {}, finite)

    def health(self, histograms: dict[str, Array]) -> dict[str, Array]:
        return {}

    def learning_rate(self, step: int) -> float:
        phase = next(phase for phase in reversed(self.phases) if phase.first <= step)
        return float(self._schedule(phase)(step - phase.first))

    def reconstruct(self, params: PyTree, extras: dict[str, PyTree], clips_BTHWC: Array) -> Reconstruction:
        """In a closed loop over all frames; measures, [B] each, are bits per pixel (`bpp`, those of I and P frames
        apart), the objective of a frame in 8 bits (`cost`), and the share of P frames' bits that motion has.
        """
        x, config = normalise(clips_BTHWC), self.experiment
        coded = code_clip(config.model, params, x, looped=True)
        shown = to_uint8(coded.frames)
        bpp = coded.bits / (clips_BTHWC.shape[2] * clips_BTHWC.shape[3])
        error = config.loss.lagrangian * distortion(config.loss, x, normalise(shown))
        measures = {"bpp": jnp.mean(bpp, axis=1), "cost": jnp.mean(bpp + error, axis=1), "intra/bpp": bpp[:, 0]}
        if coded.inter_bits is not None:
            measures["inter/bpp"] = jnp.mean(bpp[:, 1:], axis=1)
            measures["inter/motion_share"] = jnp.sum(coded.inter_bits.m, axis=1) / jnp.sum(coded.bits[:, 1:], axis=1)
        return Reconstruction(shown, {}, measures)

    def summarise(self, measures: Mapping[str, Any], clip_shape: Triple) -> Estimates:
        """`likelihood` bits per pixel; what `reconstruct` measured, by name."""
        means = {name: float(np.asarray(values, np.float64).mean()) for name, values in measures.items()}
        return Estimates({"likelihood": means["bpp"]}, means)

    def best(self, figures: Mapping[str, float]) -> float:
        """The objective of a frame, all frames counting alike."""
        return -figures["cost"]

    def cost(self, clip_shape: Triple) -> Cost:
        return cost(self.experiment.model, clip_shape)

    def notes(self, state: TrainState) -> list[str]:
        return [f"stages: {', '.join(f'{phase.name}: {phase.steps:,}' for phase in self.phases)} steps"]
