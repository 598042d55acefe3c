"""The PyTorch twin of NTC computes what ours computes: otherwise its speed would say nothing about ours."""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.configs import ntc_tiny
from tests.ntc.narrow import NARROW, clips
from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.ntc.coding import code, init_params, synthesise
from vqvae_jax.ntc.objective import Weights, training_loss, uniform_noise
from vqvae_jax.ntc.train import NtcTask
from vqvae_jax.precision import normalise
from vqvae_jax.training.mapping import DeviceMap

torch = pytest.importorskip("torch", reason="the peer in benchmarks/ is PyTorch")

from benchmarks.ntc_programs import first_draws  # noqa: E402
from benchmarks.peers.torch_ntc import FORMATS, TorchNtc, load_flax, torch_arrays  # noqa: E402
from benchmarks.peers.torch_ntc_training import RateDistortion, as_draw, make_torch_step  # noqa: E402

STILL = replace(NARROW, motion=False, reach=0, hints="none")
CONFIGS = {"two units before": STILL, "one unit before": replace(STILL, prior_units=1, encoder_blocks=2)}
CLIPS = clips(3, (12, 16, 24))
CPU = torch.device("cpu")
#: At a trained lambda, between two, and the last.
RATES = np.array([64, 23, 128])
NOISE = np.asarray(uniform_noise(jax.random.key(1), (3, 3, 2, 3, STILL.latents)))
RATE_WEIGHT = 0.7


@cache
def ours(name):
    """Our weights, loss, gradient, latents and 8-bit frames. Tables and vectors are away from what they begin with."""
    config = CONFIGS[name]
    params = init_params(config, jax.random.key(0))
    params = jax.tree.map(
        lambda leaf: leaf + 0.1 * jnp.sin(jnp.arange(leaf.size)).reshape(leaf.shape) * (leaf.ndim < 3), params
    )
    params["transform"]["gains"] += 2.0
    params["prior"]["out"] *= 10

    @jax.jit
    def run(params):
        loss = training_loss(config, Weights(RATE_WEIGHT, 0.0, 0.0))
        (total, _), gradient = jax.value_and_grad(loss, has_aux=True)(params, (CLIPS, RATES, NOISE))
        coded = code(config, params, 2 * normalise(CLIPS) - 1, RATES)
        again = synthesise(config, params, coded.q, RATES)
        return total, gradient, coded.q, to_uint8((coded.frames + 1) / 2), to_uint8((again + 1) / 2)

    return params, *run(params)


def twin_of(name, layout="contiguous"):
    twin = TorchNtc(CONFIGS[name], layout)
    load_flax(twin, ours(name)[0])
    return twin


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("name", CONFIGS)
def test_loss_and_gradients_equal_ours(name, layout):
    _, total, gradient, *_ = ours(name)
    twin = twin_of(name, layout)
    loss = RateDistortion(CONFIGS[name], CPU)(twin, torch.tensor(CLIPS), as_draw(RATES, NOISE, CPU), RATE_WEIGHT)
    loss.backward()

    np.testing.assert_allclose(loss.item(), total, rtol=1e-4)
    gradients = torch_arrays(gradient)
    for leaf, parameter in twin.named_parameters():
        expected = gradients[leaf].reshape(parameter.shape)
        error = np.linalg.norm(parameter.grad.numpy() - expected)
        assert error <= 1e-4 * np.linalg.norm(expected), (leaf, error / np.linalg.norm(expected))
        assert np.linalg.norm(expected) > 0, leaf


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("name", CONFIGS)
def test_clips_have_the_same_latents_and_frames(name, layout):
    _, _, _, q, coded, decoded = ours(name)
    twin, given, rates = twin_of(name, layout), torch.tensor(CLIPS), torch.tensor(RATES)
    latents = twin.encode(given, rates)

    assert np.abs(q).max() > 3
    np.testing.assert_array_equal(latents.permute(1, 0, 3, 4, 2).numpy(), q)
    for frames, expected in ((twin.reconstruct(given, rates), coded), (twin.decode(latents, rates), decoded)):
        # A value on the edge between two levels may round either way.
        assert np.abs(frames.numpy().astype(int) - np.asarray(expected)).max() <= 1
        assert np.mean(frames.numpy() == expected) > 0.999


@pytest.mark.slow
def test_a_step_draws_and_moves_weights_as_ours_does():
    config, model = ntc_tiny.config, replace(STILL, clip=CLIPS.shape[1:4])
    optimizer = replace(config.optimizer, schedule="constant", warmup_steps=0)
    data = replace(config.data, frames=model.clip[0])
    experiment = replace(config, model=model, optimizer=optimizer, data=data)
    task = NtcTask(experiment, 10)
    state = task.init(jax.random.key(0), CLIPS)
    twin = TorchNtc(model)
    load_flax(twin, state.params)
    before = torch_arrays(state.params)
    step = DeviceMap("shard_map", jax.devices()[:1]).map(task.step, (False, True, False, False), (False, False))
    (draw,) = first_draws(experiment, len(CLIPS), 1)
    state, metrics = step(state, CLIPS, jax.random.key(1), None)
    result = make_torch_step(twin, experiment)(torch.tensor(CLIPS), as_draw(*draw, CPU))

    np.testing.assert_allclose(result.loss.item(), metrics.scalars["loss"], rtol=1e-4)
    np.testing.assert_allclose(result.grad_norm.item(), metrics.scalars["grad_norm"], rtol=1e-4)
    after = torch_arrays(state.params)
    for leaf, parameter in twin.named_parameters():
        moved = (after[leaf] - before[leaf]).ravel()
        theirs = (parameter.detach().numpy().reshape(before[leaf].shape) - before[leaf]).ravel()
        # PyTorch's Muon runs in bfloat16, and its Adam without Nesterov: the direction is what they share.
        assert moved @ theirs > 0.9 * np.linalg.norm(moved) * np.linalg.norm(theirs), leaf
        if parameter.ndim == 4:
            np.testing.assert_allclose(np.linalg.norm(theirs), np.linalg.norm(moved), rtol=0.1, err_msg=leaf)


def test_motion_is_refused():
    with pytest.raises(ValueError, match="no motion"):
        TorchNtc(NARROW)


def test_weights_of_another_model_are_refused():
    with pytest.raises(KeyError, match="one side only"):
        load_flax(TorchNtc(replace(STILL, refine_blocks=2)), ours("two units before")[0])
