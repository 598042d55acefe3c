"""The shapes that a bundle is checked against are those of the model."""

import dataclasses

import jax
import pytest

from tests.ntc.narrow import NARROW
from vqvae_jax.ntc.codec.shapes import transform_shapes
from vqvae_jax.ntc.coding import init_params
from vqvae_jax.ntc.config import NtcConfig
from vqvae_jax.training.digests import named_leaves


@pytest.mark.parametrize(
    "config",
    [
        NtcConfig(),
        NARROW,
        dataclasses.replace(NARROW, motion=True),
        dataclasses.replace(NARROW, motion=True, reach=2, hints="matching"),
        dataclasses.replace(
            NARROW, analysis_blocks=0, encoder_blocks=2, coarse_blocks=0, decoder_blocks=0, refine_blocks=3
        ),
        dataclasses.replace(NARROW, width=5, coarse_width=7, latents=12, lambdas=(1e-4, 1e-3)),
    ],
    ids=["ntc", "narrow", "motion", "hints", "depths", "widths"],
)
def test_written_down_and_made_are_the_same(config):
    made = named_leaves(jax.eval_shape(lambda: init_params(config, jax.random.key(0)))["transform"])
    assert transform_shapes(config) == {name: leaf.shape for name, leaf in made.items()}
