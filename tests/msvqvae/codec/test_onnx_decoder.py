"""The ONNX graph in onnxruntime beside JAX: every configuration, sizes the graph was not made for, its metadata."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.codec.example_bundle import example_contexts
from tests.msvqvae.narrow_models import FAMILY, narrow, started
from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.msvqvae.codec.model import CodecModel
from vqvae_jax.msvqvae.codec.onnx_decoder import onnx_decoder
from vqvae_jax.msvqvae.codec.weights import pack_weights
from vqvae_jax.packaged import packaged

pytest.importorskip("onnx", reason="onnx is not installed (extra onnx)")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
VARIANTS = {
    **{name: (narrow(name), "bfloat16") for name in FAMILY},
    "float32": (narrow("tiny"), "float32"),
    "layer norm, groups, factored": (replace(narrow("tiny"), norm="layer", groups=2, block="factored"), "bfloat16"),
    "full blocks, patches, groups": (replace(narrow("edge4"), block="full", groups=2), "bfloat16"),
}


def session_of(bundle):
    return onnxruntime.InferenceSession(onnx_decoder(bundle), providers=["CPUExecutionProvider"])


def drawn(model, shape, seed):
    """Indices by level for a clip of so many times the model's multiple."""
    rng = np.random.default_rng(seed)
    size = tuple(n * multiple for n, multiple in zip(shape, model.weights.config.multiple, strict=True))
    grids = {name: model.weights.config.latent_shape(name, size) for name in model.levels}
    return {name: rng.integers(0, model.levels[name].codes, grid) for name, grid in grids.items()}


def differing(session, model, shape, seed=0):
    """The share of values that are not JAX's, which are all one beside."""
    indices = drawn(model, shape, seed)
    (found,) = session.run(None, indices)
    expected = model.decode(indices).astype(int)
    assert found.dtype == np.uint8 and found.shape == expected.shape
    assert len(np.unique(expected)) > 20
    assert np.abs(found - expected).max() <= 1
    return np.mean(found != expected)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_graph_decodes_as_jax_does_in_every_configuration_at_any_size(name):
    config, weights = VARIANTS[name]
    _, params, codebooks = started(config)
    bundle = pack_weights(name, config, params, codebooks, example_contexts(config), {}, weights)
    session, model = session_of(bundle), CodecModel(bundle)
    for seed, shape in enumerate([(1, 1, 1), (3, 2, 4)]):
        assert differing(session, model, shape, seed) < 0.002


@pytest.mark.slow
@pytest.mark.parametrize("name", ["edge", "edge4"])
def test_models_of_the_package_decode_as_jax_does_and_say_what_a_program_needs(name):
    bundle = read_bundle(packaged()[name])
    session, model = session_of(bundle), CodecModel(bundle)
    assert differing(session, model, (2, 3, 4)) < 1e-4
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["digest"] == bundle.digest and json.loads(facts["clip"]) == [32, 64, 64]
    levels = json.loads(facts["levels"])
    assert list(levels) == ["top", "bottom"] and levels["top"]["codes"] == 1024
    assert levels["top"]["strides"] == list(model.levels["top"].strides)
    assert int(facts["margin"]) == levels["top"]["strides"][0] and int(facts["reach"]) == model.reach


def test_windows_of_the_metadata_decode_a_chunk_without_a_seam():
    """Frames of a chunk from its own steps, a margin of each neighbour's and no more, as format.md says."""
    config, weights = VARIANTS["tiny"]
    _, params, codebooks = started(config)
    bundle = pack_weights("tiny", config, params, codebooks, example_contexts(config), {}, weights)
    session, model = session_of(bundle), CodecModel(bundle)
    whole, margin = drawn(model, (6, 2, 2), 3), int(session.get_modelmeta().custom_metadata_map["margin"])
    stride = {name: level.strides[0] for name, level in model.levels.items()}
    size = 2 * config.multiple[0]
    chunks = [
        {name: grid[n * size // stride[name] : (n + 1) * size // stride[name]] for name, grid in whole.items()}
        for n in range(3)
    ]
    window = {
        name: grid[(size - margin) // stride[name] : (2 * size + margin) // stride[name]]
        for name, grid in whole.items()
    }
    (found,) = session.run(None, window)
    shape = (size, 2 * config.multiple[1], 2 * config.multiple[2])
    expected = model.decoded_chunk(chunks[1], chunks[0], chunks[2], shape, size).astype(int)
    assert np.abs(found[margin : margin + size] - expected).max() <= 1
