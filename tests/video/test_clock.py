"""Times of pictures are the doubles nearest to exact fractions."""

from fractions import Fraction
from types import SimpleNamespace

import pytest

from vqvae_jax.video.clock import Clock


@pytest.mark.parametrize("unit", [Fraction(1001, 30000), Fraction(1, 90000), Fraction(1, 3), Fraction(1001, 24000)])
@pytest.mark.parametrize("first", [0, 5, 2**40 + 7])
def test_every_time_is_the_double_nearest_to_the_exact_one(unit, first):
    clock = Clock(SimpleNamespace(time_base=unit), Fraction(30), "stamps")
    for step in (*range(0, 3000, 7), 3001, 10_000):
        assert clock.of(SimpleNamespace(pts=first + step)) == float(step * unit)
    assert clock.lasts() == float(Fraction(1, 30))
