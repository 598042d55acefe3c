"""Moving between grids."""

import jax
import numpy as np
import pytest

from vqvae_jax.layers.resample import Down, Head, Stem, Up, depth_to_space, nearest, space_to_depth, stages

X = np.random.default_rng(0).standard_normal((2, 4, 4, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("factors", [(2, 4, 4), (1, 2, 2), (4, 1, 8), (1, 1, 1)])
def test_depth_to_space_undoes_space_to_depth(factors):
    packed = space_to_depth(X, factors)
    assert packed.shape == (2, 4 // factors[0], 4 // factors[1], 8 // factors[2], 3 * np.prod(factors))
    np.testing.assert_array_equal(depth_to_space(packed, factors), X)


def test_space_to_depth_gathers_the_block_of_a_position():
    block = X[1, 2:4, 0:2, 6:8]
    np.testing.assert_array_equal(space_to_depth(X, (2, 2, 2))[1, 1, 0, 3], block.reshape(-1))


def test_depth_to_space_equals_torch_pixel_shuffle_in_the_plane():
    torch = pytest.importorskip("torch", reason="torch is the reference")
    x = np.random.default_rng(1).standard_normal((1, 3, 5, 12)).astype(np.float32)  # [frames, h, w, 2 * 2 * C]
    # Torch wants channels ordered (C, h, w); ours are (h, w, C).
    ordered = x.reshape(1, 3, 5, 4, 3).swapaxes(-1, -2).reshape(1, 3, 5, 12).transpose(0, 3, 1, 2)
    expected = torch.pixel_shuffle(torch.tensor(ordered), 2).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(depth_to_space(x[None], (1, 2, 2))[0], expected)


def test_nearest_repeats_every_position():
    expected = np.kron(X[0, :, :, :, 0], np.ones((2, 1, 3)))
    np.testing.assert_array_equal(nearest(X, (2, 1, 3))[0, ..., 0], expected)


@pytest.mark.parametrize(
    ("strides", "expected"),
    [
        ((2, 4, 4), [(1, 2, 2), (2, 2, 2)]),
        ((1, 2, 2), [(1, 2, 2)]),
        ((4, 4, 4), [(2, 2, 2), (2, 2, 2)]),
        ((1, 8, 8), [(1, 2, 2)] * 3),
        ((8, 2, 4), [(2, 1, 1), (2, 1, 2), (2, 2, 2)]),
    ],
)
def test_stages_multiply_to_the_strides_and_halve_time_last(strides, expected):
    assert stages(strides) == expected
    assert tuple(np.prod(expected, axis=0)) == strides


@pytest.mark.parametrize("kind", ["conv", "patch"])
def test_modules_move_between_the_grids(kind):
    key = jax.random.key(0)

    def shape(module, x):
        return jax.eval_shape(lambda x: module.init_with_output(key, x)[0], x).shape

    features = np.zeros((2, 2, 1, 2, 6), np.float32)
    assert shape(Stem(6, (2, 4, 4), kind, early_width=4), X) == features.shape
    assert shape(Head((2, 4, 4), kind, early_width=4), features) == X.shape
    assert shape(Down(5, (2, 1, 2), kind), features) == (2, 1, 1, 1, 5)
    assert shape(Up(5, (2, 1, 2), kind), features) == (2, 4, 1, 4, 5)


@pytest.mark.parametrize("kind", ["conv", "patch"])
def test_no_module_uses_a_transposed_convolution(kind):
    features = np.zeros((1, 2, 2, 2, 6), np.float32)
    for module in (Head((2, 4, 4), kind, lowering="direct"), Up(5, (2, 2, 2), kind, lowering="direct")):
        jaxpr = jax.make_jaxpr(lambda x, m=module: m.init_with_output(jax.random.key(0), x)[0])(features)
        convolutions = [e for e in jaxpr.jaxpr.eqns if e.primitive.name == "conv_general_dilated"]
        assert convolutions
        assert all(set(e.params["lhs_dilation"]) == {1} for e in convolutions)
