"""The transform: units of four frames to latents and back, each seeing what was decoded before it.

    frames --patches 2x4x4--> 2 slices --blocks--> (+ context) --blocks--> 8x8 --blocks--> y
    q --> 8x8 --blocks--> 2 slices (+ context) --blocks--> flow, change: prediction --blocks--> g, frames
    context = f(g, last frame) of the unit before; a learned one in the first unit of a group of pictures

The module holds weights only; what goes from unit to unit is explicit state.
"""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from vqvae_jax.layers.blocks import ChannelNorm
from vqvae_jax.layers.conv3d import Conv3D
from vqvae_jax.layers.weight import weight
from vqvae_jax.ntc.blocks import Stack, act, from_depth, join_slices, part_slices, scaled, to_depth
from vqvae_jax.ntc.config import PATCH, SLICES, UNIT, NtcConfig
from vqvae_jax.ntc.motion import chain, hints
from vqvae_jax.ntc.rates import at_rate
from vqvae_jax.precision import compute_dtype

_FRAMES = UNIT // SLICES  # of a slice
#: Recurrence at unit gain explodes.
_FINE_GAIN, _COARSE_GAIN = 0.6, 0.2


class Carry(NamedTuple):
    """What a unit hands on to the next."""

    features: Array  # [B, S, h, w, C], of unit mean square at every position
    last: Array  # [B, H, W, 3], the last decoded frame in [-1, 1]


class Decoded(NamedTuple):
    """A unit's frames, and what they were made from."""

    frames: Array  # [B, 4, H, W, 3] float32, nominally in [-1, 1]
    prediction: Array  # [B, 4, H, W, 3]: `motion.chain`, or the last frame before the unit four times
    flow: Array  # [B, 4, H / 4, W / 4, 2] pixels down and to the right; zeros without motion


class Context(NamedTuple):
    """What a unit sees of the one before, on both grids."""

    fine: Array  # [B, 1, h, w, C]
    coarse: Array  # [B, 1, h / 2, w / 2, coarse C]
    last: Array  # [B, H, W, 3]


