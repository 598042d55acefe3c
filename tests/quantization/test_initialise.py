"""First codes: drawn once from encoder outputs."""

import jax
import jax.numpy as jnp
import numpy as np

from vqvae_jax.quantization.codebook import empty_codebook
from vqvae_jax.quantization.moves import initialise

Z = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 2, 2, 16)), jnp.float32) * 5


def test_codes_are_rows_of_the_batch_plus_noise_of_the_stated_norm():
    book = initialise(empty_codebook(400, 16), Z, jax.random.key(0), noise=0.01)
    rows = np.asarray(Z).reshape(-1, 16)
    offsets = np.asarray(book.embeddings)[:, None] - rows
    norms = np.linalg.norm(offsets, axis=-1)
    assert norms.min(axis=1).max() < 0.03  # every code lies beside one row
    np.testing.assert_allclose(np.sqrt(np.mean(norms.min(axis=1) ** 2)), 0.01, rtol=0.1)
    # 400 draws with replacement from 24 rows: each row is taken.
    assert set(norms.argmin(axis=1)) == set(range(24))


def test_codes_drawn_twice_differ_by_the_noise():
    book = initialise(empty_codebook(400, 16), Z, jax.random.key(0))
    assert len(np.unique(np.asarray(book.embeddings), axis=0)) == 400


def test_counts_start_at_a_fair_share_and_sums_match():
    book = initialise(empty_codebook(8, 16), Z, jax.random.key(0))
    np.testing.assert_array_equal(book.counts, 1)
    np.testing.assert_array_equal(book.sums, book.embeddings)
    assert book.initialized == 1
    assert {leaf.dtype for leaf in book} == {jnp.dtype("float32")}


def test_an_initialised_codebook_comes_back_unchanged():
    book = initialise(empty_codebook(8, 16), Z, jax.random.key(0))
    again = initialise(book, Z + 100, jax.random.key(1))
    for a, b in zip(again, book, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_same_key_and_batch_give_the_same_codes():
    one, two = (initialise(empty_codebook(8, 16), Z, jax.random.key(3)).embeddings for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert np.any(one != initialise(empty_codebook(8, 16), Z, jax.random.key(4)).embeddings)
