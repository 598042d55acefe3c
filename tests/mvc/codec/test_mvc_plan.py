"""Networks by size, rate and number of parameters."""

import math

import pytest

from vqvae_jax.codec.interface import FitWish
from vqvae_jax.errors import UserError
from vqvae_jax.mvc.codec.plan import BITS_PER_NUMBER, BITS_PER_WEIGHT, plan, strides_for
from vqvae_jax.mvc.count import embedding_numbers, parameters

HD = (720, 1280)


@pytest.mark.parametrize(
    ("size", "strides"),
    [  # of the paper (IV-A) and of the specification's small configurations
        (HD, (5, 2, 2, 2, 2)),
        ((1080, 1920), (5, 3, 2, 2, 2)),
        ((180, 320), (5, 2, 2)),
        ((72, 128), (2, 2, 2)),
    ],
)
def test_grids_of_known_sizes_are_those_of_the_paper(size, strides):
    (config,) = plan([100], size, FitWish(parameters=1_000_000))
    assert strides_for(*size) == config.strides == strides
    assert (config.h, config.w, config.pad_bottom, config.pad_right) == (9, 16, 0, 0)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (288, 352), (480, 854), (240, 416), (1080, 1440), (2160, 3840)])
def test_every_size_has_a_grid_of_about_as_many_places_and_little_padding(size):
    (config,) = plan([100], size, FitWish(parameters=1_000_000))
    assert config.clip == (100, *size)
    if min(size) > 1:
        assert 80 <= config.h * config.w <= 260
        assert config.height * config.width <= 1.35 * math.prod(size)


@pytest.mark.parametrize("most", [60_000, 250_000, 1_000_000, 3_000_000, 12_000_000])
def test_networks_have_nearly_as_many_parameters_as_they_may(most):
    (config,) = plan([132], HD, FitWish(parameters=most))
    assert 0.9 * most < parameters(config) <= most


@pytest.mark.parametrize("bpp", [0.02, 0.05, 0.2])
def test_a_rate_is_that_of_weights_and_embeddings_at_the_bits_that_files_have(bpp):
    configs = plan([40, 92], HD, FitWish(bpp=bpp))
    pixels = 132 * math.prod(HD)
    bits = sum(BITS_PER_WEIGHT * parameters(c) + BITS_PER_NUMBER * embedding_numbers(c) for c in configs)
    assert 0.9 * bpp < bits / pixels <= bpp
    # Shared out by frames; all but the widths is alike.
    assert parameters(configs[0]) == pytest.approx(parameters(configs[1]) * 40 / 92, rel=0.15)
    assert len({(c.d0, c.stem, c.td, c.fusion, c.strides) for c in configs}) == 1


def test_an_embedding_that_would_take_most_of_the_rate_is_left_out():
    (wide,) = plan([100], (180, 320), FitWish(bpp=0.2))
    (narrow,) = plan([100], (180, 320), FitWish(bpp=0.05))
    assert (wide.kind, wide.embedding is None) == ("mvc", False)
    assert (narrow.kind, narrow.embedding) == ("enerv", None)


def test_less_than_the_narrowest_network_is_refused():
    few = int(0.001 * 10 * 128 * 72 / BITS_PER_WEIGHT)
    with pytest.raises(UserError, match=rf"bpp=0.001 for 10 frames of 128x72: {few} parameters are too few: .*"):
        plan([10], (72, 128), FitWish(bpp=0.001))
    with pytest.raises(UserError, match=r"for 1 frame of 128x72: "):
        plan([1], (72, 128), FitWish(bpp=0.001))
    with pytest.raises(
        UserError, match=r"64 frames of 64x64 in 2 scenes, which share them by their frames: 8,000 param"
    ):
        plan([32, 32], (64, 64), FitWish(parameters=16_000))
