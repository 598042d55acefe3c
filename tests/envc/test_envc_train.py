"""The six stages: how long, how fast, what moves in each; steps lower the loss."""

from dataclasses import replace

import jax
import numpy as np
import optax
import pytest

from tests.envc.tiny_envc import TINY, tiny_params
from tests.envc.tiny_training import Runner, clips, experiment
from vqvae_jax.envc.clip import code_clip
from vqvae_jax.envc.coding import code_inter
from vqvae_jax.envc.experiment import Experiment, LossConfig, StagesConfig
from vqvae_jax.envc.stages import phases, put, split, taken
from vqvae_jax.envc.train import EnvcTask
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.training.mapping import DeviceMap

SIX = ["1 intra", "2 inter", "3 joint", "4 modulated", "5 rounded intra", "6 rounded inter"]


def test_a_run_is_cut_into_the_stages_of_table_i():
    table = phases(Experiment(), 1400)
    assert [phase.name for phase in table] == SIX
    assert [phase.steps for phase in table] == [500, 500, 200, 100, 50, 50]
    assert [phase.first for phase in table] == [0, 500, 1000, 1200, 1300, 1350]
    assert [phase.frames for phase in table] == [1, 2, 3, 5, 5, 5]
    assert [phase.noise for phase in table] == [(True, True)] * 4 + [(False, True), (False, False)]
    assert [phase.name for phase in table if phase.given] == ["2 inter"]
    tuned = replace(Experiment(), stages=StagesConfig(shares=(0, 0, 0, 2, 1, 1)))
    assert [(p.name, p.first, p.steps) for p in phases(tuned, 10)] == [(SIX[3], 0, 5), (SIX[4], 5, 3), (SIX[5], 8, 2)]
    rounded = replace(Experiment(), stages=StagesConfig(decoders_see="rounded"))
    assert not any(phase.straight for phase in table)
    assert all(phase.straight for phase in phases(rounded, 1400))
    assert len(phases(Experiment(), 1)) == 1  # what a task for reconstructing alone has


def behind_coded(base):
    """Its stage 2 predicts from coded frames."""
    return replace(base, stages=replace(base.stages, behind="coded"))


def test_stage_2_can_predict_from_frames_as_files_have_them():
    """The I frame is rounded, costs what it costs, and does not move; P frames see its errors."""
    task = EnvcTask(behind_coded(experiment(lagrangian=100.0)), 1400)
    runner, batch = Runner(task, 2), clips()
    assert (runner.phase.given, runner.phase.noise, runner.phase.frames) == (False, (False, True), 2)
    x = batch.astype(np.float32) / 255
    still = code_clip(TINY, tiny_params(), x[:, :1])
    state, metrics = runner(runner.start(), batch)
    error = np.mean((np.asarray(still.frames) - x[:, :1]) ** 2)
    assert float(metrics.scalars["intra/psnr"]) == pytest.approx(-10 * np.log10(error), abs=1e-3)
    assert float(metrics.scalars["intra/bpp"]) == pytest.approx(float(still.bits[0, 0]) / 64**2, rel=1e-4)
    assert {model for model, _ in changed(tiny_params(), state.params)} == {"inter"}
    losses = [float(metrics.scalars["loss"])]
    for _ in range(3):
        state, metrics = runner(state, batch)
        losses.append(float(metrics.scalars["loss"]))
    assert losses[-1] < losses[0]


def test_every_stage_has_its_learning_rate():
    task = EnvcTask(Experiment(), 1400)
    asked = {0: 1e-4, 499: 1e-4, 999: 1e-4, 1199: 1e-4, 1200: 5e-5, 1249: 5e-5, 1250: 1e-5, 1300: 1e-5, 1399: 1e-5}
    assert {step: task.learning_rate(step) for step in asked} == pytest.approx(asked)


def test_a_step_of_each_stage_costs_what_its_layers_need():
    """1e12 operations of 8 clips of 192x192, three passes: products of table VI's counts, with reconstruction."""
    found = [
        6 * 8 * stage.forward_macs((stage.frames, 192, 192)) / 1e12 for stage in EnvcTask(Experiment(), 1400).stages
    ]
    assert [round(value, 1) for value in found] == [1.1, 3.4, 8.0, 14.9, 14.9, 14.9]


