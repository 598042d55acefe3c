"""The prior fitted once more to what files hold."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from tests.ntc.narrow import NARROW, clips, narrow_params
from vqvae_jax.data.memory import ArrayClips
from vqvae_jax.ntc.codec import fit
from vqvae_jax.ntc.codec.fit import BATCH, Coded, coded_clips, fitted_prior
from vqvae_jax.ntc.codec.weights import pack_weights
from vqvae_jax.ntc.coding import latent_bits

CONFIG = NARROW


def bits(prior, coded):
    """Bits a clip; every rate counts the same."""
    q = jnp.asarray(coded.q, jnp.float32)
    return float(jnp.mean(latent_bits(CONFIG, {"prior": prior}, q, q, jnp.asarray(coded.rate)))) * q[0].size


def made(count, seed, scale):
    """Latents of a known spread, and rates."""
    rng = np.random.default_rng(seed)
    q = np.rint(rng.laplace(0, scale, (count, 2, 2, 3, CONFIG.latents))).astype(np.int16)
    return Coded(q, rng.integers(0, CONFIG.rates, count).astype(np.int32))


def test_it_spends_fewer_bits_on_latents_it_has_not_seen():
    prior, held_out = narrow_params()["prior"], made(16, 1, 0.4)
    fitted = fitted_prior(CONFIG, prior, made(64, 0, 0.4), held_out, 100)
    assert bits(fitted, made(32, 2, 0.4)) < 0.9 * bits(prior, made(32, 2, 0.4))


def test_where_others_cost_more_the_first_one_stays():
    # What is held out is of another spread than what is fitted to: each step makes it dearer.
    prior, held_out = narrow_params()["prior"], made(16, 1, 0.4)
    before = fitted_prior(CONFIG, prior, made(64, 0, 0.4), held_out, 100)
    after = fitted_prior(CONFIG, before, made(64, 3, 6.0), held_out, 100)
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        np.testing.assert_array_equal(old, new)


def test_every_eighth_batch_is_held_out():
    source, told = ArrayClips(clips(9 * BATCH + 3), "here", "train"), []
    coded, held_out = coded_clips(CONFIG, narrow_params(), source, lambda *said: told.append(said))
    assert len(coded.q) == 8 * BATCH and len(held_out.q) == BATCH and told[-1][1:] == (9, 9)
    assert len(np.unique(coded.rate)) > 3
    seen = {array.tobytes() for array in coded.q}
    assert not any(array.tobytes() in seen for array in held_out.q)


def test_with_few_clips_it_stays_as_it_was_trained():
    experiment = SimpleNamespace(name="narrow", model=CONFIG)
    snapshot = SimpleNamespace(experiment=experiment, params=narrow_params(), step=3, digest="d")
    source, told = ArrayClips(clips(9), "here", "train"), []
    bundle = fit.fit(snapshot, source, 100, "float32", lambda *said: told.append(said))
    assert bundle.origin["prior_clips"] == 0 and not told
    expected = pack_weights("narrow", CONFIG, narrow_params(), bundle.origin, "float32")
    for name, tensor in expected.tensors.items():
        np.testing.assert_array_equal(bundle.tensors[name], tensor)
