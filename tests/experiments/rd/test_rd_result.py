"""Earlier results beside what is measured now."""

import json

import pytest

from experiments.rd.result import read_earlier, read_rd
from tests.experiments.rd.example_rd import example_rd
from vqvae_jax.errors import UserError


def test_what_was_measured_without_a_perceptual_distance_stands_beside_what_has_one(tmp_path):
    file, rd = tmp_path / "rd.json", example_rd()
    some, none, other = ({**rd["perceptual"], "trunk": trunk} for trunk in ("a VGG-16", None, "another"))
    file.write_text(json.dumps({**rd, "perceptual": none}))
    assert read_earlier([file], rd["data"], some, []) == [read_rd(file)]
    file.write_text(json.dumps({**rd, "perceptual": some}))
    assert read_earlier([file], rd["data"], some, []) == [read_rd(file)]
    for measured in (none, other):
        with pytest.raises(UserError, match="another perceptual distance"):
            read_earlier([file], rd["data"], measured, [])
