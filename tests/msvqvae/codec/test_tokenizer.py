"""Arrays to indices and back: what the model itself gives, for any length and size."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.codec.example_bundle import golden_model, moving
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae import reconstruct
from vqvae_jax.msvqvae.model import MSVQVAE

TOP, BOTTOM = (4, 8, 8), (2, 4, 4)


def by_model(levels, frames):
    bundle = golden_model(levels)
    run = jax.jit(partial(reconstruct.encode, MSVQVAE(bundle.weights.config)))
    found = run(bundle.weights.params, bundle.weights.codebooks, jnp.asarray(frames)[None])
    return {name: np.asarray(grid)[0] for name, grid in found.items()}


def decoded_by_model(levels, indices, without=None):
    bundle = golden_model(levels)
    run = jax.jit(partial(reconstruct.decode, MSVQVAE(bundle.weights.config), without=without))
    batch = {name: jnp.asarray(grid)[None] for name, grid in indices.items()}
    return np.asarray(run(bundle.weights.params, bundle.weights.codebooks, batch))[0].astype(int)


@pytest.mark.parametrize("levels", [1, 2])
def test_indices_and_frames_are_the_models(levels):
    bundle, frames = golden_model(levels), moving(8, 16, 24)
    indices = golden_model(levels).encode(frames)
    expected = by_model(levels, frames)
    assert list(indices) == list(bundle.weights.config.levels)
    for name, grid in expected.items():
        np.testing.assert_array_equal(indices[name], grid)
        assert indices[name].dtype == np.int32
        # Else equality would say little.
        assert len(np.unique(grid)) > 5
    difference = golden_model(levels).decode(indices).astype(int) - decoded_by_model(levels, indices)
    assert np.abs(difference).max() <= 1  # weights are constants there and arguments here: sums may round otherwise


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 9, 17), (4, 8, 8), (3, 67, 41)])
def test_any_size_is_padded_with_its_edges_and_cut_again(shape):
    tokenizer, frames = golden_model(), moving(*shape)
    indices = tokenizer.encode(frames)
    for name, strides in (("top", TOP), ("bottom", BOTTOM)):
        ratio = [t // s for t, s in zip(TOP, strides, strict=True)]
        assert indices[name].shape == tuple(-(-n // t) * r for n, t, r in zip(shape, TOP, ratio, strict=True))
    last = [np.minimum(np.arange(-(-n // t) * t), n - 1) for n, t in zip(shape, TOP, strict=True)]
    np.testing.assert_array_equal(tokenizer.encode(frames[np.ix_(*last)])["bottom"], indices["bottom"])
    cut = tokenizer.decode(indices, shape)
    assert cut.shape == (*shape, 3) and cut.dtype == np.uint8
    np.testing.assert_array_equal(cut, tokenizer.decode(indices)[: shape[0], : shape[1], : shape[2]])


def test_the_top_level_decodes_alone():
    tokenizer = golden_model()
    indices = tokenizer.encode(moving(8, 16, 24))
    alone = tokenizer.decode({"top": indices["top"]}, level="top")
    assert np.abs(alone.astype(int) - decoded_by_model(2, indices, without="bottom")).max() <= 1
    assert (alone != tokenizer.decode(indices)).mean() > 0.5
    np.testing.assert_array_equal(tokenizer.decode(indices, level="bottom"), tokenizer.decode(indices))
    single = golden_model(1)
    grid = single.encode(moving(8, 16, 24))
    np.testing.assert_array_equal(single.decode(grid, level="bottom"), single.decode(grid))


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((4, 8, 8), np.uint8),
        np.zeros((4, 8, 8, 1), np.uint8),
        np.zeros((4, 8, 8, 3), np.float32),
        np.zeros((0, 8, 8, 3), np.uint8),
        np.zeros((4, 0, 8, 3), np.uint8),
        [[1]],
    ],
    ids=lambda f: str(np.shape(f)),
)
def test_other_arrays_are_refused(frames):
    with pytest.raises(UserError, match=r"expected frames \(T, H, W, 3\) uint8"):
        golden_model().encode(frames)


@pytest.mark.parametrize(
    ("change", "level", "message"),
    [
        ({"bottom": None}, None, "level bottom are missing"),
        ({"top": None}, "top", "level top are missing"),
        ({}, "middle", "level 'middle' does not exist; this model has top, bottom"),
        ({"top": np.full((2, 2, 3), 16)}, None, "reach from 16 to 16; allowed: 0 to 15"),
        ({"bottom": np.full((4, 4, 6), -1)}, None, "reach from -1"),
        ({"bottom": np.zeros((4, 4, 5), int)}, None, r"\(4, 4, 5\); beside this top they must be \(4, 4, 6\)"),
        ({"top": np.zeros((2, 2, 3))}, None, "float64"),
        ({"top": np.zeros((0, 2, 3), int)}, None, "expected integers"),
        ({"top": np.zeros(3, int)}, None, "expected integers"),
    ],
)
def test_other_indices_are_refused(change, level, message):
    indices = {"top": np.zeros((2, 2, 3), int), "bottom": np.zeros((4, 4, 6), int)} | change
    with pytest.raises(UserError, match=message):
        golden_model().decode({k: v for k, v in indices.items() if v is not None}, level=level)


@pytest.mark.parametrize("levels", [1, 2])
def test_no_frame_depends_on_an_index_beyond_the_reach_and_some_on_one_half_as_far(levels):
    model = golden_model(levels)
    strides, reach = model.strides, model.reach
    frames = 4 * reach // 4 * 4
    indices = {name: np.zeros((frames // stride, 2, 2), int) for name, stride in strides.items()}
    if levels == 2:
        indices["bottom"] = np.zeros((frames // strides["bottom"], 4, 4), int)
    still, at = model.decode(indices), frames // 2
    for name, stride in strides.items():
        changed = {
            **indices,
            name: np.where(np.arange(frames // stride)[:, None, None] == at // stride, 9, indices[name]),
        }
        moved = np.flatnonzero((model.decode(changed) != still).any(axis=(1, 2, 3)))
        assert moved.size and at - reach <= moved.min() and moved.max() < at + stride + reach
        if name == "top" or levels == 1:
            assert moved.max() >= at + stride + reach // 4
