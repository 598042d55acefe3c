"""`--init-from FILE.safetensors`: a run that is lost goes on from its bundle."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from tests.codec.example_bundle import MODELS, example_codebooks, example_params, save_example
from vqvae_jax.errors import UserError
from vqvae_jax.families import start_from
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.train import MSVQVAETask


def task_of(model):
    return MSVQVAETask(Experiment(model=model, data=replace(Experiment().data, frames=model.clip[0])), 10)


@pytest.mark.parametrize("levels", [1, 2])
def test_weights_and_codebooks_are_the_bundles(tmp_path, levels):
    file = tmp_path / "m.safetensors"
    save_example(file, levels)
    weights = start_from(file, task_of(MODELS[levels]))
    jax.tree.map(np.testing.assert_array_equal, weights.params, example_params(MODELS[levels]))
    for name, book in example_codebooks(MODELS[levels]).items():
        jax.tree.map(np.testing.assert_array_equal, weights.extras["codebooks"][name], book)


def test_a_bundle_of_another_model_or_a_damaged_one_is_refused(tmp_path):
    file = tmp_path / "m.safetensors"
    save_example(file)
    with pytest.raises(UserError, match=r"--init-from .*m.safetensors: .* the models must be the same"):
        start_from(file, task_of(replace(MODELS[2], width=24)))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match="digest does not fit"):
        start_from(file, task_of(MODELS[2]))
    with pytest.raises(UserError, match="does not exist"):
        start_from(tmp_path / "none.safetensors", task_of(MODELS[2]))
