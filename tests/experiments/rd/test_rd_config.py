"""What may be asked of `experiments.rd`."""

from pathlib import Path

import pytest

from experiments.rd.config import RdConfig
from vqvae_jax.errors import UserError


def config(**options):
    return RdConfig(Path("data"), Path("out"), **options)


def test_other_settings_take_the_place_of_a_codecs_own():
    assert config(points=("x265=40,28", "vvc=63")).rates == {"x265": (28, 40), "vvc": (63,)}


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("x264=99", "numbers up to 51 for x264"),
        ("svtav1=64", "numbers up to 63 for svtav1"),
        ("msvqvae=1", "CODEC=NUMBER"),
        ("x264=", "CODEC=NUMBER"),
    ],
)
def test_settings_that_an_encoder_does_not_have_are_refused(points, message):
    with pytest.raises(UserError, match=message):
        config(points=(points,))
