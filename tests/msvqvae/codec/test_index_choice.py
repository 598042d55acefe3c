"""Codes chosen by distortion and bits: the exact optimum over time, nearest codes without a weight, fewer bits with."""

import itertools
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from tests.codec.example_bundle import golden_model, moving
from tests.msvqvae.indices.example_tables import random_context_model
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.codec.index_choice import NEAR, RateWeighted, best_paths, candidates, choose
from vqvae_jax.msvqvae.codec.index_choice import STEPS as STEPS_AROUND
from vqvae_jax.msvqvae.codec.weights import context_models
from vqvae_jax.msvqvae.indices.index_coder import pack
from vqvae_jax.quantization.codebook import Codebook, quantize

CODES, STEPS, POSITIONS = 6, 4, 5


def rate_weighted(model, weight):
    return RateWeighted(model.weights, context_models(model.weights.tables, model.name), weight)


def random_codebook(codes=16, dim=3, seed=0):
    embeddings = jnp.asarray(np.random.default_rng(seed).normal(size=(codes, dim)), jnp.float32)
    return Codebook(embeddings, jnp.ones(codes), embeddings, jnp.ones(()))


def test_paths_are_the_cheapest_of_all():
    rng = np.random.default_rng(1)
    codes = np.broadcast_to(np.arange(CODES), (POSITIONS, STEPS, CODES))
    errors = rng.uniform(0, 4, (POSITIONS, STEPS, CODES)).astype(np.float32)
    symbol = rng.uniform(1, 9, (POSITIONS, STEPS, CODES)).astype(np.float32)  # candidates are all codes in order
    repeat, change = rng.uniform(0.1, 5, (2, POSITIONS, STEPS - 1)).astype(np.float32)
    weight = 0.3

    def cost(position, path):
        bits = symbol[position, 0, path[0]]
        for step, (before, after) in enumerate(itertools.pairwise(path)):
            changed = change[position, step] + symbol[position, step + 1, after]
            bits += repeat[position, step] if before == after else changed
        return sum(errors[position, step, code] for step, code in enumerate(path)) + weight * bits

    found = np.asarray(best_paths(jnp.asarray(codes), errors, symbol, repeat, change, jnp.float32(weight)))
    for position in range(POSITIONS):
        best = min(cost(position, path) for path in itertools.product(range(CODES), repeat=STEPS))
        assert cost(position, found[position]) == pytest.approx(best, rel=1e-5)


def test_a_long_chunk_has_no_more_candidates_than_a_short_one():
    book = random_codebook()
    z = jnp.asarray(np.random.default_rng(2).normal(size=(3 * STEPS_AROUND, POSITIONS, 3)), jnp.float32)
    nearest, codes, _ = (np.asarray(a) for a in candidates(book.embeddings, z))
    assert codes.shape == (POSITIONS, 3 * STEPS_AROUND, NEAR + STEPS_AROUND)
    middle = STEPS_AROUND + 3
    around = nearest[middle - STEPS_AROUND // 2 : middle + STEPS_AROUND // 2]
    np.testing.assert_array_equal(codes[:, middle, NEAR:], around.T)
    np.testing.assert_array_equal(codes[:, -1, NEAR:], nearest[-STEPS_AROUND:].T)


def test_candidates_are_the_nearest_codes_and_those_of_other_steps():
    book = random_codebook()
    z = jnp.asarray(np.random.default_rng(2).normal(size=(STEPS, POSITIONS, 3)), jnp.float32)
    nearest, codes, errors = (np.asarray(a) for a in candidates(book.embeddings, z))
    np.testing.assert_array_equal(nearest, quantize(book, z).indices)
    distances = np.square(np.asarray(z)[:, :, None] - np.asarray(book.embeddings)).sum(axis=-1)  # [T, P, K]
    for t, p in itertools.product(range(STEPS), range(POSITIONS)):
        assert set(codes[p, t, :NEAR]) == set(np.argsort(distances[t, p])[:NEAR])
        np.testing.assert_array_equal(codes[p, t, NEAR:], nearest[:, p])
        unit = distances.min(axis=-1).mean()
        np.testing.assert_allclose(errors[p, t], distances[t, p, codes[p, t]] / unit, rtol=1e-4)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_bit_worth_nothing_leaves_the_nearest_codes(steps):
    book = random_codebook()
    z = jnp.asarray(np.random.default_rng(3).normal(size=(steps, 3, 4, 3)), jnp.float32)
    chosen = choose(book, random_context_model(16, 0), z, None, 1e-9)
    np.testing.assert_array_equal(chosen, quantize(book, z).indices)


def test_a_dearer_bit_means_fewer_bits_and_more_error():
    book, model = random_codebook(seed=4), random_context_model(16, 0, seed=5)
    rng = np.random.default_rng(6)
    z = jnp.asarray(rng.normal(size=(1, 6, 6, 3)) + 0.4 * rng.normal(size=(8, 6, 6, 3)), jnp.float32)
    sizes, errors = [], []
    for weight in (1e-9, 0.05, 0.3, 2.0):
        chosen = choose(book, model, z, None, weight)
        sizes.append(len(pack("range", {"bottom": model}, {"bottom": chosen})[0]))
        errors.append(float(jnp.sum(jnp.square(z - book.embeddings[chosen]))))
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.8 * sizes[0]
    assert errors == sorted(errors) and errors[-1] > errors[0]


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("frames", [1, 8, 13])
def test_a_file_of_chosen_codes_opens_like_any_other(tmp_path, levels, frames):
    bundle, clip = golden_model(levels), moving(frames)
    encoder = Encoder(bundle, chunk_frames=8, rate_weight=0.5)
    encoder.encode(clip, tmp_path / "a.msv", Fraction(16))
    with Decoder(bundle, tmp_path / "a.msv") as decoder:
        decoded = np.stack(list(decoder.frames()))
        found = decoder.content(0).indices
    assert decoded.shape == clip.shape
    margin = 4 if levels == 2 else 2
    window = clip[np.clip(np.arange(-margin, 8 + margin), 0, frames - 1)]
    count = -(-min(frames, 8) // margin) * margin
    strides = {name: level.strides[0] for name, level in bundle.levels.items()}
    own = {name: slice(margin // stride, (margin + count) // stride) for name, stride in strides.items()}
    for name, grid in rate_weighted(bundle, 0.5).encode(window, own).items():
        np.testing.assert_array_equal(found[name], grid)


def test_without_weight_the_bottom_is_that_of_the_tokenizer():
    """The two ways to the bottom's vectors are one: beside the same top they choose the same nearest codes."""
    bundle, clip = golden_model(2), moving(16)
    found = rate_weighted(bundle, 1e-9).encode(clip, {"top": slice(0, 4), "bottom": slice(0, 8)})
    for name, grid in golden_model(2).encode(clip).items():
        np.testing.assert_array_equal(found[name], grid)


def test_a_bundle_of_pair_tables_takes_no_weight():
    with pytest.raises(UserError, match="rate weights need a bundle of format 2; 'example-2' is of format 1"):
        Encoder(golden_model(2, contexts=False), rate_weight=0.5)
