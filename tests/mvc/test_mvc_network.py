"""The network against Python's own arithmetic, and against a second reading of the specification in NumPy."""

import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import correlate
from scipy.special import erf, expit, softmax

from tests.mvc.tiny_mvc import TINY, scene, tiny_params
from vqvae_jax.errors import UserError
from vqvae_jax.mvc.blocks import gelu, instance_norm, pixel_shuffle
from vqvae_jax.mvc.config import MvcConfig, for_scene
from vqvae_jax.mvc.context import crop, embed, pad, scene_context
from vqvae_jax.mvc.encodings import encode, space_codes, time_codes
from vqvae_jax.mvc.network import decode
from vqvae_jax.mvc.weights import decoder_shapes, init, training_shapes

KINDS = {
    "mvc": TINY,
    "1+g": replace(TINY, modulation="1+g"),
    "mlp": replace(TINY, fusion="mlp"),
    "narrowing": replace(TINY, expansion=0.5),
    "one head": replace(TINY, head_dim=12, heads=1, channels=12),
    "enerv": replace(TINY, kind="enerv", context="off"),
    "nerv": replace(TINY, kind="nerv", context="off", expansion=1.0),
}


def test_codes_are_pythons_sines_level_by_level():
    x = [0.0, 1 / 7, 0.5, 1.0]
    found = encode(np.array(x), 1.25, 80)
    for row, value in zip(found, x, strict=True):
        for level in range(80):
            angle = 1.25**level * math.pi * value
            # An error of the argument of one part in 2**52 is all that may differ.
            room = 1e-7 + angle * 2e-15
            assert abs(row[2 * level] - math.sin(angle)) < room
            assert abs(row[2 * level + 1] - math.cos(angle)) < room
    np.testing.assert_array_equal(found[0], [0.0, 1.0] * 80)


def test_tables_go_over_time_and_over_places_row_by_row():
    np.testing.assert_array_equal(time_codes(TINY), encode(np.arange(5) / 4, 1.25, 6))
    assert not np.isnan(time_codes(replace(TINY, frames=1))).any()
    found = space_codes(TINY)
    assert found.shape == (12, 24)
    place = encode(np.array([2 / 3, 1 / 4]), 1.25, 6)
    np.testing.assert_array_equal(found[2 * 4 + 1], place.reshape(-1))


