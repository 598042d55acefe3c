"""Nearest-neighbour search and the straight-through estimator, against brute force in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.quantization.codebook import (
    Codebook,
    empty_codebook,
    first_least,
    lookup,
    quantize,
    straight_through,
    unit_mean_square,
)


def codebook_of(embeddings):
    embeddings = jnp.asarray(embeddings, jnp.float32)
    return Codebook(embeddings, jnp.ones(len(embeddings)), embeddings, jnp.ones(()))


def squared_distances(z, embeddings):
    """[..., K] float64, every difference taken."""
    difference = np.asarray(z, np.float64)[..., None, :] - np.asarray(embeddings, np.float64)
    return np.sum(difference**2, axis=-1)


@pytest.mark.parametrize(("codes", "dim", "scale"), [(16, 4, 1.0), (512, 128, 1.0), (1024, 8, 1e-3), (64, 16, 1e3)])
def test_nearest_equals_brute_force(codes, dim, scale):
    rng = np.random.default_rng(codes)
    z = rng.standard_normal((2, 3, 4, 5, dim)).astype(np.float32) * scale
    book = codebook_of(rng.standard_normal((codes, dim)) * scale)
    found = quantize(book, z)
    distances = squared_distances(z, book.embeddings)
    assert found.indices.dtype == jnp.int32 and found.indices.shape == z.shape[:-1]
    chosen = np.take_along_axis(distances, np.asarray(found.indices)[..., None], axis=-1)[..., 0]
    # Two rows equally far to within float32 rounding may swap; nothing else may.
    assert np.all(chosen <= distances.min(axis=-1) + 1e-6 * np.sum(np.square(z.astype(np.float64)), axis=-1))
    assert np.mean(np.asarray(found.indices) == distances.argmin(axis=-1)) > 0.99
    np.testing.assert_array_equal(found.values, book.embeddings[np.asarray(found.indices)])
    np.testing.assert_allclose(found.error, chosen, rtol=1e-4)


def test_near_ties_far_from_the_origin_are_not_lost_in_rounding():
    rng = np.random.default_rng(3)
    book = codebook_of(100.0 + 0.01 * rng.standard_normal((64, 16)))
    z = (100.0 + 0.01 * rng.standard_normal((500, 16))).astype(np.float32)
    nearest = squared_distances(z, book.embeddings).argmin(axis=-1)
    assert np.mean(np.asarray(quantize(book, z).indices) == nearest) > 0.99


def test_more_vectors_than_are_searched_at_once_find_the_same_codes(monkeypatch):
    rng = np.random.default_rng(5)
    book, z = codebook_of(rng.standard_normal((32, 4))), rng.standard_normal((3, 7, 11, 4)).astype(np.float32)
    whole = quantize(book, z)
    monkeypatch.setattr("vqvae_jax.quantization.codebook.SEARCHED_AT_ONCE", 50)
    parts = quantize(book, z)
    np.testing.assert_array_equal(parts.indices, whole.indices)
    np.testing.assert_array_equal(parts.values, whole.values)


def test_of_equal_rows_the_first_wins():
    book = codebook_of([[5.0, 5.0], [1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    assert quantize(book, jnp.asarray([[1.0, 0.0], [0.0, 3.0]])).indices.tolist() == [1, 1]


def test_bfloat16_vectors_are_compared_in_float32():
    # In bfloat16 the two rows are the same number, and the first would win.
    book = codebook_of([[1.0, 0.0], [1.001, 0.0]])
    found = quantize(book, jnp.asarray([[1.0078125, 0.0]], jnp.bfloat16))
    assert found.indices.tolist() == [1]
    assert found.values.dtype == found.error.dtype == jnp.float32


def test_a_width_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="width 3 cannot be looked up in a codebook of width 2"):
        quantize(empty_codebook(4, 2), jnp.zeros((1, 3)))


def test_lookup_gives_the_rows():
    book = codebook_of(np.arange(12).reshape(6, 2))
    np.testing.assert_array_equal(lookup(book, jnp.asarray([[5, 0]])), [[[10, 11], [0, 1]]])


def test_straight_through_shows_the_code_and_passes_the_gradient_unchanged():
    z, values = jnp.asarray([0.3, -2.0]), jnp.asarray([1.0, -1.5])
    out, pull = jax.vjp(straight_through, z, values)
    np.testing.assert_allclose(out, values, rtol=1e-6)
    grad_z, grad_values = pull(jnp.asarray([7.0, -3.0]))
    np.testing.assert_array_equal(grad_z, [7.0, -3.0])
    np.testing.assert_array_equal(grad_values, [0.0, 0.0])


def test_no_gradient_reaches_a_codebook():
    book = codebook_of(np.random.default_rng(0).standard_normal((8, 4)))
    z = jnp.asarray(np.random.default_rng(1).standard_normal((5, 4)), jnp.float32)

    def loss(book, z):
        found = quantize(book, z)
        return jnp.sum(straight_through(z, found.values) ** 2) + jnp.sum(found.error) + jnp.sum(found.values)

    grad_book, grad_z = jax.grad(loss, argnums=(0, 1))(book, z)
    assert all(not np.any(leaf) for leaf in grad_book)
    # Through the estimator alone: `values` and `error` are constants.
    np.testing.assert_allclose(grad_z, 2 * quantize(book, z).values, rtol=1e-5)


def test_an_empty_codebook_has_no_aliased_buffers():
    book = empty_codebook(4, 2)
    assert len({leaf.unsafe_buffer_pointer() for leaf in book}) == len(book)
    assert {leaf.dtype for leaf in book} == {jnp.dtype("float32")}
    assert book.codes == 4 and book.dim == 2 and book.initialized == 0
    np.testing.assert_array_equal(book.counts, 1)


def test_vectors_of_unit_mean_square_are_nearest_by_angle():
    rng = np.random.default_rng(6)
    z, rows = rng.standard_normal((200, 16)) * 10 ** rng.uniform(-3, 3, (200, 1)), rng.standard_normal((32, 16))
    scaled, book = unit_mean_square(jnp.asarray(z, jnp.float32)), codebook_of(unit_mean_square(jnp.asarray(rows)))
    np.testing.assert_allclose(np.mean(np.square(scaled), axis=-1), 1.0, rtol=1e-5)
    cosines = z @ rows.T / np.linalg.norm(z, axis=1)[:, None] / np.linalg.norm(rows, axis=1)
    np.testing.assert_array_equal(quantize(book, scaled).indices, cosines.argmax(axis=1))
    assert np.all(np.isfinite(jax.grad(lambda v: jnp.sum(unit_mean_square(v)))(jnp.zeros(4))))


@pytest.mark.parametrize("shape", [(7,), (3, 5), (600, 33)])
def test_the_first_least_is_numpys(shape):
    values = np.random.default_rng(0).integers(0, 4, shape).astype(np.float32)  # many ties
    found = jax.jit(first_least)(values)
    assert found.dtype == jnp.int32
    np.testing.assert_array_equal(found, values.argmin(axis=-1))


def test_a_vector_that_is_no_number_finds_some_code():
    assert quantize(codebook_of(np.eye(4)), jnp.full((1, 4), jnp.nan)).indices.tolist() == [3]


def test_a_search_is_exported_for_any_number_of_vectors():
    (many,) = jax.export.symbolic_shape("n")
    exported = jax.export.export(jax.jit(lambda z: quantize(codebook_of(np.eye(4)), z).indices))(
        jax.ShapeDtypeStruct((many, 2, 4), jnp.float32)
    )
    z = np.eye(4, dtype=np.float32)[[[2, 0], [1, 3], [3, 3]]]
    np.testing.assert_array_equal(exported.call(z), z.argmax(axis=-1))