def modules(config, number):
    """Names of those that a stage trains, of the I- and of the P-frame model."""
    moving, _ = split(tiny_params(config.model), phases(config, 1400)[number - 1].moves)
    return set(moving["intra"]), set(moving["inter"])


def test_stages_train_the_modules_of_table_i():
    base = experiment()
    every_i, every_p = (set(tiny_params()[model]) for model in ("intra", "inter"))
    assert modules(base, 1) == (every_i, set()) and modules(base, 2) == (set(), every_p)
    assert modules(base, 3) == modules(base, 4) == (every_i, every_p)
    assert modules(base, 5) == (every_i - {"g_a", "h_a"}, every_p)
    assert modules(base, 6) == (set(), {"r_dec", "recon", "r_hs", "prior_r", "prior_rz", "prior_m"})
    with_context = replace(base, model=replace(TINY, ar=True))
    assert modules(with_context, 6)[1] == {"r_dec", "recon", "r_hs", "prior_r", "prior_rz", "context_m"}
    pixels = replace(base, model=replace(TINY, residual="pixel"))
    assert "recon" not in modules(pixels, 6)[1]  # it makes the prediction there


def changed(before, after):
    """Names of modules of which any weight is another."""
    return {
        (model, name)
        for model, parts in before.items()
        for name in parts
        if any(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (parts[name], after[model][name])), strict=True))
    }


def of_stage(runner):
    moving, _ = split(tiny_params(), runner.phase.moves)
    return {(model, name) for model, parts in moving.items() for name in parts}


def test_stage_6_moves_no_latent_of_a_frame():
    runner = Runner(EnvcTask(experiment(), 1400), 6)
    batch, state = clips(), runner.start()
    x = batch.astype(np.float32) / 255
    losses = []
    for _ in range(4):
        state, metrics = runner(state, batch)
        losses.append(float(metrics.scalars["loss"]))
    assert changed(tiny_params(), state.params) == of_stage(runner)
    assert losses[-1] < losses[0] and bool(metrics.finite)

    @jax.jit
    def coded(params):
        """Latents of a P frame, and its picture, from a reference that is the same for all weights."""
        found = code_inter(TINY, params, x[:, 1], x[:, 0])
        return found.latents, found.frames

    before, after = coded(tiny_params()), coded(state.params)
    for a, b in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.any(before[1] != after[1])  # so a next frame's latents may move: its reference did


@pytest.mark.slow
def test_stage_5_moves_no_latent_of_an_i_frame_and_the_average_of_what_is_fixed_is_it():
    runner = Runner(EnvcTask(experiment(ema=0.9), 1400), 5)
    batch, state = clips(), runner.start()
    losses = []
    for _ in range(6):
        state, metrics = runner(state, batch)
        losses.append(float(metrics.scalars["loss"]))
    assert changed(tiny_params(), state.params) == of_stage(runner) == changed(tiny_params(), state.ema_params)
    assert losses[-1] < 0.9 * losses[0]
    assert int(state.step) == runner.phase.first + 6


def test_the_state_of_what_moves_is_taken_out_and_put_back_by_its_paths():
    optimizer = optax.chain(optax.clip(1.0), optax.adam(1e-3))
    whole = {"intra": {"a": np.zeros(2)}, "inter": {"b": np.zeros(3), "c": np.zeros(1)}}
    part = {"intra": {}, "inter": {"c": whole["inter"]["c"]}}
    state = jax.tree.map(lambda leaf: leaf + 1, optimizer.init(whole))
    some = taken(state, optimizer.init(part))
    assert jax.tree.structure(some) == jax.tree.structure(optimizer.init(part))
    after = put(state, jax.tree.map(lambda leaf: leaf + 1, some))
    adam = after[1][0]
    assert int(adam.count) == 2
    for moments in (adam.mu, adam.nu):
        values = [float(leaf[0]) for leaf in jax.tree.leaves(moments)]  # of inter's b and c, and of a
        assert values == [1, 2, 1]


