"""A whole family, as small as one can be: means over 1x8x8 blocks in six bits, a learned gain and offset, zlib."""

import zlib
from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vqvae_jax.codec.bundle import NAMED, make_bundle
from vqvae_jax.codec.groups import grouped
from vqvae_jax.codec.interface import Chunk
from vqvae_jax.codec.tensors import checked_tensor
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.errors import UserError
from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.precision import normalise
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.gradients import Aux, global_gradients
from vqvae_jax.training.state import TrainState
from vqvae_jax.training.task import Cost, Estimates, Reconstruction, Stage, StepMetrics

SIDE, LEVELS = 8, 63


@dataclass(frozen=True)
class ToyModelConfig:
    """The clips."""

    clip: tuple[int, int, int] = (4, 16, 16)
    """Frames, height, width."""


@dataclass(frozen=True)
class Experiment:
    """What is trained and how."""

    family: ClassVar[str] = "toy"
    name: str = "toy"
    learning_rate: float = 0.1
    """Of plain gradient descent."""
    model: ToyModelConfig = field(default_factory=ToyModelConfig)
    data: PipelineConfig = field(default_factory=lambda: PipelineConfig(frames=4, batch_size=2))
    training: TrainingConfig = field(default_factory=TrainingConfig)


def encode(x_bthwc):
    """Pixels in [0, 1] to block means in 0 ... 63; sides are repeated up to whole blocks."""
    pad = [(0, 0), (0, 0), *((0, -side % SIDE) for side in x_bthwc.shape[2:4]), (0, 0)]
    x = jnp.pad(x_bthwc, pad, mode="edge")
    b, t, h, w, c = x.shape
    blocks = x.reshape(b, t, h // SIDE, SIDE, w // SIDE, SIDE, c)
    return jnp.round(LEVELS * blocks.mean(axis=(3, 5))).astype(jnp.int32)


def decode(params, means, size):
    """Block means to pixels in [0, 1] of (height, width)."""
    x = params["gain"] * (means / LEVELS) + params["offset"]
    return x.repeat(SIDE, axis=2).repeat(SIDE, axis=3)[:, :, : size[0], : size[1]]


class ToyTask:
    """See `training.task.Task`."""

    constants, frozen, carried, growing, renewed = None, {}, (), (), ()

    def __init__(self, experiment):
        self.experiment, self.frames = experiment, experiment.model.clip[0]
        self.stages = (Stage(self.step),)
        self._optimizer = optax.sgd(experiment.learning_rate)

    def check_clips(self, clip_shape, where):
        if min(clip_shape) < 1:
            raise UserError(f"{where}: clips of {clip_shape}")

    def init(self, key, first_BTHWC, start):
        params = {"gain": jnp.float32(0.5), "offset": jnp.float32(0.0)} if start is None else start.params
        return TrainState(jnp.int32(0), params, self._optimizer.init(params), None, {"seen": jnp.zeros(3)})

    def abstract(self):
        return jax.eval_shape(lambda: self.init(None, None, None))

    def step(self, state, batch, key, constants):
        def loss(params, clips):
            x = normalise(clips)
            error = jnp.mean(jnp.square(decode(params, encode(x), x.shape[2:4]) - x))
            return error, Aux(means={"loss": error}, sums=jnp.sum(x, axis=(0, 1, 2, 3)), samples={})

        found = global_gradients(loss, state.params, batch, self.experiment.training.microbatches)
        updates, opt_state = self._optimizer.update(found.params, state.opt_state)
        params = optax.apply_updates(state.params, updates)
        error = found.aux.means["loss"]
        scalars = {"loss": error, "psnr": -10 * jnp.log10(error)}
        new = TrainState(state.step + 1, params, opt_state, None, {"seen": state.extras["seen"] + found.aux.sums})
        return new, StepMetrics(scalars, {}, {"colour": found.aux.sums}, jnp.isfinite(error))

    def health(self, histograms):
        return {"brightest": jnp.argmax(histograms["colour"])}

    def learning_rate(self, step):
        return self.experiment.learning_rate

    def reconstruct(self, params, extras, clips_BTHWC):
        means = encode(normalise(clips_BTHWC))
        return Reconstruction(to_uint8(decode(params, means, clips_BTHWC.shape[2:4])), {}, {"means": means})

    def summarise(self, measures, clip_shape):
        bits = 6 * measures["means"][0].size
        used = np.bincount(np.asarray(measures["means"]).reshape(-1), minlength=LEVELS + 1)
        return Estimates({"fixed": bits / np.prod(clip_shape)}, {"used": int(np.count_nonzero(used))})

    def best(self, figures):
        return figures["psnr"]

    def cost(self, clip_shape):
        return cost(self.experiment.model, clip_shape)

    def notes(self, state):
        return ["a toy"]


class ToyModel:
    """See `codec.interface.Model`; also its own encoder and decoder, which have no state."""

    family, file_version, parts, head_parts = "toy", 2, ("means",), ()
    context, layers, rate_option = 0, {"means": 1}, "rate_weight"

    def __init__(self, bundle):
        self.name, self.digest, self.identity, self.origin = bundle.name, bundle.digest, bundle.identity, bundle.origin
        self.clip = tuple(bundle.config["clip"])
        self._params = {name: checked_tensor(bundle.tensors, f"weights/{name}", ()) for name in ("gain", "offset")}

    def check(self, options):
        if options.rate_weight:
            raise UserError(f"rate-weight={options.rate_weight}: this model does not weigh bits")

    def chunk_frames(self, width, height, options):
        return options.chunk_frames or self.clip[0]

    def encoder(self, video, options):
        self.check(options)
        self._size = self.chunk_frames(video.width, video.height, options)
        return self

    def decoder(self, header, head):
        self._picture = header.height, header.width
        return self

    def header(self):
        return b"toy"

    def chunks(self, frames):
        return map(self._chunk, grouped(frames, self._size))

    def _chunk(self, frames):
        means = np.asarray(encode(normalise(np.stack(frames)[None]))[0], np.uint8)
        return Chunk(len(frames), {"means": zlib.compress(means.tobytes(), 9)})

    def unpack(self, chunk):
        height, width = (-(-side // SIDE) for side in self._picture)
        shape = (chunk.frames, height, width, 3)
        size = int(np.prod(shape))
        try:
            content = zlib.decompressobj().decompress(chunk.parts["means"], size + 1)
        except zlib.error as error:
            raise CorruptStreamError(str(error)) from error
        if len(content) != size:
            raise CorruptStreamError(f"not {size} means")
        return np.frombuffer(content, np.uint8).reshape(shape)

    def decode(self, before, chunk, after, layer):
        return np.asarray(to_uint8(decode(self._params, jnp.asarray(chunk)[None], self._picture)))[0]


def task(experiment, steps, weights=None, purpose="training"):
    """See `families.Family`."""
    return ToyTask(experiment)


def cost(model, clip):
    return Cost(parameters=2, encoder_macs=0, decoder_macs=3 * int(np.prod(clip)))


def start(bundle):
    return {name: bundle.tensors[f"weights/{name}"] for name in ("gain", "offset")}, {}


def model(bundle):
    return ToyModel(bundle)


def fit(snapshot, clips, most_clips, weights, show):
    tensors = {f"weights/{name}": np.asarray(value) for name, value in snapshot.params.items()}
    config = {"clip": list(snapshot.experiment.model.clip)}
    return make_bundle("toy", "toy", NAMED, config, tensors, {"step": snapshot.step}, "float32")


@dataclass(frozen=True)
class Layout:
    """A header that says "toy"."""

    text: str

    @classmethod
    def parse(cls, header):
        return cls(header.family_header.decode())

    def describe(self):
        return {"toy": self.text}
