"""Codebook statistics and their moving average, against the closed form."""

import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.quantization.codebook import Codebook
from vqvae_jax.quantization.moves import Statistics, statistics, update

K, D, DECAY = 6, 3, 0.9


@pytest.fixture
def book():
    embeddings = jnp.asarray(np.random.default_rng(0).standard_normal((K, D)), jnp.float32)
    return Codebook(embeddings, jnp.ones(K), embeddings, jnp.ones(()))


def batch(seed, n):
    rng = np.random.default_rng(seed)
    return rng.integers(0, K - 1, n), rng.standard_normal((n, D)).astype(np.float32)  # code K-1 is never used


def test_statistics_are_sums_by_code():
    indices, z = batch(1, 50)
    found = statistics(jnp.asarray(indices.reshape(5, 10)), jnp.asarray(z.reshape(5, 10, D)), K)
    for code in range(K):
        assert found.counts[code] == np.sum(indices == code)
        np.testing.assert_allclose(found.sums[code], z[indices == code].sum(axis=0), rtol=1e-5, atol=1e-6)


def test_statistics_of_bfloat16_vectors_are_float32():
    # 1 + 2^-7 summed 300 times in bfloat16 would stop growing at 256.
    found = statistics(jnp.zeros(300, jnp.int32), jnp.full((300, 1), 1.0078125, jnp.bfloat16), 2)
    assert found.sums.dtype == jnp.float32
    assert found.counts.tolist() == [300, 0]
    np.testing.assert_allclose(found.sums, [[302.34375], [0]], rtol=1e-6)


def test_update_equals_the_closed_form_over_several_steps(book):
    batches = [batch(seed, 40) for seed in range(5)]
    moved = book
    for indices, z in batches:
        moved = update(moved, statistics(jnp.asarray(indices), jnp.asarray(z), K), DECAY)

    counts, sums = DECAY**5 * np.ones(K), DECAY**5 * np.asarray(book.sums, np.float64)
    for age, (indices, z) in enumerate(reversed(batches)):
        one_hot = np.eye(K)[indices]
        counts += DECAY**age * (1 - DECAY) * one_hot.sum(axis=0) * K / 40
        sums += DECAY**age * (1 - DECAY) * one_hot.T @ z * K / 40
    np.testing.assert_allclose(moved.counts, counts, rtol=1e-5)
    np.testing.assert_allclose(moved.sums, sums, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved.embeddings, sums / counts[:, None], rtol=1e-5, atol=1e-6)


def test_an_unused_code_keeps_its_place_while_its_count_fades(book):
    moved = book
    for seed in range(200):
        moved = update(moved, statistics(*map(jnp.asarray, batch(seed, 10)), K), DECAY)
    np.testing.assert_allclose(moved.counts[K - 1], DECAY**200, rtol=1e-3)
    # Both averages are far below the floor by now.
    np.testing.assert_allclose(moved.embeddings[K - 1], book.embeddings[K - 1], rtol=1e-5)


def test_a_code_whose_count_has_gone_to_zero_stays_and_moves_again_when_it_is_used(book):
    faded = book._replace(counts=book.counts.at[K - 1].set(0.0), sums=book.sums.at[K - 1].set(0.0))
    moved = update(faded, statistics(*map(jnp.asarray, batch(0, 10)), K), DECAY)
    np.testing.assert_array_equal(moved.embeddings[K - 1], book.embeddings[K - 1])
    z = np.asarray([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]], np.float32)
    used = update(moved, statistics(jnp.full(2, K - 1), jnp.asarray(z), K), DECAY)
    np.testing.assert_allclose(used.embeddings[K - 1], z.mean(axis=0), rtol=1e-6)


def test_codes_in_use_move_to_the_quotient_of_the_averages_to_the_last_bit(book):
    moved = update(book, statistics(*map(jnp.asarray, batch(0, 40)), K), DECAY)
    np.testing.assert_array_equal(moved.embeddings, moved.sums / moved.counts[:, None])


def test_count_units_do_not_depend_on_batch_size(book):
    indices, z = batch(3, 40)
    small = update(book, statistics(jnp.asarray(indices), jnp.asarray(z), K), DECAY)
    large = update(book, statistics(jnp.asarray(np.tile(indices, 8)), jnp.asarray(np.tile(z, (8, 1))), K), DECAY)
    for a, b in zip(small, large, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("codes", "vectors"), [(4, 8), (4, 4096), (1024, 512), (1024, 32768)])
def test_counts_average_to_one_at_any_level_and_batch(codes, vectors):
    indices = jnp.asarray(np.random.default_rng(0).integers(0, codes, vectors))
    z = jnp.ones((vectors, 2))
    book = Codebook(jnp.zeros((codes, 2)), jnp.ones(codes), jnp.zeros((codes, 2)), jnp.ones(()))
    for _ in range(3):
        book = update(book, statistics(indices, z, codes), 0.5)
    np.testing.assert_allclose(jnp.mean(book.counts), 1.0, rtol=1e-5)


def test_statistics_add_up_over_parts_to_one_update(book):
    indices, z = batch(4, 40)
    whole = update(book, statistics(jnp.asarray(indices), jnp.asarray(z), K), DECAY)
    parts = [statistics(jnp.asarray(indices[i::4]), jnp.asarray(z[i::4]), K) for i in range(4)]
    summed = update(book, Statistics(sum(p.counts for p in parts), sum(p.sums for p in parts)), DECAY)
    np.testing.assert_array_equal(summed.counts, whole.counts)
    np.testing.assert_allclose(summed.sums, whole.sums, rtol=1e-5, atol=1e-6)


def test_a_step_of_one_percent_is_not_rounded_away(book):
    moved = update(book, Statistics(jnp.full(K, 10.0), book.sums * 10 * 1.001), 0.99)
    np.testing.assert_allclose(moved.embeddings / book.embeddings, 1 + 1e-5, atol=3e-7)
    assert moved.embeddings.dtype == jnp.float32
