"""A run's folder names the machines that trained it."""

import json

import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.training import machines
from vqvae_jax.training.machines import MACHINES_FILE, note_machine, trained_on


def test_each_machine_is_named_once_in_order(tmp_path, monkeypatch):
    assert trained_on(tmp_path) == []
    for name in ("1 x cpu, 2 cores", "1 x cpu, 2 cores", "8 x H200, 64 cores", "1 x cpu, 2 cores"):
        monkeypatch.setattr(machines, "describe_devices", lambda name=name: name)
        note_machine(tmp_path)
    assert trained_on(tmp_path) == ["1 x cpu, 2 cores", "8 x H200, 64 cores"]


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"machines": "cpu"}), json.dumps({"machines": [1]})])
def test_a_damaged_list_is_refused_by_name(tmp_path, content):
    (tmp_path / MACHINES_FILE).write_text(content)
    with pytest.raises(UserError, match=r"machines\.json is damaged"):
        trained_on(tmp_path)
