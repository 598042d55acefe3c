"""The VGG-16 trunk against torch on the same weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.losses.vgg import VggTrunk, features, preprocess
from vqvae_jax.losses.vgg_weights import trunk_digest

torch = pytest.importorskip("torch", reason="torch is the outside reference for the VGG trunk")


def torch_features(weights, x_NHWC, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)):
    """relu1_2, relu2_2, relu3_3 as NCHW torch tensors, written from the paper's table D."""

    def conv(x, name):
        kernel = torch.from_numpy(np.asarray(weights[f"{name}/kernel"]).transpose(3, 2, 0, 1).copy())
        bias = torch.from_numpy(np.array(weights[f"{name}/bias"]))
        return torch.nn.functional.relu(torch.nn.functional.conv2d(x, kernel, bias, padding=1))

    x = (x_NHWC.permute(0, 3, 1, 2) - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    one = conv(conv(x, "conv1_1"), "conv1_2")
    two = conv(conv(torch.nn.functional.max_pool2d(one, 2), "conv2_1"), "conv2_2")
    three = conv(conv(conv(torch.nn.functional.max_pool2d(two, 2), "conv3_1"), "conv3_2"), "conv3_3")
    return one, two, three


def frames(shape=(2, 16, 20, 3), seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@pytest.mark.parametrize("size", [(16, 20), (17, 13)])
def test_activations_equal_torch(trunk, size):
    x = frames((2, *size, 3))
    ours = jax.jit(features)(trunk, x)
    for mine, theirs in zip(ours, torch_features(trunk.weights, torch.from_numpy(x)), strict=True):
        theirs = theirs.permute(0, 2, 3, 1).numpy()
        assert mine.shape == theirs.shape and theirs.max() > 0.1
        np.testing.assert_allclose(mine, theirs, atol=1e-4 * theirs.max())


def test_gradients_equal_torch(trunk):
    x = frames()
    ours = jax.grad(lambda x: sum(jnp.mean(jnp.square(layer)) for layer in features(trunk, x)))(x)
    x_torch = torch.from_numpy(x).requires_grad_()
    sum(layer.square().mean() for layer in torch_features(trunk.weights, x_torch)).backward()
    theirs = x_torch.grad.numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def test_caffe_trunks_see_0_to_255_minus_the_mean(random_weights):
    x = frames()
    caffe = VggTrunk(
        {name: jnp.asarray(array) for name, array in random_weights.items()}, "", "", preprocessing="caffe"
    )
    mean = tuple(value / 255 for value in (123.68, 116.779, 103.939))
    theirs = torch_features(random_weights, torch.from_numpy(x), mean, std=(1 / 255,) * 3)
    for mine, reference in zip(features(caffe, x), theirs, strict=True):
        reference = reference.permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(mine, reference, atol=1e-4 * reference.max())


def test_preprocessing_of_the_mean_colour_is_zero():
    assert np.allclose(preprocess(jnp.full((1, 4, 4, 3), jnp.asarray([0.485, 0.456, 0.406])), "imagenet"), 0, atol=1e-6)


def test_a_bfloat16_trunk_stays_near_float32(random_trunk):
    x = frames()
    for low, full in zip(features(random_trunk, x, jnp.bfloat16), features(random_trunk, x), strict=True):
        assert low.dtype == jnp.bfloat16
        assert np.abs(np.asarray(low, np.float32) - full).mean() < 0.02 * np.abs(full).mean()


def test_frames_that_do_not_fit_are_refused(random_trunk):
    for shape in [(1, 3, 8, 3), (1, 8, 8, 1), (8, 8, 3)]:
        with pytest.raises(UserError, match="RGB frames"):
            features(random_trunk, jnp.zeros(shape))


def test_the_digest_depends_on_values_and_preprocessing(random_weights):
    digest = trunk_digest(random_weights, "imagenet")
    changed = random_weights | {"conv3_3/bias": random_weights["conv3_3/bias"] + np.float32(1e-6)}
    assert len({digest, trunk_digest(changed, "imagenet"), trunk_digest(random_weights, "caffe")}) == 3
