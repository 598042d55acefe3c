"""A size is found among qualities, whatever the curve, in few trials."""

import math

import pytest

from vqvae_jax.codec.encoder import Encoded
from vqvae_jax.codec.rate_control import Target, encode_to_size
from vqvae_jax.errors import UserError


class Curve:
    """Sizes by quality; counts what is asked."""

    def __init__(self, size):
        self.size, self.asked = size, []

    def __call__(self, quality, out):
        self.asked.append(quality)
        out.write(b"%d" % round(quality))
        return Encoded(32, 64, 64, 1, round(self.size(quality)), {})


CURVES = {
    "exponential": lambda q: 500 * math.exp(q / 25),
    "bent": lambda q: 500 + 90 * q + 0.9 * q**2,
    "steep at the end": lambda q: 800 + 1e-5 * q**4.5,
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.95])
def test_within_two_percent(name, part):
    size = CURVES[name]
    wanted = size(0) ** (1 - part) * size(100) ** part
    curve = Curve(size)
    found = encode_to_size(curve, Target(size=round(wanted)))
    assert found.reached and abs(found.encoded.bytes / wanted - 1) < 0.0205
    assert found.content == b"%d" % round(found.quality)
    assert len(curve.asked) <= 9


def test_bits_per_pixel_are_of_the_whole_file():
    found = encode_to_size(Curve(CURVES["exponential"]), Target(bpp=0.1))
    assert found.wanted == 0.1 * 32 * 64 * 64 / 8 and found.reached


@pytest.mark.parametrize(("size", "quality"), [(10, 0.0), (10**9, 100.0)])
def test_what_cannot_be_reached_is_said_with_the_nearest_that_can(size, quality):
    found = encode_to_size(Curve(CURVES["bent"]), Target(size=size))
    assert not found.reached and found.quality == quality
    assert f"the nearest is {found.encoded.bytes:,} bytes" in found.missed


def test_a_staircase_gives_its_nearest_step():
    curve = Curve(lambda q: 1000 if q < 61 else 3000)
    found = encode_to_size(curve, Target(size=2500))
    assert (found.encoded.bytes, found.reached) == (3000, False) and len(curve.asked) <= 12


def test_one_target_above_nothing():
    for arguments in ({}, {"bpp": 0.1, "size": 5}, {"bpp": 0.0}, {"size": -1}, {"bpp": math.nan}):
        with pytest.raises(UserError, match=r"target-(bpp|bytes)"):
            Target(**arguments)
