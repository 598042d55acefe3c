"""A run's folder names the machines that trained it."""

import json

import jax
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.training import resume
from vqvae_jax.training.resume import MACHINES_FILE, Machine, note_machine, this_machine, trained_on

CPU, GPUS = Machine(1, "cpu", 2), Machine(8, "NVIDIA H200", 64)


def test_each_machine_is_named_once_in_order(tmp_path, monkeypatch):
    assert trained_on(tmp_path) == []
    for machine in (CPU, CPU, GPUS, CPU):
        monkeypatch.setattr(resume, "this_machine", lambda machine=machine: machine)
        note_machine(tmp_path)
    assert trained_on(tmp_path) == [CPU, GPUS]
    assert str(GPUS) == "8 x NVIDIA H200, 64 cores"


def test_this_machine_is_what_jax_sees():
    assert this_machine()[:2] == (jax.device_count(), jax.devices()[0].device_kind)


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"machines": "cpu"}), json.dumps({"machines": [{}]})])
def test_a_damaged_list_is_refused_by_name(tmp_path, content):
    (tmp_path / MACHINES_FILE).write_text(content)
    with pytest.raises(UserError, match=r"machines\.json is damaged"):
        trained_on(tmp_path)
