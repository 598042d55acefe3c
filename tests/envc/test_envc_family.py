"""The family as commands meet it: it is counted, and trained."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax

from experiments import configs
from vqvae_jax import families

ROOT = Path(__file__).parents[2]


def test_the_count_command_counts_it():
    command = [sys.executable, "-m", "experiments.count", "envc_ar", "--json"]
    facts = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert facts["intra_parameters"] == 12_229_987 and facts["inter_parameters"] == 21_066_931
    assert facts["p_frame_gmacs"]["1920x1080"]["decode_thop"] == 2623.8


def test_the_small_one_has_less_than_a_quarter_of_the_arithmetic_and_the_same_structure():
    full, small = (configs.load(name) for name in ("envc", "envc_small"))
    macs = [families.cost_of(each, (7, 64, 64)).forward_macs for each in (full, small)]
    assert macs[1] < 0.16 * macs[0]
    refined = replace(small, model=replace(small.model, refine=True))
    assert families.cost_of(refined, (7, 64, 64)).forward_macs < 0.16 * macs[0]
    trees = [families.task_of(each).abstract().params for each in (full, refined)]
    assert jax.tree.structure(trees[0]) == jax.tree.structure(trees[1])


def test_its_configuration_goes_to_json_and_back():
    experiment = configs.load("envc_high")
    assert families.experiment_from(json.loads(json.dumps(families.config_of(experiment))), "here") == experiment
