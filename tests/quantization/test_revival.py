"""Dead codes come back: embedding, count and sum all move."""

import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.quantization.codebook import Codebook
from vqvae_jax.quantization.moves import replace_by_samples, split_busiest


def book_with(counts, dim=3, seed=0):
    embeddings = np.random.default_rng(seed).standard_normal((len(counts), dim)).astype(np.float32)
    counts = jnp.asarray(counts, jnp.float32)
    return Codebook(jnp.asarray(embeddings), counts, embeddings * counts[:, None], jnp.ones(()))


def assert_consistent(book):
    np.testing.assert_allclose(book.embeddings, book.sums / book.counts[:, None], rtol=1e-5, atol=1e-6)


def test_a_dead_code_is_split_from_the_busiest_and_all_three_arrays_move():
    before = book_with([9.0, 1e-6, 3.0])
    after, revived = split_busiest(before, threshold=0.1, at_most=8)
    assert revived == 1
    assert after.counts.tolist() == [4.5, 4.5, 3.0]
    assert_consistent(after)
    donor, dead = np.asarray(after.embeddings[:2])
    old = np.asarray(before.embeddings[0])
    # The two lie on either side of the donor, a hundredth of its length away.
    np.testing.assert_allclose((donor + dead) / 2, old, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(dead - old), 0.01 * np.linalg.norm(old), rtol=1e-3)
    # What was spread over the two adds up to what the donor had.
    np.testing.assert_allclose(after.sums[0] + after.sums[1], before.sums[0], rtol=1e-5)
    np.testing.assert_array_equal(after.embeddings[2], before.embeddings[2])


def test_the_donor_is_chosen_anew_each_time():
    after, revived = split_busiest(book_with([8.0, 6.0, 0.0, 0.001, 0.002]), 0.03, 8)
    # 8 -> 4+4, then 6 -> 3+3, then one of the fours -> 2+2.
    assert revived == 3
    assert sorted(after.counts.tolist()) == [2.0, 2.0, 3.0, 3.0, 4.0]
    assert_consistent(after)


def test_the_least_used_come_first_and_at_most_so_many():
    counts = [100.0] + [0.001 * i for i in range(1, 16)]
    after, revived = split_busiest(book_with(counts), 0.03, 8)
    assert revived == 8
    changed = np.flatnonzero(np.asarray(after.counts) != np.asarray(counts, np.float32))
    assert changed.tolist() == list(range(9))


def test_a_codebook_in_use_is_left_alone():
    before = book_with([0.03, 1.0, 2.0])
    after, revived = split_busiest(before, 0.03, 8)
    assert revived == 0
    for a, b in zip(after, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_splitting_is_deterministic():
    once, again = (split_busiest(book_with([9.0, 0.0, 0.0, 1.0]), 0.03, 8)[0] for _ in range(2))
    for a, b in zip(once, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_donor_at_the_origin_still_parts():
    zero = Codebook(jnp.zeros((2, 3)), jnp.asarray([2.0, 0.0]), jnp.zeros((2, 3)), jnp.ones(()))
    after, _ = split_busiest(zero, 0.03, 1)
    assert np.any(after.embeddings[0] != after.embeddings[1])


def test_a_collapsed_codebook_recovers_step_by_step():
    book = book_with([16.0] + [0.0] * 15)
    total = []
    for _ in range(3):
        book, revived = split_busiest(book, 0.03, 8)
        total.append(int(revived))
    assert total == [8, 7, 0]
    assert len(np.unique(np.asarray(book.embeddings), axis=0)) == 16
    np.testing.assert_allclose(jnp.sum(book.counts), 16.0)


def test_samples_replace_dead_codes_at_a_fair_share():
    before = book_with([9.0, 1e-6, 3.0, 0.01, 0.02])
    samples = jnp.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    after, revived = replace_by_samples(before, samples, 0.03)
    assert revived == 2
    np.testing.assert_array_equal(after.embeddings[jnp.asarray([1, 3])], samples)
    np.testing.assert_allclose(after.counts, [9.0, 1.0, 3.0, 1.0, 0.02])
    assert_consistent(after)


@pytest.mark.parametrize("counts", [[1.0, 1.0, 1.0], [5.0, 0.03, 0.5]])
def test_samples_leave_live_codes_alone(counts):
    before = book_with(counts)
    after, revived = replace_by_samples(before, jnp.ones((2, 3)), 0.03)
    assert revived == 0
    for a, b in zip(after, before, strict=True):
        np.testing.assert_array_equal(a, b)
