"""Cross-scale prediction: the specification's vectors, a sum written out, its gradient, its memory."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from vqvae_jax.envc.warp import CrossScaleWarp, sample_scales

sampled = jax.jit(sample_scales)
SIDE = 8  # of the finest grid in most tests


def levels_of(value, side=SIDE, channels=1):
    """Three levels, all of one value."""
    return [jnp.full((1, side >> level, side >> level, channels), value, jnp.float32) for level in range(3)]


def only(level, side=SIDE):
    """Weights of one group and one point that read one level, or all with a third each."""
    weights = np.full((1, side, side, 1, 3, 1), 1 / 3) if level is None else np.eye(3)[level][None, :, None]
    return jnp.asarray(np.broadcast_to(weights, (1, side, side, 1, 3, 1)), jnp.float32)


def still(side=SIDE):
    return jnp.zeros((1, side, side, 1, 3, 1, 2))


@pytest.mark.parametrize(
    ("level", "corner", "edge"), [(0, 1.0, 1.0), (1, 0.5625, 0.75), (2, 0.390625, 0.625), (None, 0.651042, 0.791667)]
)
def test_ones_read_without_offsets_fall_off_outside(level, corner, edge):
    found = np.asarray(sampled(levels_of(1.0), still(), only(level)))[0, ..., 0]
    assert found[0, 0] == pytest.approx(corner, abs=1e-6)
    assert found[0, SIDE // 2] == found[SIDE // 2, 0] == pytest.approx(edge, abs=1e-6)
    assert found[SIDE // 2, SIDE // 2] == pytest.approx(1.0, abs=1e-6)


def test_a_ramp_at_half_the_size_is_interpolated():
    levels = levels_of(0.0)
    levels[1] = jnp.broadcast_to(jnp.arange(4.0)[:, None], (1, 4, 4, 1))
    found = np.asarray(sampled(levels, still(), only(1)))[0, 4, :6, 0]
    np.testing.assert_allclose(found, [0, 0.25, 0.75, 1.25, 1.75, 2.25], atol=1e-6)


@pytest.mark.parametrize(("level", "moved"), [(0, 1), (1, 2), (2, 4)])
def test_offsets_are_pixels_of_the_level_that_is_read_x_first(level, moved):
    levels = [
        jnp.broadcast_to(jnp.arange(level.shape[2], dtype=jnp.float32)[:, None], level.shape)
        for level in levels_of(0.0, 32)
    ]
    at = sampled(levels, still(32), only(level, 32))
    right = sampled(levels, still(32).at[..., 0].set(1.0), only(level, 32))
    np.testing.assert_allclose(right[0, 8:24, 8:16], at[0, 8:24, 8 + moved : 16 + moved], atol=1e-5)
    down = sampled(levels, still(32).at[..., 1].set(1.0), only(level, 32))
    np.testing.assert_allclose(down[0, 8:20, 8:16], at[0, 8:20, 8:16], atol=1e-5)


def example(seed=0, side=4, groups=2, depth=3, points=2):
    rng = np.random.default_rng(seed)
    levels = [rng.normal(size=(2, side >> n, 2 * side >> n, groups * depth)) for n in range(3)]
    shape = (2, side, 2 * side, groups, 3, points)
    return levels, rng.normal(scale=2, size=(*shape, 2)), rng.normal(size=shape)


def written_out(levels, offsets, weights):
    """The sum over levels and points in float64."""
    batch, height, width, groups, _, points = weights.shape
    total = np.zeros((batch, height, width, groups, levels[0].shape[-1] // groups))
    row, column = np.mgrid[:height, :width] + 0.5
    for b, g, n, p, d in np.ndindex(batch, groups, 3, points, total.shape[-1]):
        grid = levels[n][b, :, :, g * total.shape[-1] + d]
        y = row * grid.shape[0] / height - 0.5 + offsets[b, :, :, g, n, p, 1]
        x = column * grid.shape[1] / width - 0.5 + offsets[b, :, :, g, n, p, 0]
        read = map_coordinates(grid, (y, x), order=1, mode="grid-constant")
        total[b, :, :, g, d] += weights[b, :, :, g, n, p] * read
    return total.reshape(batch, height, width, -1)


def test_it_is_the_sum_written_out_and_so_is_its_gradient():
    given = example()
    upstream = np.random.default_rng(1).normal(size=(2, 4, 8, 6))
    found, pull = jax.vjp(sampled, *jax.tree.map(lambda part: jnp.asarray(part, jnp.float32), given))
    np.testing.assert_allclose(found, written_out(*given), atol=1e-4)
    gradients = jax.tree.leaves(pull(jnp.asarray(upstream, jnp.float32)))
    rng = np.random.default_rng(2)
    leaves, tree = jax.tree.flatten(given)
    for number, gradient in enumerate(gradients):
        for _ in range(6):  # places at random: each costs two sums
            place = tuple(rng.integers(size) for size in gradient.shape)
            sides = []
            for step in (-1e-6, 1e-6):
                moved = [leaf.copy() for leaf in leaves]
                moved[number][place] += step
                sides.append(np.sum(written_out(*jax.tree.unflatten(tree, moved)) * upstream))
            assert gradient[place] == pytest.approx((sides[1] - sides[0]) / 2e-6, abs=2e-3), (number, place)


@pytest.mark.parametrize("points", [4, 16])
def test_memory_is_that_of_a_few_results_however_many_samples(points):
    side, groups, depth = 32, 4, 32
    levels = [jax.ShapeDtypeStruct((1, side >> n, side >> n, groups * depth), jnp.float32) for n in range(3)]
    shape = (1, side, side, groups, 3, points)
    arguments = levels, jax.ShapeDtypeStruct((*shape, 2), jnp.float32), jax.ShapeDtypeStruct(shape, jnp.float32)
    result = 4 * side * side * groups * depth  # bytes; all samples with their four taps are 12 x points of them

    def summed(levels, offsets, weights):
        return jnp.sum(jnp.square(sample_scales(levels, offsets, weights)))

    sent = 4 * 3 * math.prod(shape)  # offsets and weights, put in another order, and their gradients
    for function, most in ((sample_scales, 3), (jax.grad(summed, argnums=(0, 1, 2)), 17)):
        memory = jax.jit(function).lower(*arguments).compile().memory_analysis()
        assert memory.temp_size_in_bytes < most * result + 2 * sent


def test_at_first_heads_look_into_four_directions_and_weigh_all_samples_alike():
    module = CrossScaleWarp(4, 4)
    motion = jax.random.normal(jax.random.key(1), (1, 8, 8, 6))
    levels = levels_of(1.0, channels=8)
    weights = module.init(jax.random.key(0), levels, motion)["params"]
    offsets = weights["offsets"]["bias"].reshape(4, 3, 4, 2)
    directions = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    for level in range(3):
        for point in range(4):
            np.testing.assert_allclose(offsets[:, level, point], (point + 1) * directions, atol=1e-6)
    for name in ("offsets", "logits"):
        assert not np.any(weights[name]["kernel"])
    assert not np.any(weights["logits"]["bias"])


def test_dropout_works_where_a_key_is_given():
    module = CrossScaleWarp(2, 2, dropout=0.5)
    arguments = levels_of(1.0, channels=8), jnp.ones((1, 8, 8, 6))
    weights = module.init(jax.random.key(0), *arguments)
    plain = module.apply(weights, *arguments)
    other = [module.apply(weights, *arguments, rngs={"dropout": jax.random.key(seed)}) for seed in (1, 2)]
    assert np.any(other[0] != plain) and np.any(other[0] != other[1])
