"""What motion encoders are shown of block matching."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import gaussian_filter

from vqvae_jax.envc.matching import REACH, hints
from vqvae_jax.layers.matching import match


def test_large_blocks_come_first_and_no_gradient_passes():
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(1, 64, 64, 3)), (0, 2, 2, 0))
    before = jnp.asarray(0.5 + 0.4 * noise / np.abs(noise).max(), jnp.float32)
    after = before.at[:, :, 32:].set(jnp.roll(before, 4, axis=1)[:, :, 32:])
    found = np.asarray(hints(before, after, 32, 32))
    assert found.shape == (1, 32, 32, 6) and np.abs(found[..., :4]).max() <= 1
    # In the right half four rows up is where it comes from; of a block all positions are told the same.
    np.testing.assert_allclose(found[0, 8:24, 16:, 0], -4 / REACH, atol=0.01)
    np.testing.assert_allclose(found[0, :, :16, :2], 0, atol=0.05)
    blocks = found[0, :, :, :2].reshape(4, 8, 4, 8, 2)
    np.testing.assert_array_equal(blocks, np.broadcast_to(blocks[:, :1, :, :1], blocks.shape))
    small = match(2 * before - 1, 2 * after - 1, REACH, 4, repeated=False)
    np.testing.assert_allclose(
        found[0, 15:17, 27:29, 2].mean(), np.mean(small.flow[0, 7:9, 13:15, 0]) / REACH, atol=0.05
    )
    assert not jax.grad(lambda x: hints(x, after, 32, 32).sum())(before).any()
