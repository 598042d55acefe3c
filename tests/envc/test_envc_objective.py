"""Equations 3 and 4 against sums by hand, frame by frame; a closed loop is one frame after the other."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.envc.tiny_envc import TINY, tiny_params
from tests.envc.tiny_training import clips, experiment
from vqvae_jax.envc.clip import code_clip, draw_noise
from vqvae_jax.envc.coding import Inter, code_inter, code_intra, init_params
from vqvae_jax.envc.experiment import LossConfig, StagesConfig
from vqvae_jax.envc.objective import distortion, frame_weights, training_loss
from vqvae_jax.envc.stages import phases
from vqvae_jax.envc.train import EnvcTask
from vqvae_jax.metrics.psnr import to_uint8
from vqvae_jax.target import tracing_for

encode_i = jax.jit(code_intra, static_argnums=0)
encode_p = jax.jit(code_inter, static_argnums=0)


def with_frames(count, **loss):
    base = experiment(batch=2, **loss)
    return replace(base, stages=StagesConfig(joint_frames=count, frames=count), data=replace(base.data, frames=count))


def by_hand(x, noise, first, noisy=True):
    """Of every frame that is coded: frames, bits of its parts."""
    before, found = x[:, 0], []
    if first:
        coded = encode_i(TINY, tiny_params(), x[:, 0], noise.intra if noisy else None)
        before = coded.frames
        found.append((before, coded.bits))
    for t in range(1, x.shape[1]):
        each = Inter(*(part[:, t - 1] for part in noise.inter)) if noisy else None
        coded = encode_p(TINY, tiny_params(), x[:, t], before, each)
        before = coded.frames
        found.append((before, coded.bits))
    return found


def test_equation_4_is_the_sum_by_hand():
    config = with_frames(3, lagrangian=100.0)
    phase = phases(config, 1400)[3]
    assert phase.name == "4 modulated" and phase.frames == 3
    batch = clips(2, 3)
    noise = draw_noise(TINY, jax.random.key(3), (2, 3, 64, 64))
    loss, aux = jax.jit(training_loss(TINY, config.loss, phase, jnp.int32(0)))(tiny_params(), (batch, noise, None))
    x = batch.astype(np.float32) / 255
    total, bits = 0.0, []
    for t, ((frame, parts), mu) in enumerate(zip(by_hand(x, noise, True), (1.0, 1.0, 1.2), strict=True)):
        rate = np.sum([np.asarray(part, np.float64) for part in parts], axis=0) / 64**2
        error = np.mean(np.square(np.asarray(frame, np.float64) - x[:, t]), axis=(1, 2, 3))
        total += np.mean(rate + mu * 100.0 * error)
        bits.append(rate)
    assert float(loss) == pytest.approx(total, rel=1e-5)
    assert float(aux.means["bpp"]) == pytest.approx(np.mean(bits), rel=1e-5)
    assert float(aux.means["inter/bpp"]) == pytest.approx(np.mean(bits[1:]), rel=1e-5)


def test_pairs_are_predicted_from_originals_and_may_learn_motion_first():
    config = with_frames(2, lagrangian=100.0, guided=0.5)
    phase = phases(config, 1400)[1]
    assert phase.name == "2 inter" and phase.steps == 500
    batch, noise = clips(2, 2), draw_noise(TINY, jax.random.key(4), (2, 2, 64, 64), intra=False)
    x = batch.astype(np.float32) / 255
    coded = encode_p(TINY, tiny_params(), x[:, 1], x[:, 0], Inter(*(part[:, 0] for part in noise.inter)))

    @jax.jit
    def loss(step):
        return training_loss(TINY, config.loss, phase, step)(tiny_params(), (batch, noise, None))[0]

    def expected(frames, parts):
        error = np.mean(np.square(np.asarray(frames, np.float64) - x[:, 1]), axis=(1, 2, 3))
        return np.mean(sum(np.asarray(part, np.float64) for part in parts) / 64**2 + 100.0 * error)

    assert float(loss(749)) == pytest.approx(expected(coded.predicted, coded.bits[:1]), rel=1e-5)
    assert float(loss(750)) == pytest.approx(expected(coded.frames, coded.bits), rel=1e-5)


@pytest.mark.parametrize(("name", "looped"), [("gpu", False), ("cpu", True)])
def test_a_loop_over_frames_is_the_same(name, looped):
    x = clips(2, 3).astype(np.float32) / 255
    noise = draw_noise(TINY, jax.random.key(5), (2, 3, 64, 64))
    hand = by_hand(x, noise, True)
    with tracing_for(name):
        found = jax.jit(lambda params: code_clip(TINY, params, x, noise, looped=looped))(tiny_params())
    np.testing.assert_allclose(found.frames, np.stack([frame for frame, _ in hand], axis=1), atol=1e-4)
    bits = np.stack([sum(np.asarray(part, np.float64) for part in parts) for _, parts in hand], axis=1)
    np.testing.assert_allclose(found.bits, bits, rtol=1e-4)


@pytest.mark.parametrize("count", [2, 3])
def test_on_a_cpu_convolutions_are_in_no_loop(count):
    moving = replace(TINY, predictor="pixel_flow")  # no loop of its own
    shapes = jax.eval_shape(partial(init_params, moving), jax.random.key(0))
    x = jax.ShapeDtypeStruct((1, count, 64, 64, 3), np.float32)
    for looped in (False, True):
        program = jax.jit(lambda params, x, looped=looped: code_clip(moving, params, x, looped=looped).bits)
        assert ("stablehlo.while" in program.lower(shapes, x).as_text()) == looped


def test_the_other_distortion_is_what_ms_ssim_lacks(monkeypatch):
    monkeypatch.setattr("vqvae_jax.envc.objective.similarity", lambda x, y: jnp.mean(x * y, axis=(2, 3, 4)))
    config, x = LossConfig(distortion="ms_ssim"), np.full((1, 2, 4, 4, 3), 0.5, np.float32)
    np.testing.assert_allclose(distortion(config, x, x), np.full((1, 2), 0.75))


def test_later_frames_count_more_from_stage_4_on():
    table = phases(replace(experiment(), stages=StagesConfig(), data=replace(experiment().data, frames=5)), 1400)
    weights = [frame_weights(experiment().loss, phase).tolist() for phase in table]
    assert weights[:3] == [[1], [1], [1, 1, 1]]
    assert weights[3] == weights[4] == weights[5] == pytest.approx([1, 1, 1.2, 1.4, 1.6])


def test_validation_is_a_closed_loop_of_rounded_latents_in_8_bits():
    config = with_frames(3, lagrangian=100.0)
    batch = clips(2, 3)
    found = jax.jit(EnvcTask(config, 1).reconstruct)(tiny_params(), {}, batch)
    x = batch.astype(np.float32) / 255
    coded = by_hand(x, None, True, noisy=False)
    expected = np.stack([to_uint8(frame) for frame, _ in coded], axis=1)
    assert np.abs(expected.astype(int) - np.asarray(found.frames)).max() <= 1
    bpp = np.stack([sum(np.asarray(part, np.float64) for part in parts) for _, parts in coded], axis=1) / 64**2
    error = np.mean(np.square((expected.astype(float) - batch) / 255), axis=(2, 3, 4))
    np.testing.assert_allclose(found.measures["bpp"], bpp.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found.measures["inter/bpp"], bpp[:, 1:].mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found.measures["cost"], (bpp + 100.0 * error).mean(axis=1), rtol=1e-3)
    motion = sum(np.asarray(parts.m, np.float64) for _, parts in coded[1:]) / 64**2
    np.testing.assert_allclose(found.measures["inter/motion_share"], motion / bpp[:, 1:].sum(axis=1), rtol=1e-4)
    estimates = EnvcTask(config, 1).summarise(found.measures, (3, 64, 64))
    assert estimates.bpp["likelihood"] == pytest.approx(bpp.mean(), rel=1e-4)
    assert EnvcTask(config, 1).best({"cost": 0.5}) == -0.5
