"""Predictors: their parameters, what they do without motion, their flags."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.envc.tiny_envc import TINY, frames, tiny_params
from vqvae_jax.envc.coding import Inter, code_inter, decode_inter, init_params, inter, inter_shapes
from vqvae_jax.envc.config import EnvcConfig
from vqvae_jax.envc.predictors import PREDICTORS, Frame
from vqvae_jax.layers.sampling import warp
from vqvae_jax.training.state import parameter_count

code = jax.jit(code_inter, static_argnums=0)


def parameters(config):
    return parameter_count(jax.eval_shape(lambda: init_params(config, jax.random.key(0)))["inter"])


@pytest.mark.parametrize(
    ("predictor", "refined"),
    [
        ("cross_scale", 18_777_011),
        ("pixel_flow", 16_596_517),
        ("scale_space", 16_597_542),
        ("feature_deform", 17_046_067),
    ],
)
def test_parameters_are_those_of_the_specification(predictor, refined):
    assert parameters(EnvcConfig(predictor=predictor)) == refined
    assert parameters(EnvcConfig(predictor=predictor, refine=False)) == refined - (1_033_088 + 885_504)


@pytest.mark.parametrize("predictor", ["pixel_flow", "scale_space"])
def test_without_motion_a_flow_predicts_the_features_of_the_reference(predictor):
    kind = PREDICTORS[predictor]
    picture = frames(shape=(1, 64, 64, 3))
    motion = jnp.zeros((1, 64, 64, kind.motion))
    found = kind(TINY).apply({}, Frame(picture, None), motion)
    np.testing.assert_allclose(found, picture, atol=1e-6)


def test_flows_are_x_before_y():
    picture = frames()
    motion = jnp.zeros((1, 64, 64, 3)).at[..., 0].set(2.0).at[..., 1].set(-1.0)
    for predictor in ("pixel_flow", "scale_space"):
        kind = PREDICTORS[predictor]
        found = kind(TINY).apply({}, Frame(picture, None), motion[..., : kind.motion])
        np.testing.assert_allclose(found[:, 1:, :-2], picture[:, :-1, 2:], atol=1e-5)


VARIANTS = [
    *({"predictor": predictor, "refine": predictor != "scale_space"} for predictor in PREDICTORS),
    {"residual": "pixel"},  # the base of table IV
    {"predictor": "pixel_flow", "residual": "pixel", "refine": False, "motion_input": "pixel"},  # DVC++
    {"motion_input": "matching"},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=lambda changes: "-".join(map(str, changes.values())))
def test_any_of_them_is_decoded_from_its_latents_alone(changes):
    """Shapes of the encoder's and the decoder's frames, and that all weights but the encoder's are the decoder's."""
    config = replace(TINY, **changes)
    params = jax.eval_shape(partial(init_params, config), jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, 64, 128, 3), jnp.float32)
    coded = jax.eval_shape(partial(code_inter, config), params, x, x)
    shapes = inter_shapes(config, 2, 64, 128)
    assert {name: part.shape for name, part in coded.latents._asdict().items()} == shapes
    decoded = jax.eval_shape(partial(decode_inter, config), params, coded.latents, x)
    assert decoded.shape == coded.frames.shape == coded.predicted.shape == x.shape
    assert {part.dtype for part in (decoded, *coded.latents, *coded.bits)} == {jnp.dtype(jnp.float32)}


@pytest.mark.slow
@pytest.mark.parametrize("predictor", ["cross_scale", "feature_deform", "scale_space"])
def test_motion_has_a_gradient(predictor):
    config = replace(TINY, predictor=predictor)
    params, x, before = tiny_params(config), frames(0), frames(1)

    @jax.jit
    def gradient(params):
        noise = Inter(*(jnp.zeros(shape) for shape in inter_shapes(config, 1, 64, 64).values()))
        return jax.grad(lambda p: jnp.mean(jnp.square(code_inter(config, p, x, before, noise).predicted - x)))(params)

    found = gradient(params)["inter"]
    for name in ("m_enc", "m_dec", "predictor") if predictor != "scale_space" else ("m_enc", "m_dec"):
        assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(found[name])), name


def test_pixel_residuals_are_added_to_the_prediction():
    config = replace(TINY, predictor="pixel_flow", residual="pixel", refine=False, motion_input="pixel")
    params = tiny_params(config)
    assert {"feat", "recon", "process", "res_pre", "m_fuse"}.isdisjoint(params["inter"])
    x, before = frames(0), frames(1)
    found = code(config, params, x, before)
    flow = inter(config, params).m_dec(found.latents.m)
    np.testing.assert_allclose(found.predicted, warp(before, flow[..., ::-1]), atol=1e-5)
    added = inter(config, params).r_dec(found.latents.r)
    np.testing.assert_allclose(found.frames, found.predicted + added, atol=1e-5)
