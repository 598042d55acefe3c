"""Starting from the weights of another run."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from narrow_models import narrow, narrow_experiment, started

from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.train import MSVQVAETask
from vqvae_jax.training.checkpoints import FOLDER, Checkpoints
from vqvae_jax.training.optimizer import OptimizerConfig, make_optimizer
from vqvae_jax.training.snapshot import start_from_run
from vqvae_jax.training.state import TrainState


def state_of(experiment, seed, ema=False):
    """A state with weights of its own for every seed; Adam's moments and the step are those of a run under way."""
    params, books = jax.tree.map(lambda leaf: leaf * (1 + seed), started(experiment.model)[1:])
    config = OptimizerConfig(weight_ema=0.9 if ema else 0.0)
    opt_state = make_optimizer(config, 10, 8).init(params)
    average = jax.tree.map(lambda leaf: leaf + 1.0, params) if ema else None
    extras = {"codebooks": books, "perceptual_weight": np.float32(0.5)}
    return TrainState(np.int32(5), params, opt_state, average, extras)


def saved(folder, states, psnr):
    checkpoints = Checkpoints(folder / FOLDER)
    for step, (state, value) in enumerate(zip(states, psnr, strict=True), start=1):
        checkpoints.save(step, state, {}, {}, None if value is None else {"score": value})
    checkpoints.close()
    return folder


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, jax.tree.map(np.asarray, a), jax.tree.map(np.asarray, b))


@pytest.fixture(scope="module")
def experiment():
    return narrow_experiment()


@pytest.mark.parametrize("psnr, taken", [([30.0, 20.0], 1), ([None, None], 2)])
def test_weights_and_codebooks_are_the_bests_or_else_the_latests(tmp_path, experiment, psnr, taken):
    others = {seed: state_of(experiment, seed) for seed in (1, 2)}
    run = saved(tmp_path, others.values(), psnr)
    got = start_from_run(run, MSVQVAETask(experiment, 10))
    assert_equal(got.params, others[taken].params)
    assert_equal(got.extras, {"codebooks": others[taken].extras["codebooks"]})


def test_the_average_of_the_weights_is_taken_where_there_is_one(tmp_path, experiment):
    other = state_of(experiment, 1, ema=True)
    run = saved(tmp_path, [other], [None])
    for ema in (False, True):
        config = replace(experiment, optimizer=OptimizerConfig(weight_ema=0.9 if ema else 0.0))
        assert_equal(start_from_run(run, MSVQVAETask(config, 10)).params, other.ema_params)


def test_another_structure_is_refused_by_the_name_of_a_leaf(tmp_path, experiment):
    run = saved(tmp_path, [state_of(experiment, 1)], [None])
    wide = MSVQVAETask(replace(experiment, model=replace(narrow("tiny"), width=16)), 10)
    with pytest.raises(UserError, match=r"--init-from .*params/.* is of shape .*; the models must be the same"):
        start_from_run(run, wide)
    with pytest.raises(UserError, match="--init-from"):
        start_from_run(run, MSVQVAETask(narrow_experiment("vqvae3d"), 10))
    codes = replace(narrow("tiny"), top=replace(narrow("tiny").top, codes=8))
    with pytest.raises(UserError, match=r"codebooks/top.*\(16"):
        start_from_run(run, MSVQVAETask(replace(experiment, model=codes), 10))


def test_a_folder_that_is_no_run_is_named(tmp_path, experiment):
    with pytest.raises(UserError, match="there is no such run"):
        start_from_run(tmp_path / "none", MSVQVAETask(experiment, 10))
