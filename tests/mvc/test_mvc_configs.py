"""Named experiments have the specification's counts (section 12), and are of this family."""

import pytest

from experiments import configs
from experiments.count import describe
from vqvae_jax.families import config_of, experiment_from

COUNTS = {
    "micro64": 57_415,
    "micro128": 51_467,
    "tiny128": 223_275,
    "small320": 547_015,
    "gpu_lo": 1_852_643,
    "gpu_mid": 2_541_683,
    "gpu_hi": 5_746_499,
    "enerv_l": 12_490_314,
    "gpu_1080": 3_371_603,
}


@pytest.mark.parametrize("name", COUNTS)
def test_named_experiments_have_the_specifications_counts(name):
    experiment = configs.load(f"mvc_{name}")
    assert experiment.name == f"mvc_{name}"
    found = describe(experiment.name, experiment)
    assert found["parameters"] == COUNTS[name]
    assert found["clip"] == list(experiment.model.clip) and found["decoder_macs_per_clip"] > 0
    assert experiment_from(config_of(experiment), "here") == experiment


def test_the_list_is_whole():
    assert {name for name in configs.names() if name.startswith("mvc_")} == {f"mvc_{name}" for name in COUNTS}