class NTC(nn.Module):
    """Analysis, synthesis and what ties units together. All methods are pure; frames lie in [-1, 1]."""

    config: NtcConfig

    def setup(self) -> None:
        c = self.config
        dtype = compute_dtype(c.dtype)
        conv = partial(Conv3D, kernel=(1, 1, 1), lowering=c.lowering, dtype=dtype)
        wide = partial(Conv3D, kernel=(1, 3, 3), lowering=c.lowering, dtype=dtype)
        stack = partial(Stack, lowering=c.lowering, dtype=dtype)
        knots = len(c.lambdas)

        self.patches = conv(c.width)
        if c.hints != "none":
            self.hinted = conv(c.width, use_bias=False, kernel_init=scaled(0.5))
        self.analysis = stack(c.analysis_blocks)
        self.encoder_context = conv(SLICES * c.width, use_bias=False, kernel_init=scaled(_FINE_GAIN))
        self.encoder = stack(c.encoder_blocks)
        self.down = conv(c.coarse_width)
        self.coarse_encoder = stack(c.coarse_blocks)
        self.latent = conv(c.latents)

        self.latent_in = conv(c.coarse_width)
        self.coarse_decoder = stack(c.coarse_blocks)
        self.up = conv(4 * SLICES * c.width)
        self.decoder_context = conv(SLICES * c.width, use_bias=False, kernel_init=scaled(_FINE_GAIN))
        self.decoder = stack(c.decoder_blocks)
        if c.motion:
            self.flow = conv(UNIT * 2, kernel_init=scaled(0.05))
            self.change = conv(_FRAMES * PATCH * PATCH * 3, kernel_init=scaled(0.05))
        self.predicted = conv(c.width, use_bias=False, kernel_init=scaled(0.5))
        self.refine = stack(c.refine_blocks)
        self.head = conv(_FRAMES * PATCH * PATCH * 3, kernel_init=scaled(0.2))

        self.bound = ChannelNorm()
        self.context_skip = conv(c.width)
        self.context_in = wide(c.width)
        self.context_out = wide(c.width, kernel_init=scaled(0.5))
        self.context_down = conv(c.coarse_width, kernel_init=scaled(_COARSE_GAIN))

        # Features of the unit before the first: the same everywhere.
        self.nothing = weight(self, "nothing", nn.initializers.normal(1.0), (SLICES, c.width))
        zeros = nn.initializers.zeros
        self.rate_encoder = weight(self, "rate_encoder", zeros, (knots, c.coarse_width))
        self.rate_coarse = weight(self, "rate_coarse", zeros, (knots, c.coarse_width))
        self.rate_fine = weight(self, "rate_fine", zeros, (knots, SLICES * c.width))
        self.gains = weight(self, "gains", _step_sizes(c), (knots, c.latents))
        self.inverse_gains = weight(self, "inverse_gains", _step_sizes(c, -1.0), (knots, c.latents))

    def analyse(self, x_BTHWC: Array, hints_BThwK: Array) -> Array:
        """What the encoder makes of frames before it knows the context: [B, T / 2, H / 4, W / 4, C].

        Args:
          x_BTHWC: frames, whole units.
          hints_BThwK: of `motion.hints`; not looked at without hints in the configuration.
        """
        found = self.patches(to_depth(x_BTHWC, _FRAMES, PATCH))
        if self.config.hints != "none":
            batch, slices, height, width, _ = found.shape
            paired = hints_BThwK.reshape(batch, slices, _FRAMES, *hints_BThwK.shape[2:])
            paired = jnp.moveaxis(paired, 2, 4).reshape(batch, slices, height, width, -1)
            found = found + self.hinted(paired)
        batch, slices, *grid = found.shape
        by_unit = found.reshape(batch * slices // SLICES, SLICES, *grid)
        return self.analysis(by_unit).reshape(batch, slices, *grid)

    def start(self, batch: int, height: int, width: int) -> Carry:
        """What is handed to the first unit of a group of pictures of height x width."""
        grid = batch, SLICES, height // PATCH, width // PATCH, self.config.width
        features = jnp.broadcast_to(self.nothing[None, :, None, None], grid)
        return Carry(self.bound(features), jnp.zeros((batch, height, width, 3), jnp.float32))

    def context(self, carry: Carry) -> Context:
        """What a unit sees of the one before."""
        features = join_slices(carry.features)
        known = jnp.concatenate([features, to_depth(carry.last[:, None], 1, PATCH).astype(features.dtype)], axis=-1)
        fine = self.context_skip(known) + self.context_out(act(self.context_in(known)))
        return Context(fine, self.context_down(to_depth(fine, 1, 2)), carry.last)

    def encode(self, analysed_BShwC: Array, context: Context, rate_B: Array) -> Array:
        """One unit's latents in units of the quantiser's step: [B, h, w, M] float32, h and w of the coarse grid.

        Args:
          analysed_BShwC: of `analyse`, the unit's slices.
          context: of the unit before.
          rate_B: rate numbers.
        """
        x = self.encoder(analysed_BShwC + part_slices(self.encoder_context(context.fine), SLICES))
        x = self.down(to_depth(join_slices(x), 1, 2)) + context.coarse + _everywhere(self.rate_encoder, rate_B)
        y = self.latent(self.coarse_encoder(x))[:, 0].astype(jnp.float32)
        return y * jnp.exp(at_rate(self.gains, rate_B))[:, None, None]

    def decode(self, q_BhwM: Array, context: Context, rate_B: Array) -> tuple[Decoded, Carry]:
        """One unit's frames, and what it hands on.

        Args:
          q_BhwM: latents in units of the quantiser's step, whole numbers or not.
          context: of the unit before.
          rate_B: rate numbers.
        """
        y = q_BhwM * jnp.exp(at_rate(self.inverse_gains, rate_B))[:, None, None]
        x = self.latent_in(y[:, None]) + context.coarse + _everywhere(self.rate_coarse, rate_B)
        x = from_depth(self.up(self.coarse_decoder(x)), 1, 2)
        x = x + self.decoder_context(context.fine) + _everywhere(self.rate_fine, rate_B)
        x = self.decoder(part_slices(x, SLICES))
        if self.config.motion:
            flow = self.flow(join_slices(x))[:, 0].astype(jnp.float32)
            flow = jnp.moveaxis(flow.reshape(*flow.shape[:-1], UNIT, 2), 3, 1)
            prediction = chain(context.last, flow, from_depth(self.change(x), _FRAMES, PATCH).astype(jnp.float32))
        else:
            batch, *shape = context.last.shape
            prediction = jnp.broadcast_to(context.last[:, None], (batch, UNIT, *shape))
            flow = jnp.zeros((batch, UNIT, *x.shape[2:4], 2), jnp.float32)
        x = self.refine(x + self.predicted(to_depth(prediction, _FRAMES, PATCH)))
        frames = prediction + from_depth(self.head(x), _FRAMES, PATCH).astype(jnp.float32)
        # Only what is carried over is normalised: lengths are contrasts, which the frames need.
        return Decoded(frames, prediction, flow), Carry(self.bound(x), jnp.clip(frames[:, -1], -1.0, 1.0))

    def __call__(self, x_BTHWC: Array, rate_B: Array) -> Any:
        """One unit of the first group of pictures: what `init` needs to make all weights."""
        batch, _, height, width, _ = x_BTHWC.shape
        context = self.context(self.start(batch, height, width))
        y = self.encode(self.analyse(x_BTHWC, seen_motion(self.config, x_BTHWC)), context, rate_B)
        return self.decode(y, context, rate_B)


def seen_motion(config: NtcConfig, x_BTHWC: Array, before_BHWC: Array | None = None) -> Array:
    """`motion.hints` as the configuration asks for them: [B, T, H / 4, W / 4, K], K = 0 where it asks for none."""
    if config.hints == "none":
        batch, frames, height, width, _ = x_BTHWC.shape
        return jnp.zeros((batch, frames, height // PATCH, width // PATCH, 0), x_BTHWC.dtype)
    return lax.stop_gradient(hints(x_BTHWC, config.reach, before_BHWC))


def _everywhere(table_LC: Array, rate_B: Array) -> Array:
    return at_rate(table_LC, rate_B)[:, None, None, None]


def _step_sizes(config: NtcConfig, sign: float = 1.0) -> nn.initializers.Initializer:
    """Logarithms of gains that grow with the root of lambda, as the optimal step of a uniform quantiser does."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        lambdas = jnp.asarray(config.lambdas, dtype)
        return jnp.broadcast_to(sign * (0.5 * jnp.log(lambdas / lambdas[-1])[:, None] + 1.0), shape).astype(dtype)

    return init
