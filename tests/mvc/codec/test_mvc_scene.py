"""Weights and embeddings of a scene as bytes: exact, short, and refused where nobody wrote them."""

import struct

import numpy as np
import pytest

from tests.mvc.codec.coded_mvc import rate_aware, tensor, tiny_config, tiny_scene
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.mvc.codec.embedding import DELTA, DIRECT, fit_tables, read_group, write_group
from vqvae_jax.mvc.codec.grids import unpack_channels, unpack_grid
from vqvae_jax.mvc.codec.scene import Tensor, read_scene, write_scene
from vqvae_jax.mvc.codec.stream import entropy_bits
from vqvae_jax.mvc.quantise import Grid, codes, step_grid
from vqvae_jax.mvc.weights import decoder_shapes

WHOLE = [slice(0, 10)]
OVERHEAD = 14  # bytes of a tensor beside its symbols: levels, minimum, step, table


@pytest.mark.parametrize("step", [None, 0.05, 0.5, 3.0])
def test_weights_take_little_more_than_their_entropies(step):
    scene = tiny_scene(tiny_config())
    scene = scene if step is None else rate_aware(scene, step)
    content, tables = write_scene(scene._replace(embedding=None, config=tiny_config()), WHOLE)
    assert not tables
    described = 0
    for one in scene.weights:
        described += entropy_bits(one.numbers) / 8 + OVERHEAD
    # Tensors of a dozen symbols have entropies that no decoder could know them by: a bound from above by raw packing.
    raw = sum(one.numbers.size * np.log2(one.numbers.max() + 1) / 8 + OVERHEAD for one in scene.weights)
    assert len(content) <= raw + 8
    assert len(content) <= 1.15 * described


def test_wider_steps_cost_less():
    sizes = [len(write_scene(rate_aware(tiny_scene(tiny_config()), step), WHOLE)[0]) for step in (0.05, 0.2, 0.8)]
    assert sizes[0] > 1.5 * sizes[2] and sizes == sorted(sizes, reverse=True)


def test_a_constant_tensor_has_neither_step_nor_symbols():
    scene = tiny_scene(tiny_config())
    constant = tuple(tensor(np.full_like(old.values, 0.25)) for old in scene.weights)
    first = scene._replace(weights=(constant[0], *scene.weights[1:]))
    grid, end = unpack_grid(write_scene(first, WHOLE)[0], 0)
    assert (grid.minimum, grid.step, grid.levels, end) == (0.25, 0, 1, 5)
    described = read_scene(scene.config, write_scene(first, WHOLE)[0], 64)
    np.testing.assert_array_equal(next(iter(described.weights.values())), 0.25)


def test_a_model_of_next_to_no_bits_is_refused():
    config = tiny_config(d0=64, stem=64, td=64, mlp=64)
    constant = tuple(tensor(np.zeros(shape, np.float32)) for shape in decoder_shapes(config).values())
    with pytest.raises(ValueError, match="weights of under 1/8 bit each"):
        write_scene(tiny_scene(config)._replace(weights=constant), WHOLE)


def test_tensors_of_another_model_are_refused():
    scene = tiny_scene(tiny_config())
    with pytest.raises(ValueError, match="not those of its model"):
        write_scene(scene._replace(config=tiny_config(channels=9)), WHOLE)


