"""ResNet-34 against a second reading in NumPy, random features against themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import correlate

from vqvae_jax.errors import UserError
from vqvae_jax.mvc.supervision import resnet
from vqvae_jax.mvc.supervision.features import DIM, feature_net


def weights(seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    for name, shape in resnet.shapes().items():
        drawn = rng.normal(0, 1, shape) / np.sqrt(max(np.prod(shape[:-1]), 1))
        if name.endswith("running_var"):
            drawn = rng.uniform(0.5, 1.5, shape)
        elif "/bn" in f"/{name}" or "downsample/1" in name or name.endswith("bias"):
            drawn = rng.normal(1.0 if name.endswith("kernel") else 0.0, 0.1, shape)
        found[name] = drawn.astype(np.float32)
    return found


def by_hand(w, x_HWC):
    """torchvision's resnet34 in evaluation, of one small picture."""
    w = {name: array.astype(np.float64) for name, array in w.items()}

    def conv(name, x, stride):
        kernel = w[f"{name}/kernel"]
        reach = kernel.shape[0] // 2
        x = np.pad(x, ((reach, reach), (reach, reach), (0, 0)))
        planes = [correlate(x, kernel[..., o], mode="valid", method="direct")[..., 0] for o in range(kernel.shape[-1])]
        return np.stack(planes, axis=-1)[::stride, ::stride]

    def norm(name, x):
        scale = w[f"{name}/kernel"] / np.sqrt(w[f"{name}/running_var"] + 1e-5)
        return (x - w[f"{name}/running_mean"]) * scale + w[f"{name}/bias"]

    x = (x_HWC - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    x = np.maximum(norm("bn1", conv("conv1", x, 2)), 0)
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    rows, columns = ((side + 1) // 2 for side in x.shape[:2])
    x = np.array(
        [[padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((0, 1)) for j in range(columns)] for i in range(rows)]
    )
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            name, stride = f"layer{stage}/{block}", 2 if stage > 1 and block == 0 else 1
            y = np.maximum(norm(f"{name}/bn1", conv(f"{name}/conv1", x, stride)), 0)
            y = norm(f"{name}/bn2", conv(f"{name}/conv2", y, 1))
            if stride == 2:
                x = norm(f"{name}/downsample/1", conv(f"{name}/downsample/0", x, 2))
            x = np.maximum(x + y, 0)
    return x.mean((0, 1))


def test_resnet_34_has_torchvisions_count():
    assert resnet.parameters() == resnet.PARAMETERS == 21_797_672
    assert resnet.parameters() - 513_000 == 21_284_672


@pytest.mark.slow
def test_resnet_34_is_a_second_reading_of_it(tmp_path):
    file = tmp_path / "resnet34.npz"
    np.savez(file, **weights())
    net = feature_net("resnet34", file)
    x = np.random.default_rng(1).uniform(0, 1, (1, 22, 30, 3)).astype(np.float32)
    found = net.apply(net.weights, jnp.asarray(x))
    assert found.shape == (1, 512)
    expected = by_hand(weights(), x[0].astype(np.float64))
    np.testing.assert_allclose(found[0], expected, atol=1e-3 * np.abs(expected).max())


def test_a_file_of_something_else_is_refused(tmp_path):
    with pytest.raises(UserError, match="needs a file"):
        feature_net("resnet34")
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(UserError, match=r"not a readable .npz file"):
        feature_net("resnet34", tmp_path / "text.npz")
    np.savez(tmp_path / "part.npz", **{"conv1/kernel": np.zeros((7, 7, 3, 63), np.float32)})
    with pytest.raises(UserError, match=r"conv1/kernel is float32 \(7, 7, 3, 63\)"):
        feature_net("resnet34", tmp_path / "part.npz")


def test_random_features_are_the_same_everywhere_and_have_a_gradient():
    net, again = feature_net("randconv"), feature_net("randconv")
    assert net.frozen == again.frozen
    x = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (2, 24, 40, 3)), jnp.float32)
    found = net.apply(net.weights, x)
    assert found.shape == (2, DIM)
    kernel = np.asarray(net.weights["randconv_1"])
    assert abs(kernel.std() / np.sqrt(2 / (9 * 16)) - 1) < 0.05
    assert float(jnp.abs(jax.grad(lambda y: jnp.sum(net.apply(net.weights, y)))(x)).max()) > 0
    # Pictures that differ are told apart once what they share is taken off.
    assert float(jnp.max(jnp.abs(found[0] - found[1]))) > 1e-3