def test_what_stands_still_has_no_moments():
    base = experiment()
    muon = replace(base, optimizer=replace(base.optimizer, algorithm="muon", learning_rate=1e-3))
    runner = Runner(EnvcTask(muon, 1400), 6)
    begun = runner.start()
    state, _ = runner(begun, clips())
    assert jax.tree.structure(state) == jax.tree.structure(begun)
    moments = {
        "/".join(str(getattr(key, "key", key)) for key in path): float(np.abs(leaf).max())
        for path, leaf in jax.tree.leaves_with_path(state.opt_state)
        if np.ndim(leaf)
    }
    assert {name for name, size in moments.items() if size > 0 and "intra" in name} == set()
    assert sum(size > 0 for name, size in moments.items() if "prior_r/" in name) > 3
    assert changed(tiny_params(), state.params) == of_stage(runner)


@pytest.mark.slow
def test_a_stage_begins_with_a_new_optimiser_and_lowers_the_loss():
    runner = Runner(EnvcTask(experiment(batch=2), 1400), 1)
    batch = clips(2, 1)
    state = runner.start()
    stale = state._replace(opt_state=jax.tree.map(lambda leaf: leaf + 7, state.opt_state))
    fresh, _ = runner(state, batch)
    for a, b in zip(*map(jax.tree.leaves, (fresh, runner(stale, batch)[0])), strict=True):
        np.testing.assert_array_equal(a, b)
    later = runner.start(done=1)
    kept, _ = runner(later._replace(opt_state=stale.opt_state), batch)
    assert any(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (fresh.params, kept.params)), strict=True))
    losses = []
    for _ in range(10):
        state, metrics = runner(state, batch)
        losses.append(float(metrics.scalars["loss"]))
    assert losses[-1] < 0.9 * losses[0]
    assert set(metrics.scalars) >= {"loss", "psnr", "bpp", "intra/bpp", "intra/psnr", "grad_norm"}
    assert "inter/bpp" not in metrics.scalars


def test_a_step_keeps_the_states_structure_with_context_half_precision_dropout_and_microbatches():
    base = experiment(batch=2, ema=0.9)
    model = replace(TINY, ar=True, dtype="bfloat16", dropout=0.1)
    task = EnvcTask(replace(base, model=model, training=replace(base.training, microbatches=2)), 1400)
    devices, state, key = DeviceMap("auto", jax.devices()[:1]), task.abstract(), jax.random.key(1)
    mapped = devices.map(task.stages[5].step, (False, True, False, False), (False, False))
    after, metrics = jax.eval_shape(mapped, state, clips(2), key, None)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    for a, b in zip(*map(jax.tree.leaves, (after, state)), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    assert all(value.shape == () and value.dtype == np.float32 for value in metrics.scalars.values())


def test_bfloat16_stays_inside_the_models():
    half = replace(TINY, dtype="bfloat16")
    shapes = jax.eval_shape(lambda: code_clip(half, tiny_params(), np.zeros((1, 2, 64, 64, 3), np.float32)))
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(shapes)} == {"float32"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LossConfig(lagrangian=0.0), r"loss.lagrangian=0.0 .* above 0"),
        (lambda: LossConfig(distortion="ssim"), r"loss.distortion='ssim' .* mse, ms_ssim"),
        (lambda: StagesConfig(shares=(0.0,) * 6), r"stages.shares=\(0.0, .* one above"),
        (lambda: StagesConfig(rates=(-1.0, *[1.0] * 5)), r"stages.rates=\(-1.0"),
        (lambda: StagesConfig(frames=1), r"stages.frames=1 .* at least 2"),
        (lambda: StagesConfig(behind="both"), r"stages.behind='both' .* originals, coded"),
        (lambda: behind_coded(experiment(guided=0.2)), r"loss.guided=0.2 .* 0 with stages.behind=coded"),
        (lambda: replace(experiment(), stages=StagesConfig()), r"data.frames=2 .* the 5 frames of the longest stage"),
        (lambda: replace(experiment(batch=3), training=replace(Experiment().training, microbatches=2)), "batch_size=3"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_ms_ssim_needs_larger_pictures():
    task = EnvcTask(experiment(distortion="ms_ssim"), 1400)
    with pytest.raises(UserError, match=r"here: loss.distortion=ms_ssim needs sides of at least 176"):
        task.check_clips((2, 128, 192), "here")
    task.check_clips((2, 192, 192), "here")
