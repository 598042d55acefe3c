"""Models of this family that code latents of several steps, and what they make of small videos."""

import io
from dataclasses import replace
from fractions import Fraction
from functools import cache

import jax
import numpy as np

from tests.envc.tiny_envc import TINY, tiny_params
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.envc.codec import checks
from vqvae_jax.envc.codec.model import EnvcModel
from vqvae_jax.envc.codec.weights import pack_weights

SMALL = replace(TINY, width=8, latents=4, intra_latents=4)
#: What the last layers of encoders are multiplied by.
GAINS = {"g_a": 12.0, "h_a": 8.0, "m_enc": 8.0, "r_enc": 5.0, "r_ha": 10.0}


def small_bundle(config=SMALL, weights="float32", share=1.0):
    """`share` of the gains."""
    return _bundle(config, weights, share)


def small_model(config=SMALL, share=1.0):
    return _model(config, share)


@cache
def _bundle(config, weights, share):
    params = jax.tree.map(np.asarray, tiny_params(config))
    for model in params.values():
        for name, gain in GAINS.items():
            if name in model:
                last = max(layer for layer in model[name] if layer.startswith(("step", "down")))
                model[name][last] = {key: share * gain * value for key, value in model[name][last].items()}
    return pack_weights("small", config, params, {"step": 7}, weights)


@cache
def _model(config, share):
    return EnvcModel(small_bundle(config, share=share))


def video(frames, height=64, width=64, seed=0):
    """Smooth moving pictures with some noise, uint8 [T, H, W, 3]."""
    rng = np.random.default_rng(seed)
    t, y, x, c = np.ogrid[:frames, :height, :width, :3]
    wave = 60 * np.sin(0.2 * (x + 2 * t) + c) + 40 * np.cos(0.15 * y - 0.3 * t)
    return np.clip(127 + wave + rng.normal(0, 6, (frames, height, width, 3)), 0, 255).astype(np.uint8)


def coded(clip, config=SMALL, share=1.0, **options):
    """The file and what `Encoder.encode` said of it."""
    out = io.BytesIO()
    result = Encoder(small_model(config, share), **options).encode(clip, out, Fraction(25))
    return out.getvalue(), result


def frames(data, *arguments, config=SMALL, **options):
    with Decoder(small_model(config), data) as decoder:
        return np.stack(list(decoder.frames(*arguments, **options)))


class Seen:
    """References as they are checked, by whoever codes meanwhile."""

    def __init__(self, monkeypatch=None):
        self.references, self.integers = [], []
        put = setattr if monkeypatch is None else monkeypatch.setattr
        inner = checks.checked

        def checked(before, integers, frame):
            self.references.append(frame)
            self.integers.append(integers)
            return inner(before, integers, frame)

        put(checks, "checked", checked)
