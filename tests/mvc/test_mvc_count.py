"""Counts against those that were published, and the search for a rate against the specification's table."""

from dataclasses import replace

import jax
import pytest

from tests.mvc.tiny_mvc import TINY
from vqvae_jax.errors import UserError
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.count import cost, embedding_numbers, formula_bits, frame_macs, of_parameters, of_rate, parameters
from vqvae_jax.mvc.weights import init

NERV = MvcConfig(kind="nerv", context="off", expansion=1.0, levels=40)
ENERV = MvcConfig(kind="enerv", context="off")
RATES = MvcConfig(fusion="mlp", frames=600)


@pytest.mark.parametrize(("channels", "levels", "count"), [
    (26, 40, 3_201_905), (58, 40, 6_282_001), (112, 40, 12_524_563), (112, 80, 12_565_523),
])  # fmt: skip
def test_nerv_has_as_many_parameters_as_were_published(channels, levels, count):
    assert parameters(replace(NERV, channels=channels, levels=levels)) == count


def test_enerv_and_mvc_have_as_many_parameters_as_were_published():
    assert cost(ENERV).published_parameters == 12_490_602
    assert [cost(replace(ENERV, channels=c)).published_parameters for c in (66, 128)] == [3_195_589, 6_336_483]
    assert parameters(MvcConfig()) == 12_490_602 - 288 + 768 == 12_491_082
    assert parameters(replace(MvcConfig(), strides=(5, 3, 2, 2, 2))) == 20_271_792


#: fc, low, parameters of 720p and 1080p, bits per pixel of their weights (specification 4.2).
TABLE = [
    (32, 24, 845_747, 0.0122, 1_053_347, 0.0068),
    (48, 32, 1_254_807, 0.0182, 1_721_727, 0.0111),
    (64, 48, 1_852_643, 0.0268, 2_682_563, 0.0172),
    (64, 96, 2_541_683, 0.0368, 3_371_603, 0.0217),
    (96, 96, 3_913_691, 0.0566, 5_780_651, 0.0372),
    (128, 96, 5_746_499, 0.0831, 9_065_219, 0.0583),
    (196, 96, 11_900_618, 0.1722, 19_681_328, 0.1266),
]


@pytest.mark.parametrize("row", TABLE)
def test_rates_are_those_of_the_table(row):
    channels, low, *both = row
    for strides, (count, bpp) in (((5, 2, 2, 2, 2), both[:2]), ((5, 3, 2, 2, 2), both[2:])):
        config = replace(RATES, channels=channels, lower_width=low, strides=strides)
        assert parameters(config) == count
        assert round(8 * count / (600 * config.height * config.width), 4) == bpp
        assert parameters(replace(config, fusion="trans")) - count == 590_464
    assert embedding_numbers(RATES) * 8 == 600 * 3456


def test_the_search_finds_the_widest_network_under_a_rate():
    pixels = 600 * 720 * 1280
    for bpp in (0.02, 0.05, 0.1):
        found = of_rate(RATES, bpp)
        assert formula_bits(found) <= bpp * pixels
        wider = replace(
            found, channels=found.channels + 1, lower_width=min(max(round(0.75 * (found.channels + 1)), 24), 96)
        )
        assert formula_bits(wider) > bpp * pixels
    for row in (TABLE[0], TABLE[2], TABLE[5], TABLE[6]):  # whose fewest channels follow the rule
        assert of_parameters(RATES, row[2]).channels == row[0] and of_parameters(RATES, row[2] - 1).channels < row[0]
    assert of_rate(RATES, 0.05, weight_bits=6).channels > of_rate(RATES, 0.05).channels
    with pytest.raises(UserError, match="the narrowest network of this shape has"):
        of_rate(RATES, 0.001)


@pytest.mark.parametrize("config", [TINY, replace(TINY, kind="enerv", context="off"), replace(TINY, fusion="mlp")])
def test_counts_are_those_of_the_arrays(config):
    made = jax.eval_shape(lambda key: init(key, config), jax.random.key(0))
    found = cost(config)
    assert sum(leaf.size for leaf in made.decoder.values()) == found.parameters
    assert sum(leaf.size for leaf in made.training.values()) == found.training_parameters


def test_multiply_accumulates_are_those_by_hand():
    c, tokens = TINY, 12
    time = 12 * 10 + 10 * 12 + 12 * 6 + 6 * 6
    space = tokens * (27 * 12 + 12 * 15 + 5 * 12 + 2 * 12 * 7 + 2 * tokens * 5)
    fusion = tokens * (12 * 30 + 10 * 12 + 2 * 12 * 7 + 2 * tokens * 10 + 12 * 8)
    modulation = 6 * 2 * (8 + 16 + 8)
    stages = 9 * (12 * 8 * 18 + 108 * 2 * 16 + 108 * 16 * 32 + 432 * 8 * 8)
    assert frame_macs(c) == time + space + fusion + modulation + stages + 432 * 8 * 3
    assert cost(c).decoder_macs == 5 * frame_macs(c)
