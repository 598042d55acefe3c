"""The state before step 0: weights, first codes, and the weight of the perceptual loss."""

import jax
import jax.numpy as jnp
import optax
from jax import Array

from vqvae_jax.losses.matching import GradientNorms, gradient_norms, perceptual_weight
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model
from vqvae_jax.precision import normalise
from vqvae_jax.quantization.codebook import Codebooks, empty_codebook, quantize
from vqvae_jax.quantization.moves import initialise
from vqvae_jax.training.state import PyTree, TrainState
from vqvae_jax.training.task import Start


def new_state(
    experiment: Experiment,
    optimizer: optax.GradientTransformation,
    key: Array,
    clips_BTHWC: Array,
    trunk: VggTrunk | None,
    start: Start | None = None,
) -> TrainState:
    """Weights (fresh, with codebooks drawn from the encoder's outputs, or given) and the perceptual loss's weight.

    Args:
      experiment: the run's configuration.
      optimizer: of `make_optimizer`.
      key: random key; the same key and batch give the same state on any number of devices.
      clips_BTHWC: the first *global* batch, uint8.
      trunk: of the perceptual loss; none leaves the term out, whatever gamma says.
      start: of another run, to go on from.

    Raises:
      UserError: if gamma cannot be matched (a gradient is zero or not finite).
    """
    params_key, codes_key = jax.random.split(key)
    noise = experiment.quantizer.init_noise
    model = MSVQVAE(experiment.model)

    @jax.jit
    def begin(clips: Array, start: Start | None) -> TrainState:
        if start is not None:
            params, extras = jax.tree.map(jnp.copy, tuple(start))
            return _assemble(experiment, optimizer, params, extras["codebooks"])
        params = init_params(experiment.model, params_key)
        empty = empty_codebooks(experiment.model)
        codebooks = init_codebooks(model, params, empty, normalise(clips), codes_key, noise)
        return _assemble(experiment, optimizer, params, codebooks)

    state = begin(clips_BTHWC, start)
    if trunk is None or experiment.loss.gamma == 0:
        return state

    @jax.jit
    def norms(params: PyTree, codebooks: Codebooks, x_BTHWC: Array, trunk: VggTrunk) -> GradientNorms:
        estimate = apply_model(model, params, x_BTHWC, codebooks).reconstruction
        return gradient_norms(experiment.loss, trunk, x_BTHWC, estimate)

    found = norms(state.params, state.extras["codebooks"], normalise(clips_BTHWC), trunk)
    weight = jnp.asarray(perceptual_weight(experiment.loss, found), jnp.float32)
    return state._replace(extras=state.extras | {"perceptual_weight": weight})


def abstract_state(experiment: Experiment, optimizer: optax.GradientTransformation) -> TrainState:
    """Structure, shapes and types of a run's state, without computing one: what a checkpoint is checked against."""

    def start() -> TrainState:
        params = init_params(experiment.model, jax.random.key(0))
        return _assemble(experiment, optimizer, params, empty_codebooks(experiment.model))

    return jax.eval_shape(start)


def _assemble(
    experiment: Experiment, optimizer: optax.GradientTransformation, params: PyTree, codebooks: Codebooks
) -> TrainState:
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=optimizer.init(params),
        ema_params=jax.tree.map(jnp.copy, params) if experiment.optimizer.weight_ema else None,
        extras={"codebooks": codebooks, "perceptual_weight": jnp.zeros((), jnp.float32)},
    )


def empty_codebooks(config: ModelConfig) -> Codebooks:
    """Codebooks before `init_codebooks`, by level."""
    return {name: empty_codebook(level.codes, level.dim) for name, level in config.levels.items()}


def init_params(config: ModelConfig, key: Array) -> PyTree:
    """Fresh weights. They do not depend on the clip's size, so the smallest clip will do."""
    smallest = jnp.zeros((1, *config.multiple, 3), jnp.float32)
    return MSVQVAE(config).init(key, smallest, empty_codebooks(config))


def init_codebooks(
    model: MSVQVAE, params: PyTree, codebooks: Codebooks, x_BTHWC: Array, key: Array, noise: float
) -> Codebooks:
    """Draws the first codes of every level that has none yet, top then bottom: the bottom sees the quantised top.

    Args:
      x_BTHWC: the global batch in [0, 1].
      noise: see `initialise`.
    """
    bound = model.bind(params)
    top_key, bottom_key = jax.random.split(key)
    h_b = bound.encode_features(x_BTHWC)
    d_t, books = None, dict(codebooks)
    if "top" in books:
        z_t = bound.encode_top(h_b)
        books["top"] = initialise(books["top"], z_t, top_key, noise)
        d_t = bound.decode_top(quantize(books["top"], z_t).values)
    books["bottom"] = initialise(books["bottom"], bound.encode_bottom(h_b, d_t), bottom_key, noise)
    return books
