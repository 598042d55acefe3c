"""Mapping over one device in this process; eight devices are in `tests/msvqvae/test_device_equality.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from vqvae_jax.errors import ConfigError
from vqvae_jax.training.mapping import AXIS, DeviceMap

KINDS = ["pmap", "shard_map"]


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_and_results_are_replicated_or_split(kind):
    devices = DeviceMap(kind, jax.devices()[:1])

    def function(weights, batch):
        total = lax.psum(jnp.sum(batch), AXIS)
        return weights * total, batch + weights

    mapped = devices.map(function, (False, True), (False, True))
    batch = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    weights = devices.replicate(jnp.asarray(2.0))
    scaled, shifted = mapped(weights, devices.split(batch))
    assert scaled.shape == () and scaled == 30.0
    np.testing.assert_array_equal(devices.join(shifted), batch + 2)
    # What comes out replicated goes in again as it is.
    assert mapped(scaled, devices.split(batch))[0] == 450.0


@pytest.mark.parametrize("kind", KINDS)
def test_donated_state_is_reused(kind):
    devices = DeviceMap(kind, jax.devices()[:1])
    mapped = devices.map(lambda state, batch: (state + jnp.sum(batch),), (False, True), (False,), donate=(0,))
    state = devices.replicate(jnp.zeros(1000))
    (new,) = mapped(state, devices.split(np.ones((2, 3), np.float32)))
    np.testing.assert_array_equal(new, 6.0)
    assert state.is_deleted()


def test_auto_is_shard_map():
    assert DeviceMap("auto").kind == "shard_map"


def test_a_batch_that_devices_cannot_share_is_an_error():
    devices = DeviceMap("auto", jax.devices()[:1] * 3)
    devices.check_batch(6, "data.batch_size")
    with pytest.raises(ConfigError, match=r"data\.batch_size=8 must be a multiple of the number of devices, 3"):
        devices.check_batch(8, "data.batch_size")