@pytest.mark.parametrize("moving", [True, False])
def test_groups_are_written_the_shorter_way_and_read_alone(moving):
    rng, levels = np.random.default_rng(1), 64
    whole = rng.integers(0, levels, (10, 3, 4, 2))
    if not moving:  # steps of one, which go round at the ends of the range
        whole = (whole[:1] + np.cumsum(rng.integers(-1, 2, whole.shape), axis=0)) % levels
    groups = [slice(0, 4), slice(4, 8), slice(8, 10)]
    tables = fit_tables(whole, groups, levels)
    written = [write_group(tables, whole[group], levels) for group in groups]
    assert {data[0] for data in written[:2]} == {DIRECT if moving else DELTA}
    for group, data in reversed(list(zip(groups, written, strict=True))):
        shape = whole[group].shape
        np.testing.assert_array_equal(read_group(tables, data, shape, levels), whole[group])
    if not moving:
        first, steps = 3 * 24 * 6, 7 * 24 * np.log2(3)  # bits of frames as they are, and of differences of -1, 0, 1
        assert sum(map(len, written)) <= (first + steps) / 8 + 3 * 9
        with pytest.raises(CorruptStreamError):
            read_group(tables, written[0], (3, 3, 4, 2), levels)
    with pytest.raises(CorruptStreamError, match="in no way that has the number 2"):
        read_group(tables, b"\2", (1, 3, 4, 2), levels)
    with pytest.raises(CorruptStreamError, match="in no way that has the number -1"):
        read_group(tables, b"", (1, 3, 4, 2), levels)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short"),
        (b"\x03\0\0\0", "cut short"),
        (b"\x03\0\0\0\0\0\0\x80\x3f"[:7], "cut short"),
        (b"\x03" + struct.pack("<ff", np.nan, 1), "values from nan"),
        (b"\x03" + struct.pack("<ff", np.inf, 1), "values from inf"),
        (b"\x03" + struct.pack("<ff", 0, np.inf), "in steps of inf"),
        (b"\x03" + struct.pack("<ff", 0, np.nan), "in steps of nan"),
        (b"\x03" + struct.pack("<ff", 0, 0), "4 levels in steps of 0"),
        (b"\x03" + struct.pack("<ff", 0, -1), "4 levels in steps of -1"),
        (b"\x03" + struct.pack("<ff", 0, 3e38), "in steps of 3"),
        (b"\x80\x80\x02" + struct.pack("<ff", 0, 1), "32769 levels"),
        (b"\x00" + struct.pack("<f", -np.inf), "values from -inf"),
    ],
)
def test_grids_that_nobody_wrote_are_refused(content, message):
    with pytest.raises(CorruptStreamError, match=message):
        unpack_grid(content, 0)


def test_grids_of_embeddings_are_checked_too():
    good = struct.pack("<ffff", -1, 0.5, 2, 0)
    grid, end = unpack_channels(good, 0, 2, 64)
    assert (grid.minimum.tolist(), grid.step.tolist(), grid.levels, end) == ([-1, 2], [0.5, 0], 64, 16)
    with pytest.raises(CorruptStreamError, match="cut short"):
        unpack_channels(good, 0, 3, 64)
    with pytest.raises(CorruptStreamError, match=r"^values from 2 in steps of -1$"):
        unpack_channels(struct.pack("<ffff", -1, 0.5, 2, -1), 0, 2, 64)


def test_a_model_too_large_for_its_bytes_is_refused_before_it_is_made():
    content, _ = write_scene(tiny_scene(tiny_config()), WHOLE)
    for wide in ({"channels": 4096}, {"d0": 1 << 15}, {"stem": 1 << 27}):
        with pytest.raises(CorruptStreamError, match="weights in"):
            read_scene(tiny_config(**wide), content, 64)


def test_bytes_too_many_or_too_few_are_refused():
    scene = tiny_scene(tiny_config())
    content, _ = write_scene(scene, WHOLE)
    read_scene(scene.config, content, 64)
    for wrong in (content[:-2], content + b"\0\0\0", content[:40], content[:-3]):
        with pytest.raises(CorruptStreamError):
            read_scene(scene.config, wrong, 64)


def test_learned_steps_and_ranges_are_grids_alike():
    x = np.array([-0.52, 0.1, 0.49, 1.27], np.float32)
    grid = step_grid(x, 0.25)
    assert isinstance(grid, Grid)
    found = Tensor(codes(x, grid), grid)
    np.testing.assert_array_equal(found.values, np.array([-0.5, 0, 0.5, 1.25], np.float32))
