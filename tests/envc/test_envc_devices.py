"""One step of both models: one device equals two, under both mappings."""

from pathlib import Path

import pytest

from tests.training.device_equality import assert_devices_equal

pytestmark = pytest.mark.slow


def test_two_devices_equal_one(tmp_path):
    program = Path(__file__).parent / "run_stage.py"
    assert_devices_equal(program, tmp_path / "steps.npz", devices=2, rtol=1e-3, fewest=201)
