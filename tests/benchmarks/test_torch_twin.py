"""The PyTorch twin computes what our model computes: otherwise its speed would say nothing about ours."""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.msvqvae.narrow_models import narrow, narrow_experiment, random_clips, started
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.model import apply_model
from vqvae_jax.msvqvae.objective import objective
from vqvae_jax.msvqvae.reconstruct import reconstruct
from vqvae_jax.msvqvae.train import MSVQVAETask
from vqvae_jax.precision import normalise
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.optimizer import make_optimizer
from vqvae_jax.training.state import TrainState

torch = pytest.importorskip("torch", reason="the peer in benchmarks/ is PyTorch")

from benchmarks.peers.torch_training import make_torch_step  # noqa: E402
from benchmarks.peers.torch_training import objective as torch_objective  # noqa: E402
from benchmarks.peers.torch_twin import FORMATS, TorchTwin, load_flax, torch_arrays  # noqa: E402

VARIANTS = {
    "msvqvae": narrow("msvqvae"),
    "tiny": narrow("tiny"),
    "single level": narrow("vqvae3d"),
    "layer norm, two groups": replace(narrow("tiny"), norm="layer", groups=2),
}
CLIPS = random_clips(2)


@cache
def ours(variant):
    """Our model's weights, forward pass, gradient and 8-bit frames; norms away from 1, level dropout off."""
    config = replace(VARIANTS[variant], level_dropout=0.0)
    model, params, codebooks = started(config)
    params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf + 0.1 * jnp.sin(jnp.arange(leaf.size)) if path[-1].key == "scale" else leaf, params
    )

    def loss(params, x):
        forward = apply_model(model, params, x, codebooks)
        return objective(LossConfig(gamma=0.0), x, forward, None, jnp.float32(0))[0], forward

    @jax.jit
    def run(params, clips):
        return jax.value_and_grad(loss, has_aux=True)(params, normalise(clips)), reconstruct(
            model, params, codebooks, clips
        )

    return params, codebooks, *run(params, CLIPS)


def twin_of(variant, layout="contiguous"):
    params, codebooks, *_ = ours(variant)
    twin = TorchTwin(replace(VARIANTS[variant], level_dropout=0.0), layout)
    load_flax(twin, params, codebooks)
    return twin


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_outputs_indices_and_gradients_equal_ours(variant, layout):
    _, _, ((total, expected), gradient), _ = ours(variant)
    twin = twin_of(variant, layout)
    pixels = twin.pixels(torch.tensor(CLIPS))
    forward = twin(pixels)
    loss = torch_objective(LossConfig(gamma=0.0), pixels, forward)
    loss.backward()

    reconstruction = forward.reconstruction.detach().movedim(1, -1).numpy()
    np.testing.assert_allclose(reconstruction, expected.reconstruction, atol=1e-4)
    np.testing.assert_allclose(loss.item(), total, rtol=1e-4)
    for name, level in expected.levels.items():
        np.testing.assert_array_equal(forward.levels[name].indices.numpy(), level.quantized.indices)
    gradients = torch_arrays(gradient)
    for name, parameter in twin.named_parameters():
        error = np.linalg.norm(parameter.grad.numpy() - gradients[name])
        assert error <= 1e-4 * np.linalg.norm(gradients[name]), name
        assert np.linalg.norm(gradients[name]) > 0, name


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_clips_are_encoded_and_decoded_to_the_same_bytes(variant, layout):
    expected, twin = ours(variant)[3], twin_of(variant, layout)
    indices = twin.encode(torch.tensor(CLIPS))
    frames = twin.decode(indices).numpy()
    for name, level in expected.indices.items():
        np.testing.assert_array_equal(indices[name].numpy(), level)
    # A value on the edge between two levels may round either way.
    assert np.abs(frames.astype(int) - np.asarray(expected.frames)).max() <= 1
    assert np.mean(frames == expected.frames) > 0.999


@pytest.mark.slow
def test_steps_move_weights_and_codebooks_as_ours_do_revival_and_clipping_included():
    experiment = narrow_experiment("tiny", level_dropout=0.0)
    experiment = replace(experiment, optimizer=replace(experiment.optimizer, clip_norm=0.01, schedule="constant"))
    params, codebooks, *_ = ours("tiny")
    twin = twin_of("tiny")
    counts = jnp.where(jnp.arange(16) < 5, 0.001, 1.0)
    codebooks = {
        name: book._replace(counts=counts, sums=book.embeddings * counts[:, None]) for name, book in codebooks.items()
    }
    load_flax(twin, params, codebooks)
    optimizer = make_optimizer(experiment.optimizer, 10, 2)
    extras = {"codebooks": codebooks, "perceptual_weight": jnp.float32(0)}
    state = TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params), None, extras)
    devices = DeviceMap("shard_map", jax.devices()[:1])
    step = devices.map(MSVQVAETask(experiment, 10).step, (False, True, False, False), (False, False))
    twin_step = make_torch_step(twin, experiment, 2)
    revived = 0
    for _ in range(3):
        state, metrics = step(state, CLIPS, jax.random.key(0), None)
        result = twin_step(torch.tensor(CLIPS))
        revived += sum(float(metrics.totals[f"{name}/revived"]) for name in codebooks)
        np.testing.assert_allclose(result.loss.item(), metrics.scalars["loss"], rtol=1e-4)
        np.testing.assert_allclose(result.grad_norm.item(), metrics.scalars["grad_norm"], rtol=1e-3)
    assert revived > 0
    before, after = torch_arrays(params), torch_arrays(state.params)
    for name, parameter in twin.named_parameters():
        moved = np.linalg.norm(after[name] - before[name])
        assert np.linalg.norm(parameter.detach().numpy() - after[name]) < 0.01 * moved, name
    for name, book in state.extras["codebooks"].items():
        for field in ("embeddings", "counts", "sums"):
            np.testing.assert_allclose(
                getattr(twin.codebooks[name], field).numpy(), getattr(book, field), atol=1e-4, err_msg=f"{name} {field}"
            )


def test_weights_of_another_model_are_refused():
    params, codebooks, *_ = ours("msvqvae")
    with pytest.raises(KeyError, match="one side only"):
        load_flax(TorchTwin(VARIANTS["tiny"]), params, codebooks)
