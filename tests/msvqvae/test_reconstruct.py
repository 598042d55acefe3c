"""Encoding and decoding as the model is used: from indices alone, without changing anything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from narrow_models import narrow, random_clips, started

from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.msvqvae.model import apply_model
from vqvae_jax.msvqvae.reconstruct import decode, encode, reconstruct
from vqvae_jax.precision import normalise

CLIPS = random_clips(2)


def run(name):
    model, params, books = started(narrow(name))
    return jax.jit(lambda params, books, clips: reconstruct(model, params, books, clips))(params, books, CLIPS)


@pytest.mark.parametrize("name", ["tiny", "vqvae3d"])
def test_decoding_indices_gives_the_models_own_reconstruction(name):
    model, params, books = started(narrow(name))
    forward = jax.jit(lambda x: apply_model(model, params, normalise(x), books))(CLIPS)
    result = run(name)
    assert result.frames.dtype == jnp.uint8 and result.frames.shape == CLIPS.shape
    for level, indices in result.indices.items():
        np.testing.assert_array_equal(indices, forward.levels[level].quantized.indices)
    # The straight-through sum rounds in the last bit: a value on the edge between two levels may differ by one.
    difference = np.abs(result.frames.astype(int) - np.asarray(to_uint8(forward.reconstruction)).astype(int))
    assert difference.max() <= 1 and difference.mean() < 1e-3


def test_evaluation_changes_nothing_and_is_repeatable():
    _, params, books = started(narrow("tiny"))
    before = jax.tree.map(np.array, (params, books))
    one, two = run("tiny"), run("tiny")
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(jax.tree.leaves((params, books)), jax.tree.leaves(before), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_a_level_its_indices_do_not_matter():
    model, params, books = started(narrow("tiny"))
    indices = encode(model, params, books, CLIPS)
    other = {name: (array + 1) % 16 for name, array in indices.items()}
    for without, kept in (("top", "bottom"), ("bottom", "top")):
        mixed = {without: other[without], kept: indices[kept]}
        expected = decode(model, params, books, indices, without)
        np.testing.assert_array_equal(decode(model, params, books, mixed, without), expected)
        assert np.any(expected != decode(model, params, books, indices))


def test_the_encoder_is_exported_for_any_number_of_clips_and_frames():
    model, params, books = started(narrow("tiny"))
    many, steps = jax.export.symbolic_shape("n, t")
    stride, *_ = model.config.multiple
    shape = (many, steps * stride, *CLIPS.shape[2:])
    exported = jax.export.export(jax.jit(lambda clips: encode(model, params, books, clips)))(
        jax.ShapeDtypeStruct(shape, jnp.uint8)
    )
    for clips in (CLIPS, CLIPS[:1], np.concatenate([CLIPS, CLIPS[:, :stride]], axis=1)):
        found = exported.call(clips)
        for name, indices in jax.jit(lambda clips: encode(model, params, books, clips))(clips).items():
            np.testing.assert_array_equal(found[name], indices)
