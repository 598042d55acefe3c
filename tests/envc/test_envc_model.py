"""Both models from pixels to bits: an encoder's frames are a decoder's, gradients go where they may."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.envc.tiny_envc import TINY, TINY_AR, frames, tiny_params
from vqvae_jax.envc.coding import (
    Inter,
    Intra,
    code_inter,
    code_intra,
    decode_inter,
    decode_intra,
    init_params,
    inter,
    inter_shapes,
    intra_shapes,
)
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.errors import ConfigError, UserError

encode_i = jax.jit(code_intra, static_argnums=0)
encode_p = jax.jit(code_inter, static_argnums=0)


def noise(shapes, seed=0):
    keys = jax.random.split(jax.random.key(seed), len(shapes))
    drawn = (jax.random.uniform(k, s, minval=-0.5, maxval=0.5) for k, s in zip(keys, shapes.values(), strict=True))
    return (Intra if len(shapes) == 2 else Inter)(*drawn)


@pytest.mark.parametrize("config", [TINY, TINY_AR], ids=["plain", "ar"])
def test_a_decoder_has_the_encoders_frames(config):
    params = tiny_params(config)
    x, second = frames(0), frames(1)
    i = encode_i(config, params, x)
    np.testing.assert_allclose(decode_intra(config, params, i.latents), i.frames, atol=1e-5)
    p = encode_p(config, params, second, i.frames)
    np.testing.assert_allclose(decode_inter(config, params, p.latents, i.frames), p.frames, atol=1e-5)
    for coded in (i, p):
        for part, bits in zip(coded.latents, coded.bits, strict=True):
            np.testing.assert_array_equal(part, jnp.round(part))
            assert bits.shape == (1,) and np.all(bits > 0)
    assert {k: v.shape for k, v in i.latents._asdict().items()} == intra_shapes(config, 1, 64, 64)


def moved(gradients):
    """Names of the modules that have a gradient."""
    return {name for name, tree in gradients.items() if any(np.any(leaf != 0) for leaf in jax.tree.leaves(tree))}


@pytest.mark.slow
def test_rounding_passes_no_gradient_to_the_encoder_and_noise_does():
    x, before = frames(0), frames(1)
    params = tiny_params()

    @partial(jax.jit, static_argnums=0)
    def gradients(soft):
        i_noise = noise(intra_shapes(TINY, 1, 64, 64)) if soft else None
        p_noise = noise(inter_shapes(TINY, 1, 64, 64)) if soft else None

        def loss(params):
            i = code_intra(TINY, params, x, i_noise)
            p = code_inter(TINY, params, before, i.frames, p_noise)
            bits = sum(jnp.sum(part) for part in (*i.bits, *p.bits)) / 64**2
            return bits + 100 * sum(jnp.mean(jnp.square(f - t)) for f, t in ((i.frames, x), (p.frames, before)))

        return jax.grad(loss)(params)

    soft, hard = gradients(True), gradients(False)
    assert moved(soft["intra"]) == set(params["intra"])
    assert moved(soft["inter"]) == set(params["inter"])
    assert moved(hard["intra"]) == set(params["intra"]) - {"g_a", "h_a"}
    assert moved(hard["inter"]) == set(params["inter"]) - {"m_fuse", "m_enc", "r_enc", "r_ha"}


@pytest.mark.slow
def test_straight_through_frames_are_the_files_and_rates_are_of_noise():
    x, before, params = frames(0), frames(1), tiny_params()
    i_noise, p_noise = (noise(shapes(TINY, 1, 64, 64)) for shapes in (intra_shapes, inter_shapes))

    @partial(jax.jit, static_argnums=(0, 1))
    def coded(noisy, straight):
        i = code_intra(TINY, params, x, i_noise if noisy else None, straight)
        return i, code_inter(TINY, params, before, x, p_noise if noisy else None, None, straight)

    for ours, whole, noisy in zip(coded(True, True), coded(False, False), coded(True, False), strict=True):
        np.testing.assert_allclose(ours.frames, whole.frames, atol=1e-5)
        np.testing.assert_allclose(ours.latents[0], whole.latents[0], atol=1e-5)
        np.testing.assert_allclose(ours.bits[0], noisy.bits[0], rtol=1e-4)
    np.testing.assert_allclose(coded(True, True)[0].bits.y, coded(True, False)[0].bits.y, rtol=1e-4)

    @jax.jit
    def gradient(params):
        def error(params):
            i = code_intra(TINY, params, x, i_noise, True)
            p = code_inter(TINY, params, before, i.frames, p_noise, None, True)
            return sum(jnp.mean(jnp.square(f - t)) for f, t in ((i.frames, x), (p.frames, before)))

        return jax.grad(error)(params)

    assert {"g_a", "g_s"} <= moved(gradient(params)["intra"])
    assert {"m_enc", "r_enc", "r_dec"} <= moved(gradient(params)["inter"])


def test_latents_with_noise_are_the_encoders_plus_it():
    x, drawn = frames(0), noise(intra_shapes(TINY, 1, 64, 64))
    silent = jax.tree.map(jnp.zeros_like, drawn)
    with_noise, without = (encode_i(TINY, tiny_params(), x, n) for n in (drawn, silent))
    for a, b, n in zip(with_noise.latents, without.latents, drawn, strict=True):
        np.testing.assert_allclose(a - b, n, atol=1e-5)


def test_motion_is_kept_within_twenty_steps():
    params = tiny_params()
    last = params["inter"]["m_enc"]["step_2"]
    loud = {
        **params["inter"]["m_enc"],
        "step_2": {"kernel": last["kernel"], "bias": last["bias"] + jnp.array([99, -99])},
    }
    found = encode_p(TINY, {**params, "inter": {**params["inter"], "m_enc": loud}}, frames(0), frames(1))
    np.testing.assert_array_equal(np.unique(found.latents.m), [-20, 20])


def test_entropy_parameters_stay_float32_in_bfloat16():
    """And are the same for the same latents, for nothing of them is rounded."""
    half = replace(TINY_AR, dtype="bfloat16")
    params = tiny_params(TINY_AR)
    rng = np.random.default_rng(0)
    latents = {
        k: jnp.asarray(np.round(rng.normal(size=s)), jnp.float32) for k, s in inter_shapes(half, 1, 64, 64).items()
    }

    @partial(jax.jit, static_argnums=0)
    def found(config):
        model = inter(config, params)
        return model.parameters(model.hyper(latents["z"]), latents["r"]), model.motion_parameters(latents["m"])

    for a, b in zip(jax.tree.leaves(found(half)), jax.tree.leaves(found(TINY_AR)), strict=True):
        assert a.dtype == jnp.float32
        np.testing.assert_array_equal(a, b)
    coded = jax.eval_shape(partial(code_inter, half), params, frames(0), frames(1))
    assert {leaf.dtype for leaf in jax.tree.leaves(coded)} == {jnp.dtype(jnp.float32)}
    inside = jax.eval_shape(lambda x: inter(half, params).current(x), frames(0))
    assert inside.extracted.dtype == jnp.bfloat16


def test_weights_are_float32_and_do_not_depend_on_the_size_of_pictures():
    found = jax.eval_shape(partial(init_params, replace(TINY, dtype="bfloat16", clip=(7, 128, 64))), jax.random.key(0))
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), found) == jax.tree.map(
        lambda leaf: (leaf.shape, jnp.dtype(jnp.float32)), tiny_params()
    )


@pytest.mark.slow
def test_fresh_weights_move_nothing_and_look_between_two_slices():
    config = replace(TINY, predictor="scale_space")
    params = init_params(config, jax.random.key(0))
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, tiny_params(config))
    motion = inter(config, params).m_dec(jnp.ones(inter_shapes(config, 1, 64, 64)["m"]))
    np.testing.assert_array_equal(motion, jnp.broadcast_to(jnp.array([0, 0, 0.5]), (1, 64, 64, 3)))
    assert all(np.isfinite(part).all() for part in encode_p(config, params, frames(0), frames(1)).bits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 9}, r"model.width=9 is not allowed; expected an even number"),
        ({"heads": 3}, r"model.width=8 is not allowed; expected a multiple of 3 for model.predictor=cross_scale"),
        ({"predictor": "feature_deform", "width": 12}, r"model.width=12 .* multiple of 8"),
        ({"predictor": "none"}, r"model.predictor='none' .* cross_scale, pixel_flow, scale_space, feature_deform"),
        ({"dropout": 1.0}, r"model.dropout=1.0"),
        ({"points": 0}, r"model.points=0"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        replace(TINY, **changes)


def test_sizes_are_multiples_of_64():
    with pytest.raises(UserError, match=r"config: model.clip: height=100 must be a multiple of 64"):
        EnvcConfig(clip=(7, 100, 64))
    with pytest.raises(UserError, match="P frame: width=96 must be a multiple of 64"):
        jax.eval_shape(
            partial(code_inter, TINY), tiny_params(), *[jax.ShapeDtypeStruct((1, 64, 96, 3), jnp.float32)] * 2
        )
