"""The family as commands meet it: it is counted, and not trained."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import configs
from vqvae_jax import families
from vqvae_jax.errors import UserError

ROOT = Path(__file__).parents[2]


def test_the_count_command_counts_it():
    command = [sys.executable, "-m", "experiments.count", "envc_ar", "--json"]
    facts = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert facts["intra_parameters"] == 12_229_987 and facts["inter_parameters"] == 21_066_931
    assert facts["p_frame_gmacs"]["1920x1080"]["decode_thop"] == 2623.8


def test_what_is_not_there_is_refused_in_a_line():
    experiment = configs.load("envc")
    with pytest.raises(UserError, match="training them is not part of this version"):
        families.task_of(experiment)


def test_its_configuration_goes_to_json_and_back():
    experiment = configs.load("envc_high")
    assert families.experiment_from(json.loads(json.dumps(families.config_of(experiment))), "here") == experiment
