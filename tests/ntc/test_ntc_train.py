"""The train step: learns, draws the same on any number of devices, leaves out what would harm it."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.ntc.narrow import NARROW, clips
from vqvae_jax.errors import UserError
from vqvae_jax.ntc.coding import code, init_params
from vqvae_jax.ntc.experiment import Experiment, RateConfig
from vqvae_jax.ntc.train import NtcTask
from vqvae_jax.precision import normalise
from vqvae_jax.training.digests import named_leaves
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.snapshot import fitting_start


def experiment(**loss):
    base = Experiment()
    optimizer = replace(base.optimizer, warmup_steps=2, weight_ema=0.5)
    data = replace(base.data, batch_size=2, frames=8)
    return replace(base, model=NARROW, loss=RateConfig(**loss), optimizer=optimizer, data=data)


class Runner:
    def __init__(self, task):
        self.map = DeviceMap("auto", jax.devices()[:1])
        self.task, self.key = task, self.map.replicate(jax.random.key(1))
        self._step = self.map.map(task.step, (False, True, False, False), (False, False))

    def start(self, batch):
        return self.map.replicate(self.task.init(jax.random.key(0), batch))

    def __call__(self, state, batch):
        return self._step(state, self.map.split(batch), self.key, None)


@pytest.fixture(scope="module")
def runner():
    return Runner(NtcTask(experiment(patience=2, prediction=0.5, flow=0.1), 60))


def test_it_learns_and_reports(runner):
    batch = clips(2)
    state, losses = runner.start(batch), []
    for _ in range(40):
        state, metrics = runner(state, batch)
        losses.append(float(metrics.scalars["loss"]))
    assert losses[-1] < 0.5 * losses[0] and bool(metrics.finite)
    assert set(metrics.scalars) >= {"loss", "psnr", "bpp", "grad_norm"} and float(metrics.totals["left_out"]) == 0
    found = runner.task.reconstruct(state.ema_params, state.extras, jnp.asarray(batch))
    assert found.frames.shape == batch.shape and found.frames.dtype == jnp.uint8
    bpp = np.asarray(found.measures["bpp"])
    assert bpp.shape == (2, 3) and np.all(bpp[:, 0] < bpp[:, 2])
    estimates = runner.task.summarise(found.measures, (8, 16, 24))
    assert estimates.bpp["likelihood"] == pytest.approx(bpp[:, 1].mean(), rel=1e-5)
    assert [rate["lambda"] for rate in estimates.diagnostics["rates"]] == list(NARROW.lambdas)
    assert runner.task.best({"cost": 0.3, "psnr": 20.0}) == -0.3


def test_a_step_whose_loss_jumps_is_left_out_and_lasting_ones_go_back(runner):
    batch = clips(2)
    state = runner.start(batch)
    for _ in range(3):
        state, _ = runner(state, batch)
    usual = {"steadiness": state.extras["steadiness"] | {"loss": jnp.float32(1e-6)}}
    jumpy = state._replace(extras=runner.map.replicate(usual))
    out, metrics = runner(jumpy, batch)
    assert float(metrics.totals["left_out"]) == 1 and bool(metrics.finite)
    for name in ("params", "ema_params", "opt_state"):
        for a, b in zip(*(jax.tree.leaves(getattr(s, name)) for s in (state, out)), strict=True):
            np.testing.assert_array_equal(a, b)
    assert int(out.step) == int(state.step) + 1
    out, metrics = runner(out, batch)
    assert float(metrics.totals["went_back"]) == 1
    for a, b in zip(*map(jax.tree.leaves, (out.params, state.ema_params)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(out.extras["steadiness"]["loss"]) == 0


def test_what_lasts_though_the_weights_went_back_ends_the_training(runner):
    batch = clips(2)
    state = runner.start(batch)
    state, _ = runner(state, batch)
    usual = jnp.float32(1e-6)
    finite = []
    for _ in range(4):  # patience is 2
        steadiness = state.extras["steadiness"] | {"loss": usual}
        state = state._replace(extras=runner.map.replicate({"steadiness": steadiness}))
        state, metrics = runner(state, batch)
        finite.append(bool(metrics.finite))
    assert finite == [True, True, True, False]


def test_a_gradient_that_is_not_finite_changes_nothing(runner):
    batch = clips(2)
    state = runner.start(batch)
    broken = jax.tree.map(lambda a: a, state.params)
    broken["transform"]["head"]["bias"] = jnp.full_like(broken["transform"]["head"]["bias"], jnp.nan)
    out, metrics = runner(state._replace(params=runner.map.replicate(broken)), batch)
    assert float(metrics.totals["left_out"]) == 1
    assert not bool(metrics.finite)  # the weights themselves are lost: the loop must stop
    for a, b in zip(*(jax.tree.leaves(s.opt_state) for s in (state, out)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_without_motion_grows_into_one_with_it_and_computes_what_it_did():
    still = replace(NARROW, motion=False, hints="none", reach=0)
    base = replace(experiment(), model=still)
    old = init_params(still, jax.random.key(5))
    start = fitting_start(Path("old"), old, {}, NtcTask(experiment(), 60))
    added = set(named_leaves(start.params)) - set(named_leaves(old))
    assert {name.split("/")[1] for name in added} == {"flow", "change", "hinted"}
    x, rate = 2.0 * normalise(jnp.asarray(clips(1))) - 1.0, jnp.asarray([70], jnp.int32)
    before, after = (np.asarray(code(*model, x, rate).frames) for model in ((still, old), (NARROW, start.params)))
    np.testing.assert_allclose(after, before, atol=1e-5)
    with pytest.raises(UserError, match=r"this model has no params/transform/change/"):
        fitting_start(Path("new"), start.params, {}, NtcTask(base, 60))
    del old["transform"]["head"]
    with pytest.raises(UserError, match=r"params/transform/head/bias is missing"):
        fitting_start(Path("old"), old, {}, NtcTask(experiment(), 60))
