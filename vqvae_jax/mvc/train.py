"""A fit as a `Task`: a step sees frames by their numbers; validation and use see the scene as one clip."""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.mvc.coded import rounded, rounded_bits, scene_embeddings, stepped, stepped_bits
from vqvae_jax.mvc.context import crop, pad, scene_context
from vqvae_jax.mvc.count import cost, formula_bits
from vqvae_jax.mvc.encodings import time_codes
from vqvae_jax.mvc.experiment import Experiment
from vqvae_jax.mvc.losses.consistency import consistency_loss, unit
from vqvae_jax.mvc.network import decode
from vqvae_jax.mvc.objective import Batch, Constants, pixel_loss, training_loss
from vqvae_jax.mvc.quantise import learned_from
from vqvae_jax.mvc.rate import steered
from vqvae_jax.mvc.schedule import Phase, learning_rates, phases
from vqvae_jax.mvc.supervision.features import DIM, FeatureNet, feature_net
from vqvae_jax.mvc.weights import Params, decoder_shapes, init
from vqvae_jax.precision import normalise
from vqvae_jax.training.digests import leaf_digest
from vqvae_jax.training.gradients import global_gradients
from vqvae_jax.training.state import PyTree, TrainState
from vqvae_jax.training.task import (
    Cost,
    Estimates,
    Frozen,
    Purpose,
    Reconstruction,
    Stage,
    Start,
    StepMetrics,
    Triple,
)

AT_ONCE = 1 << 26  # numbers of a layer's output up to which all frames are decoded together


class Supervision(NamedTuple):
    """What a fit is told of its scene."""

    frames: np.ndarray  # [T, H, W, 3] uint8, padded
    flow: np.ndarray | None = None  # [T, H, W, 4] float16
    net: FeatureNet | None = None


def _frozen(supervision: Supervision | None, source: str) -> dict[str, Frozen]:
    """What the run's record says of it."""
    found = {}
    if supervision is not None and supervision.net is not None:
        found["features"] = supervision.net.frozen
    if supervision is not None and supervision.flow is not None:
        found["flow"] = Frozen(leaf_digest(supervision.flow), source)
    return found


