"""The kernel against Python: the same bytes, the same indices, the same errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.msvqvae.indices.example_tables import lingering, random_context_model, random_contexts
from vqvae_jax.entropy.kernel import machine
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.msvqvae.indices.context_model import ContextModel

pytest.importorskip("wasmtime", reason="wasmtime is not installed (the extra `fast`)")

sides = st.integers(1, 7)
shapes = st.tuples(sides, sides, sides)


@pytest.fixture
def variable(monkeypatch):
    return lambda value: monkeypatch.setenv(machine.VARIABLE, value)


def both(model, grid, coarse):
    """The stream by Python; asserts that the kernel writes and reads the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(machine.VARIABLE, "python")
        stream = model.encode(grid, coarse)
        patch.setenv(machine.VARIABLE, "wasm")
        assert model.encode(grid, coarse) == stream
        found = model.decode(stream, grid.shape, coarse)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, grid)
    return stream


@settings(max_examples=150)
@given(shapes, st.one_of(st.none(), shapes), st.sampled_from([2, 3, 31, 32, 33, 100, 1000]), st.integers(0, 10_000))
def test_bytes_and_indices_are_the_same(shape, coarse_shape, codes, seed):
    coarse = None if coarse_shape is None else lingering(coarse_shape, 7, seed)
    both(random_context_model(codes, 9, seed), lingering(shape, codes, seed), coarse)


@pytest.mark.parametrize("codes", [1, 2, 32768])
def test_with_the_fewest_and_the_most_codes(codes):
    both(random_context_model(codes, 9, 1), np.minimum(lingering((2, 3, 3), max(codes, 2)), codes - 1), None)


@pytest.mark.parametrize("hidden", [1, 8, 15, 100])
@pytest.mark.parametrize("group", [-(1 << 15), -300, 0, 255, 256, 700, (1 << 15) - 1])
def test_any_hidden_value_and_any_weight(hidden, group):
    """From all units off to all at their limit, each under weights of up to 8 bits."""
    arrays = random_contexts(70, 9, hidden, seed=hidden)
    rng = np.random.default_rng(hidden)
    groups = np.full_like(arrays.groups, group)
    output = rng.choice(np.array([-128, -127, -1, 0, 1, 127], np.int8), arrays.output.shape)
    neighbours = rng.choice(np.array([-128, 0, 127], np.int8), arrays.neighbours.shape)
    arrays = arrays._replace(groups=groups, output=output, neighbours=neighbours)
    both(ContextModel(arrays), lingering((3, 5, 5), 70), lingering((1, 3, 3), 9))


@pytest.mark.parametrize("gap", [0, 128 * 240, 128 * 254, 128 * 255, 128 * 4000])
def test_where_the_likeliest_code_is_the_one_that_cannot_be(gap):
    """Its cost is put to the greatest: the first of the others gets what is left, though several costs weigh alike."""
    arrays = random_contexts(40, 9, seed=2)
    bias = np.full_like(arrays.bias, -gap)
    bias[5] = 0
    bias[11:20] -= 128
    bias[::7] += 128
    model = ContextModel(arrays._replace(output=np.zeros_like(arrays.output), bias=bias))
    grid = np.random.default_rng(0).choice([5, 5, 5, 11, 30], (4, 4, 4))
    both(model, grid, None)


def outcome(model, stream, shape, coarse):
    try:
        return model.decode(stream, shape, coarse).tolist()
    except CorruptStreamError as error:
        return str(error)


def test_damaged_streams_end_alike(variable):
    model, rng = random_context_model(40, 9, 4), np.random.default_rng(5)
    grid, coarse = lingering((4, 4, 4), 40), lingering((2, 2, 2), 9)
    stream = both(model, grid, coarse)
    damaged = [stream[:length] for length in range(len(stream))] + [stream + b"\x01\x02"]
    for _ in range(300):
        changed = bytearray(stream)
        for at in rng.integers(0, len(changed), rng.integers(1, 4)):
            changed[at] = rng.integers(0, 256)
        damaged.append(bytes(changed))
    found = {}
    for value in ("python", "wasm"):
        variable(value)
        found[value] = [outcome(model, one, grid.shape, coarse) for one in damaged]
    assert found["python"] == found["wasm"]
    messages = {one for one in found["wasm"] if isinstance(one, str)}
    assert sum("too early" in one or "encoder began" in one for one in messages) == 2


def test_indices_that_are_none_are_refused(variable):
    variable("wasm")
    model = random_context_model(8, 9, 0)
    for wrong in (8, -1):
        with pytest.raises(IndexError, match=r"not all within \[0, 8\)"):
            model.encode(np.full((1, 1, 1), wrong), None)
    with pytest.raises(IndexError, match="not all within"):
        model.decode(model.encode(np.zeros((1, 1, 1), int), None), (1, 1, 1), np.full((1, 1, 1), 99))
