"""One step before the optimiser: one device equals eight, under both mappings."""

from pathlib import Path

import pytest

from tests.training.device_equality import assert_devices_equal

pytestmark = pytest.mark.slow


def test_eight_devices_equal_one(tmp_path):
    program = Path(__file__).parent / "run_step.py"
    assert_devices_equal(program, tmp_path / "steps.npz", devices=8, rtol=1e-4, fewest=41)