class MvcTask:
    """See `vqvae_jax.training.task.Task`.

    Args:
      experiment: what is fitted.
      steps: of the whole fit.
      weights: file of a network that makes features, for planning and use without a scene.
      purpose: only a training needs a scene; planning it, shapes of one.
      supervision: of the scene.

    Raises:
      UserError: if a training has no scene.
    """

    carried: tuple[str, ...] = ()
    growing: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()

    def __init__(
        self,
        experiment: Experiment,
        steps: int,
        weights: Path | None = None,
        purpose: Purpose = "training",
        supervision: Supervision | None = None,
    ) -> None:
        if supervision is None and purpose == "training":
            raise UserError(f"{experiment.name!r} is fitted to a video, not trained on a data set: experiments.fit")
        self.experiment, self.frames, self._steps = experiment, experiment.model.frames, steps
        self.phases = phases(experiment, steps)
        self.stages = tuple(Stage(partial(self.step, p), p.name, p.first, numbered=True) for p in self.phases)
        self._rates = learning_rates(experiment, steps)
        self._names = list(decoder_shapes(experiment.model))
        self._net = supervision.net if supervision else None
        if supervision is None and experiment.loss.consistency and purpose == "planning":
            self._net = feature_net(experiment.loss.features, weights)
        self.frozen: Mapping[str, Frozen] = _frozen(supervision, experiment.loss.flow_source)
        self.constants: Any = None
        if supervision is not None:
            self.constants = self._constants(supervision)
        elif purpose == "planning":
            self.constants = jax.eval_shape(self._constants, self._shapes())

    def _shapes(self) -> Supervision:
        model = self.experiment.model
        size = (model.frames, model.height, model.width)
        flow: Any = jax.ShapeDtypeStruct((*size, 4), jnp.float16) if self.experiment.loss.follows else None
        frames: Any = jax.ShapeDtypeStruct((*size, 3), jnp.uint8)
        return Supervision(frames, flow)

    def _constants(self, supervision: Supervision) -> Constants:
        model = self.experiment.model
        codes, context = time_codes(model), scene_context(model, supervision.frames)
        flow = None if supervision.flow is None else jnp.asarray(supervision.flow)
        found = Constants(jnp.asarray(codes), jnp.asarray(context), flow)
        if self._net is None:
            return found
        weights = {name: jnp.asarray(array) for name, array in self._net.weights.items()}
        apply = self._net.apply
        made = jax.lax.map(lambda frame: apply(weights, normalise(frame)[None])[0], jnp.asarray(supervision.frames))
        mean = jnp.mean(made, axis=0) if self.experiment.loss.centred else jnp.zeros(DIM)
        return found._replace(net=weights, mean=mean, originals=unit(made, mean))

    # ------------------------------------------------------------------------------------------------------- the state
    def check_clips(self, clip_shape: Triple, where: str) -> None:
        frames, *size = clip_shape
        whole, *sides = self.experiment.model.clip
        coded = [self.experiment.model.height, self.experiment.model.width]
        if frames > whole or size not in (sides, coded):
            raise UserError(f"{where}: frames of {tuple(size)} do not fit this model, which is of {tuple(sides)}")

    def init(self, key: Array, first_BTHWC: Array, start: Start | None = None) -> TrainState:
        known, model = self.constants, self.experiment.model
        if start is not None:
            return self._assemble(jax.tree.map(jnp.copy, start.params), known.originals)
        # As one program: alone, operations on fifty tensors would be compiled one by one.
        fresh = jax.jit(lambda key, context, memory: self._assemble(init(key, model, context), memory))
        return fresh(key, known.context, known.originals)

    def abstract(self) -> TrainState:
        model, loss = self.experiment.model, self.experiment.loss
        context = jax.ShapeDtypeStruct((model.frames, model.h, model.w, 3), jnp.float32)
        memory = jax.ShapeDtypeStruct((model.frames, DIM), jnp.float32) if loss.consistency else None
        key = jax.eval_shape(lambda: jax.random.key(0))
        return jax.eval_shape(lambda k, c, m: self._assemble(init(k, model, c), m), key, context, memory)

    def _assemble(self, params: Params, memory: Array | None) -> TrainState:
        extras: dict[str, PyTree] = {}
        if memory is not None:
            extras["memory"] = jnp.copy(memory)  # of TCL: the frames themselves, until they are seen
        if self.experiment.fit.rate:
            extras["counts"] = jnp.zeros((), bool)  # whether steps are learned yet
            params = params._replace(learned=self._learned(params))
        if self.experiment.fit.bpp:
            extras["log_rate"] = jnp.log(jnp.asarray(self.experiment.fit.rate, jnp.float32))
        return TrainState(jnp.zeros((), jnp.int32), params, self._optimizer.init(params), None, extras)

    def _learned(self, params: Params) -> Any:
        fit = self.experiment.fit
        return learned_from([params.decoder[name] for name in self._names], fit.first_bits, fit.density)

    @property
    def _optimizer(self) -> optax.GradientTransformation:
        fit = self.experiment.fit
        adam = optax.adam(self._rates, b1=fit.b1, b2=fit.b2)
        if not fit.rate:
            return adam

        def learned(params: Params) -> Params:
            each = jax.tree.map(lambda _: False, params)
            return each._replace(learned=jax.tree.map(lambda _: True, params.learned))

        return optax.chain(adam, optax.masked(optax.scale(fit.quantiser_speed), learned))

    # -------------------------------------------------------------------------------------------------------- the step
    def step(
        self, phase: Phase, state: TrainState, batch: Batch, key: Array, constants: Constants
    ) -> tuple[TrainState, StepMetrics]:
        """One update; see `vqvae_jax.training.task.Step`."""
        noise, memory, params = jax.random.fold_in(key, state.step), state.extras.get("memory"), state.params
        if phase.counts:
            # Steps and densities of the weights as they are when it begins; before, nothing moved them.
            begins = state.step == phase.first
            fresh = jax.tree.map(lambda new, old: jnp.where(begins, new, old), self._learned(params), params.learned)
            params = params._replace(learned=fresh)
        apply = None if self._net is None else self._net.apply
        log_rate = state.extras.get("log_rate")
        objective = training_loss(self.experiment, phase, constants, apply, memory, noise, log_rate)
        found = global_gradients(objective, params, batch, self.experiment.training.microbatches)
        updates, opt_state = self._optimizer.update(found.params, state.opt_state, params)
        params = optax.apply_updates(params, updates)
        extras = dict(state.extras)
        if memory is not None:
            seen = found.aux.samples
            extras["memory"] = memory.at[seen["numbers"]].set(seen["features"])
        if "counts" in extras:
            extras["counts"] = jnp.asarray(phase.counts)
        if log_rate is not None and phase.counts:
            bpp, wished = found.aux.means["bpp"], self.experiment.fit.bpp
            extras["log_rate"] = steered(log_rate, bpp, wished, self._steps - phase.first)
        scalars = dict(found.aux.means) | {"grad_norm": optax.tree.norm(found.params)}
        finite = jnp.isfinite(scalars["loss"]) & jnp.isfinite(scalars["grad_norm"])
        return TrainState(state.step + 1, params, opt_state, None, extras), StepMetrics(scalars, {}, {}, finite)

    def health(self, histograms: dict[str, Array]) -> dict[str, Array]:
        return {}

    def learning_rate(self, step: int) -> float:
        return float(self._rates(step))

    # --------------------------------------------------------------------------------------------------------- its use
    def reconstruct(self, params: PyTree, extras: dict[str, PyTree], clips_BTHWC: Array) -> Reconstruction:
        """Scenes from their first frame on, by rounded weights and embeddings; measures, [B] each, are bits per pixel
        of the whole scene by entropy (`bpp`), and the objective of the frames in 8 bits with these (`cost`).
        """
        found = [self._scene(params, extras, clip) for clip in clips_BTHWC]
        frames, *measures = (jnp.stack(values) for values in zip(*found, strict=True))
        return Reconstruction(frames, {}, dict(zip(("bpp", "cost"), measures, strict=True)))

    def _scene(self, params: Params, extras: dict[str, PyTree], clip_THWC: Array) -> tuple[Array, Array, Array]:
        config, fit, model = self.experiment, self.experiment.fit, self.experiment.model
        weights, bits = rounded(fit, params), rounded_bits(fit, params)
        if "counts" in extras:
            counts, others = extras["counts"], stepped(model, params)
            weights = {name: jnp.where(counts, others[name], x) for name, x in weights.items()}
            bits = jnp.where(counts, stepped_bits(model, fit, params), bits)
        coded = scene_embeddings(model, fit, params, scene_context(model, pad(model, clip_THWC)))
        embeddings = None if coded is None else coded[0]
        bpp = (bits + (0.0 if coded is None else coded[1])) / math.prod(model.clip)

        def one(code: Array, embedding: Array | None, frame: Array) -> tuple[Array, Array]:
            each = None if embedding is None else embedding[None]
            shown = to_uint8(crop(model, decode(model, weights, code[None], each).frames))
            return shown[0], pixel_loss(config.loss, normalise(frame[None]), normalise(shown))[0]

        rows = jnp.asarray(time_codes(model)[: len(clip_THWC)]), embeddings, clip_THWC
        small = len(clip_THWC) * model.height * model.width * model.widths[-1] <= AT_ONCE
        frames, losses = jax.vmap(one)(*rows) if small else jax.lax.map(lambda row: one(*row), rows)
        return frames, bpp, jnp.mean(losses) + fit.rate * bpp

    def summarise(self, measures: Mapping[str, Any], clip_shape: Triple) -> Estimates:
        """Bits per pixel by the paper's formula and by entropies, without headers and tables."""
        means = {name: float(np.asarray(values, np.float64).mean()) for name, values in measures.items()}
        fit, model = self.experiment.fit, self.experiment.model
        formula = formula_bits(model, fit.weight_bits, fit.embed_bits) / math.prod(model.clip)
        return Estimates({"formula": formula, "entropy": means["bpp"]}, means)

    def best(self, figures: Mapping[str, float]) -> float:
        """The objective."""
        return -figures["cost"]

    def cost(self, clip_shape: Triple) -> Cost:
        return cost(self.experiment.model, clip_shape)

    def notes(self, state: TrainState) -> list[str]:
        starts = [*(phase.first for phase in self.phases[1:]), self._steps]
        lengths = (f"{p.name}: {end - p.first:,}" for p, end in zip(self.phases, starts, strict=True))
        found = [f"phases: {', '.join(lengths)} steps"]
        if self.constants is not None and self.constants.originals is not None:
            loss, originals = self.experiment.loss, self.constants.originals
            similar = originals @ originals.T
            values = consistency_loss(similar, jnp.arange(self.frames), loss.window, loss.target, similar)
            found.append(f"consistency of the original frames: {float(jnp.mean(values)):.3f}")
        return found
