"""The model: wiring, sizes, locality, lowerings, types."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from narrow_models import CLIP, narrow, random_clips, started

from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model
from vqvae_jax.precision import normalise


def forward(config, clips, drop=None, codebooks=None):
    model, params, books = started(config)
    run = jax.jit(lambda params, books, clips, drop: apply_model(model, params, normalise(clips), books, drop))
    return run(params, codebooks or books, clips, drop)


@pytest.mark.parametrize("name", ["msvqvae", "tiny", "vqvae3d"])
def test_shapes_and_types(name):
    result = forward(narrow(name), random_clips(2))
    assert result.reconstruction.shape == (2, *CLIP, 3)
    assert set(result.levels) == ({"bottom"} if name == "vqvae3d" else {"top", "bottom"})
    grids = {"top": (1, 2, 2), "bottom": (2, 4, 4)}
    for level, (z, quantized) in result.levels.items():
        assert z.shape == (2, *grids[level], 4)
        assert quantized.indices.shape == (2, *grids[level])


@pytest.mark.parametrize("name", ["msvqvae", "tiny"])
@pytest.mark.parametrize("axis", [1, 3])
def test_a_result_does_not_depend_on_what_is_far_away(name, axis):
    """Time and width: changing the far end, or cutting it off, leaves the near end as it was."""
    size = {1: (64, 8, 8), 3: (4, 8, 192)}[axis]
    clips = random_clips(1, size)
    changed = clips.copy()
    near, far = (np.s_[:, :16], np.s_[:, 48:]) if axis == 1 else (np.s_[:, :, :, :48], np.s_[:, :, :, 144:])
    changed[far] = 255 - changed[far]
    shorter = clips[:, :56] if axis == 1 else clips[:, :, :, :168]

    whole, other, cut = (forward(narrow(name), x) for x in (clips, changed, shorter))
    np.testing.assert_array_equal(other.reconstruction[near], whole.reconstruction[near])
    assert np.any(other.reconstruction[far] != whole.reconstruction[far])
    np.testing.assert_allclose(cut.reconstruction[near], whole.reconstruction[near], atol=1e-5)


@pytest.mark.parametrize("size", [(8, 16, 16), (4, 8, 24), (12, 32, 8)])
def test_any_size_that_the_strides_divide_works(size):
    config = narrow("tiny")
    model, params, books = started(config)
    shape = jax.eval_shape(lambda x: apply_model(model, params, x, books), jnp.zeros((1, *size, 3)))
    assert shape.reconstruction.shape == (1, *size, 3)
    assert shape.levels["top"].quantized.indices.shape == (1, size[0] // 4, size[1] // 8, size[2] // 8)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((6, 16, 16), "frames=6 must be a multiple of 4"),
        ((4, 20, 16), "height=20 must be a multiple of 8"),
        ((4, 16, 4), "width=4 must be a multiple of 8"),
    ],
)
def test_other_sizes_give_an_error_that_names_the_multiple(size, message):
    model, params, books = started(narrow("tiny"))
    with pytest.raises(UserError, match=f"model input: {message} for this model"):
        jax.eval_shape(lambda x: apply_model(model, params, x, books), jnp.zeros((1, *size, 3)))


@pytest.mark.parametrize("name", ["msvqvae", "tiny"])
def test_lowerings_give_the_same_model(name):
    clips = random_clips(2)
    _, params, books = started(narrow(name))
    results = {}
    for lowering in ("direct", "concat", "sum"):
        other = MSVQVAE(replace(narrow(name), lowering=lowering))
        results[lowering] = jax.jit(lambda x, m=other: apply_model(m, params, normalise(x), books))(clips)
    for lowering in ("concat", "sum"):
        for found, expected in zip(jax.tree.leaves(results[lowering]), jax.tree.leaves(results["direct"]), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_the_decoded_top_enters_both_the_bottom_code_and_the_decoder():
    config, clips = narrow("tiny"), random_clips(1)
    model, params, books = started(config)
    moved = books | {"top": books["top"]._replace(embeddings=books["top"].embeddings + 1.0)}
    before, after = forward(config, clips), forward(config, clips, codebooks=moved)
    assert np.any(before.levels["bottom"].z != after.levels["bottom"].z)
    q_b = before.levels["bottom"].quantized.values
    bound = model.bind(params)
    with_top = [bound.decode(q_b, bound.decode_top(r.levels["top"].quantized.values)) for r in (before, after)]
    assert np.any(with_top[0] != with_top[1])


def test_a_dropped_clip_is_decoded_from_the_top_alone_and_its_neighbour_is_untouched():
    config, clips = narrow("tiny"), random_clips(2)
    _, _, books = started(config)
    drop = jnp.asarray([True, False])
    other = books | {"bottom": books["bottom"]._replace(embeddings=books["bottom"].embeddings[::-1] * 2 + 1)}
    plain, dropped = forward(config, clips), forward(config, clips, drop)
    dropped_other = forward(config, clips, drop, other)
    np.testing.assert_array_equal(dropped.reconstruction[0], dropped_other.reconstruction[0])
    assert np.any(dropped.reconstruction[0] != plain.reconstruction[0])
    np.testing.assert_allclose(dropped.reconstruction[1], plain.reconstruction[1], atol=1e-6)


def test_a_bfloat16_model_has_float32_weights_codes_and_pixels():
    config = replace(narrow("tiny"), dtype="bfloat16")
    result = forward(config, random_clips(2))
    exact = forward(narrow("tiny"), random_clips(2))
    assert result.reconstruction.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(started(config)[1])} == {jnp.dtype("float32")}
    for level in result.levels.values():
        assert level.z.dtype == level.quantized.values.dtype == jnp.float32
    # It did compute in bfloat16, and is close.
    difference = np.abs(result.levels["top"].z - exact.levels["top"].z)
    assert 1e-4 < difference.max() < 0.1


def test_a_model_without_level_dropout_has_no_vector_for_it():
    _, params, _ = started(replace(narrow("tiny"), level_dropout=0.0))
    assert "dropped_bottom" not in params["params"]
    assert "dropped_bottom" in started(narrow("tiny"))[1]["params"]
