"""VGG-16 trunks for tests: random weights of a realistic scale, and the real ones where ../shared holds them."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.losses.vgg_weights import expected_shapes, load_vgg, trunk_digest

SHARED_TRUNK = Path(__file__).parents[3] / "shared" / "weights" / "vgg16_relu3_3_ssdft.npz"


def make_random_weights(seed=0):
    """He-scaled kernels, so that activations neither vanish nor blow up over seven layers."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in expected_shapes().items():
        scale = np.sqrt(2 / np.prod(shape[:3])) if len(shape) == 4 else 0.1
        weights[name] = (scale * rng.standard_normal(shape)).astype(np.float32)
    return weights


@pytest.fixture(scope="session")
def random_weights():
    return make_random_weights()


@pytest.fixture(scope="session")
def random_trunk(random_weights):
    arrays = {name: jnp.asarray(array) for name, array in random_weights.items()}
    return VggTrunk(arrays, trunk_digest(random_weights, "imagenet"), "random, for tests")


@pytest.fixture(scope="session", params=["random", "real"])
def trunk(request, random_trunk):
    if request.param == "random":
        return random_trunk
    if not SHARED_TRUNK.exists():
        pytest.skip("real VGG-16 weights are not beside the checkout")
    return load_vgg(SHARED_TRUNK)