def test_pixels_are_shuffled_as_pytorch_does():
    x = np.arange(2 * 3 * 2 * 8).reshape(2, 3, 2, 8).astype(np.float32)
    found = np.asarray(pixel_shuffle(jnp.asarray(x), 2))
    assert found.shape == (2, 6, 4, 2)
    for b, y, x_, c in np.ndindex(*found.shape):
        assert found[b, y, x_, c] == x[b, y // 2, x_ // 2, c * 4 + (y % 2) * 2 + x_ % 2]


def test_the_gelu_is_exact_and_norms_are_of_each_channel_of_each_frame():
    assert abs(float(gelu(jnp.float32(1))) - 0.841345) < 1e-6
    x = np.random.default_rng(0).normal(3, 2, (2, 4, 5, 3)).astype(np.float32)
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    np.testing.assert_allclose(instance_norm(jnp.asarray(x)), (x - mean) / np.sqrt(variance + 1e-5), atol=1e-5)


def by_hand(config, weights, codes, embedding):
    """One frame by NumPy and scipy in float64, written from the specification."""
    w = {name: np.asarray(value, np.float64) for name, value in weights.items()}

    def act(x):
        return 0.5 * x * (1 + erf(x / np.sqrt(2)))

    def lin(name, x):
        return x @ w[f"{name}.kernel"] + w.get(f"{name}.bias", 0.0)

    def conv(name, x):
        kernel = w[f"{name}.kernel"]
        return np.stack(
            [
                sum(correlate(x[..., i], kernel[..., i, o], mode="constant") for i in range(x.shape[-1]))
                for o in range(kernel.shape[-1])
            ],
            axis=-1,
        ) + w[f"{name}.bias"]  # fmt: skip

    def block(name, x, heads):
        inner = w[f"{name}.attention.qkv.kernel"].shape[1] // 3
        q, k, v = np.split(lin(f"{name}.attention.qkv", x), 3, axis=1)
        size = inner // heads
        parts = [slice(i * size, (i + 1) * size) for i in range(heads)]
        y = np.concatenate([softmax(q[:, p] @ k[:, p].T / size**0.5, axis=1) @ v[:, p] for p in parts], axis=1)
        x = x + (lin(f"{name}.attention.out", y) if f"{name}.attention.out.kernel" in w else y)
        return x + lin(f"{name}.down", act(lin(f"{name}.up", x)))

    time = act(lin("time.1", act(lin("time.0", codes))))
    if config.kind == "nerv":
        x = time
    else:
        places = space_codes(config).astype(np.float64)
        if embedding is not None:
            places = np.concatenate([places, np.asarray(embedding, np.float64).reshape(len(places), -1)], axis=1)
        x = block("space_block", act(lin("space", places)), 1) * time
        if config.fusion == "trans":
            x = block("fusion_block", x, config.heads)
        if "fusion.kernel" in w:
            x = act(lin("fusion", x))
        modulation = act(lin("modulation.1", act(lin("modulation.0", codes))))
    x = x.reshape(config.h, config.w, -1)
    for index, s in enumerate(config.strides):
        name = f"stage_{index}"
        if config.kind != "nerv":
            x = (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-5)
            g, b = np.split(act(lin(f"{name}.modulation", modulation)), 2)
            x = x * (g + (config.modulation == "1+g")) + b
        if f"{name}.conv_before.kernel" in w:
            x = conv(f"{name}.conv_before", x)
        x = conv(f"{name}.conv", x)
        rows, columns, channels = x.shape
        x = x.reshape(rows, columns, channels // s**2, s, s).transpose(0, 3, 1, 4, 2)
        x = x.reshape(rows * s, columns * s, -1)
        if f"{name}.conv_after.kernel" in w:
            x = conv(f"{name}.conv_after", x)
        x = act(x)
    return x, expit(conv("head", x))


@pytest.mark.parametrize("name", KINDS)
def test_frames_are_those_of_a_second_reading(name):
    config = KINDS[name]
    params = tiny_params(config)
    codes = time_codes(config)[[3, 1]]
    embedding = None
    if config.embedding:
        embedding = np.random.default_rng(1).normal(0, 1, (2, *config.embedding)).astype(np.float32)
    found = decode(config, params.decoder, jnp.asarray(codes), embedding)
    assert found.frames.shape == (2, 18, 24, 3) and found.features.shape == (2, 18, 24, config.widths[-1])
    for index in range(2):
        of_one = None if embedding is None else embedding[index]
        features, frames = by_hand(config, params.decoder, codes[index].astype(np.float64), of_one)
        np.testing.assert_allclose(found.features[index], features, atol=2e-5)
        np.testing.assert_allclose(found.frames[index], frames, atol=1e-5)


def test_means_of_blocks_go_through_psi_as_psi_through_means():
    config, params = TINY, tiny_params()
    frames = scene()
    context = scene_context(config, frames)
    found = embed(config, params.training, jnp.asarray(context), jnp.arange(5))
    whole = frames / 255.0 @ np.asarray(params.training["psi.kernel"], np.float64) + params.training["psi.bias"]
    expected = np.asarray(whole).reshape(5, 3, 6, 4, 6, 3).mean((2, 4))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    stride = scene_context(replace(config, context="stride"), frames)
    np.testing.assert_allclose(stride, frames[:, ::6, ::6] / 255.0, atol=1e-7)


def test_free_embeddings_begin_as_those_of_means():
    config = replace(TINY, context="free")
    context = jnp.asarray(scene_context(config, scene()))
    params = init(jax.random.key(0), config, context)
    numbers = jnp.array([4, 0])
    pooled = embed(TINY, params.training, context[numbers], numbers)
    np.testing.assert_allclose(embed(config, params.training, context[numbers], numbers), pooled, atol=1e-6)
    assert {name: leaf.shape for name, leaf in params.training.items()} == training_shapes(config)


def test_any_size_is_padded_by_its_edges_and_cut_again():
    config = for_scene(TINY, (7, 17, 31))
    assert (config.h, config.w, config.height, config.width, config.clip) == (3, 6, 18, 36, (7, 17, 31))
    frames = np.random.default_rng(0).integers(0, 256, (7, 17, 31, 3), np.uint8)
    padded = pad(config, frames)
    assert padded.shape == (7, 18, 36, 3) and np.all(padded[:, 17] == padded[:, 16])
    assert np.all(padded[:, :, 31:] == padded[:, :, 30:31])
    np.testing.assert_array_equal(crop(config, padded), frames)


def test_fresh_weights_are_uniform_as_pytorchs():
    config = replace(TINY, d0=64, stem=96, levels=20)
    drawn = init(jax.random.key(1), config).decoder
    assert list(drawn) == list(decoder_shapes(config))
    for name, inputs in (("time.1.kernel", 96), ("stage_1.conv.kernel", 9 * 16), ("time.1.bias", 96)):
        limit = 1 / math.sqrt(inputs)
        values = np.asarray(drawn[name])
        assert np.abs(values).max() <= limit and np.abs(values).max() > 0.9 * limit
        assert abs(values.std() * math.sqrt(3) / limit - 1) < 0.15


@pytest.mark.parametrize("strides", [(5, 2, 2, 2, 2), (5, 3, 2, 2, 2)])
def test_large_pictures_have_the_papers_shapes(strides):
    config = MvcConfig(strides=strides)
    weights = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in decoder_shapes(config).items()}
    codes, embedding = jax.ShapeDtypeStruct((2, 160), jnp.float32), jax.ShapeDtypeStruct((2, 9, 16, 3), jnp.float32)
    found = jax.eval_shape(partial(decode, config), weights, codes, embedding)
    assert found.frames.shape == (2, 144 * math.prod(strides) // 16, math.prod(strides) * 16, 3)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("kind", "hnerv", "model.kind"),
        ("strides", (2, 0), "model.strides"),
        ("context", "off", "model.context"),
        ("base", 1.0, "model.base"),
        ("pad_right", 24, "model.pad_right"),
        ("channels", 3, "model.channels"),
    ],
)
def test_what_is_no_network_is_refused(field, value, said):
    with pytest.raises(UserError, match=said):
        replace(TINY, **{field: value})
