"""Parameters and multiply-accumulates against the paper's tables and the specification's hand count."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import pytest

from vqvae_jax.envc.coding import Inter, decode_inter, init_params, inter_shapes
from vqvae_jax.envc.config import HIGH_RATE, EnvcConfig
from vqvae_jax.envc.count import cost, inter_macs, intra_macs, p_frame_gmacs
from vqvae_jax.errors import UserError
from vqvae_jax.training.macs import macs

LOW = EnvcConfig()


@pytest.mark.parametrize(
    ("config", "intra", "inter"),
    [
        (LOW, 10_744_867, 18_777_011),
        (replace(LOW, ar=True), 12_229_987, 21_066_931),  # the paper's 12.23 and 21.07 million
        (HIGH_RATE, 16_412_259, 20_119_955),
        (replace(HIGH_RATE, ar=True), 18_550_755, 23_417_747),
    ],
)
def test_parameters_are_those_of_the_specification(config, intra, inter):
    found = cost(config)
    assert (found.intra_parameters, found.inter_parameters) == (intra, inter)
    assert found.parameters == intra + inter


@pytest.mark.parametrize(
    ("config", "large", "small"),
    [
        (LOW, (3432.9, 2618.1), (700.0, 533.9)),
        (replace(LOW, ar=True), (3438.5, 2623.8), (701.2, 535.0)),
        # DVC++
        (
            EnvcConfig(predictor="pixel_flow", refine=False, residual="pixel", motion_input="pixel"),
            (1538.4, 1025.3),
            (313.7, 209.1),
        ),
    ],
)
def test_thops_counts_are_those_of_table_vi(config, large, small):
    for size, (encode, decode) in (((1080, 1920), large), ((480, 832), small)):
        found = p_frame_gmacs(config, *size)
        assert (found["encode_thop"], found["decode_thop"]) == (encode, decode)


@pytest.mark.parametrize(
    ("changes", "encode", "decode"),
    [
        ({"predictor": "pixel_flow"}, 1.819, 1.202),
        ({"predictor": "scale_space"}, 1.820, 1.203),
        ({"predictor": "feature_deform"}, 1.706, 1.313),
        ({"predictor": "scale_space", "refine": False}, 1.114, 0.720),  # SSF++ as far as it is known
    ],
)
def test_thops_counts_of_the_predictors(changes, encode, decode):
    found = p_frame_gmacs(replace(LOW, **changes), 1080, 1920)
    million_pixels = 1080 * 1920 / 1e6
    assert found["encode_thop"] / 1e3 / million_pixels == pytest.approx(encode, abs=6e-4)
    assert found["decode_thop"] / 1e3 / million_pixels == pytest.approx(decode, abs=6e-4)


@pytest.mark.parametrize(("ar", "encode", "decode"), [(False, 1.638, 1.175), (True, 1.647, 1.184)])
def test_products_are_those_of_the_specification(ar, encode, decode):
    found = p_frame_gmacs(replace(LOW, ar=ar), 1080, 1920)
    million_pixels = 1080 * 1920 / 1e6
    assert found["encode_products"] / 1e3 / million_pixels == pytest.approx(encode, abs=6e-4)
    assert found["decode_products"] / 1e3 / million_pixels == pytest.approx(decode, abs=6e-4)


def test_modules_by_hand():
    """Thousands a pixel; products, and thop's count where it differs."""
    expected = {
        "m_fuse": (147.46,) * 2,
        "m_enc": (90.24,) * 2,
        "m_dec": (22.72, 39.04),
        "process": (258.05,) * 2,
        "r_enc": (90.88,) * 2,
        "r_ha": (1.04,) * 2,
        "r_hs": (2.18, 3.34),
        "context_m": (1.25 + 1.90, 1.90),
        "prior_r": (5.00 + 8.40, 8.40),
    }
    found = inter_macs(replace(LOW, ar=True))["encode"]
    for name, (products, thop) in expected.items():
        assert found[name].products / 4096e3 == pytest.approx(products, abs=0.01)
        assert found[name].thop / 4096e3 == pytest.approx(thop, abs=0.01)
    assert found["predictor"].thop / 4096e3 == pytest.approx(89.60 + 28.29, abs=0.01)
    i = intra_macs(LOW)
    assert i["encode"]["g_a"].products / 4096e3 == pytest.approx(313.60, abs=0.01)
    assert i["reconstruct"]["g_s"].thop / 4096e3 == pytest.approx(383.49, abs=0.01)


def test_products_are_those_that_the_program_makes():
    """Of a decoder, by the traced program, which also multiplies outside the borders of transposed convolutions."""
    params = jax.eval_shape(partial(init_params, LOW), jax.random.key(0))
    size = 256, 320
    latents = Inter(*(jax.ShapeDtypeStruct(s, jnp.float32) for s in inter_shapes(LOW, 1, *size).values()))
    before = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    counted = macs(partial(decode_inter, LOW), params, latents, before)
    found = inter_macs(LOW)["decode"]
    expected = 20 * sum(found[name].products for name in found if name not in ("r_hs", "prior_r"))
    assert counted == pytest.approx(expected, rel=0.01)


def test_a_clip_costs_an_i_frame_and_p_frames():
    one, two, three = (cost(LOW, (frames, 64, 128)) for frames in (1, 2, 3))
    assert three.encoder_macs - two.encoder_macs == two.encoder_macs - one.encoder_macs
    assert one.decoder_macs == 2 * sum(macs.products for macs in intra_macs(LOW)["decode"].values())
    with pytest.raises(UserError, match="count: height=100 must be a multiple of 64"):
        cost(LOW, (2, 100, 128))
