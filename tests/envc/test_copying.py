"""P-frame models that begin as copies."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.envc.tiny_envc import TINY, frames, tiny_params
from tests.envc.tiny_training import experiment
from vqvae_jax.codec.bundle import save_bundle
from vqvae_jax.envc.codec.weights import pack_weights
from vqvae_jax.envc.coding import Inter, code_inter, decode_inter, init_params, inter, inter_shapes
from vqvae_jax.envc.copying import copying
from vqvae_jax.envc.experiment import StagesConfig
from vqvae_jax.envc.following import STEPS
from vqvae_jax.envc.train import EnvcTask
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.families import start_from
from vqvae_jax.training.digests import named_leaves

WIDE = replace(TINY, width=16)


def still(config, params, before):
    """The P frame of latents that are all zero."""
    zeros = Inter(**{name: jnp.zeros(shape) for name, shape in inter_shapes(config, 1, 64, 64).items()})
    return jax.jit(lambda params, before: decode_inter(config, params, zeros, before))(params, before)


def error(ours, theirs):
    return float(np.mean(np.square(np.asarray(ours) - theirs)))


@pytest.mark.parametrize(
    "changes", [{}, {"refine": False}, {"residual": "pixel"}, {"refine": False, "residual": "pixel"}]
)
def test_a_frame_without_residual_is_the_one_before(changes):
    config, before = replace(WIDE, **changes), frames(0)
    drawn = init_params(config, jax.random.key(0))
    params = drawn | {"inter": copying(config, drawn["inter"])}
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, drawn)
    spread = float(np.var(before))
    assert error(still(config, params, before), before) < 0.01 * spread
    assert error(still(config, drawn, before), before) > 0.3 * spread


def test_what_is_not_on_the_way_stays_as_it_was_drawn():
    drawn = init_params(WIDE, jax.random.key(0))["inter"]
    changed = copying(WIDE, drawn)
    for name in ("m_fuse", "m_enc", "m_dec", "r_enc", "r_ha", "r_hs", "prior_r", "prior_rz", "prior_m"):
        jax.tree.map(np.testing.assert_array_equal, changed[name], drawn[name])
    kernel = changed["feat"]["step_0"]["kernel"]
    np.testing.assert_array_equal(kernel[..., 12:], drawn["feat"]["step_0"]["kernel"][..., 12:])
    assert np.count_nonzero(kernel[..., :12]) == 12 == kernel[..., :12].sum()


def shifted():
    """A picture, and itself three columns to the left and two rows down."""
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(1, 64, 64, 3)), (0, 2, 2, 0))
    before = jnp.asarray(0.5 + 0.4 * noise / np.abs(noise).max(), jnp.float32)
    return before, jnp.roll(before, (2, -3), axis=(1, 2))


@pytest.mark.parametrize("refine", [False, True])
def test_with_block_matching_it_is_moved_as_well(refine):
    before, after = shifted()
    config = replace(WIDE, latents=8, motion_input="matching", refine=refine)
    drawn = init_params(config, jax.random.key(0))
    params = drawn | {"inter": copying(config, drawn["inter"])}
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, drawn)
    coded = jax.jit(lambda params, x, before: code_inter(config, params, x, before))(params, after, before)
    m = np.asarray(coded.latents.m)
    np.testing.assert_array_equal(m[0, 1:3, 1:3, :2], np.broadcast_to([-2 * STEPS, 3 * STEPS], (2, 2, 2)))
    assert not m[..., 2:].any()
    inner = np.s_[:, 16:48, 16:48]
    assert error(coded.predicted[inner], after[inner]) < 0.05 * error(before[inner], after[inner])
    # Noise on what is not sent costs less than with the usual prior.
    noise = jax.random.uniform(jax.random.key(1), m.shape, minval=-0.5, maxval=0.5)
    bits, usual = (inter(config, each).prior_m(noise)[..., 2:].mean() for each in (params, drawn))
    assert float(bits) < 1 < 4 < float(usual)


def test_a_new_run_begins_with_it_where_it_is_asked_for():
    base = replace(experiment(), model=WIDE)
    asked = EnvcTask(replace(base, stages=replace(base.stages, fresh="copies")), 1400).init(jax.random.key(3), None)
    plain = EnvcTask(base, 1400).init(jax.random.key(3), None).params
    jax.tree.map(np.testing.assert_array_equal, asked.params["inter"], copying(WIDE, plain["inter"]))
    jax.tree.map(np.testing.assert_array_equal, asked.params["intra"], plain["intra"])


@pytest.mark.parametrize(
    ("anew", "drawn", "taken"),
    [
        ("inter", ("m_enc/step_0/kernel", "feat/step_0/kernel"), ()),
        (
            "motion",
            ("m_fuse/layers_0/kernel", "predictor/warp/offsets/kernel"),
            ("feat/step_0/kernel", "prior_rz/bias_0"),
        ),
    ],
)
def test_parts_may_begin_anew(tmp_path, anew, drawn, taken):
    """Of a bundle whose motion encoder sees something else."""
    new, file, old = replace(WIDE, motion_input="matching"), tmp_path / "old.safetensors", tiny_params(WIDE)
    save_bundle(file, pack_weights("old", WIDE, old, {}, "float32"))
    base = replace(experiment(), model=new)
    with pytest.raises(UserError, match=r"m_fuse/layers_0/kernel is of shape \(3, 3, 32, 16\), this model has"):
        start_from(file, EnvcTask(base, 1400))
    task = EnvcTask(replace(base, stages=replace(base.stages, anew=anew)), 1400)
    with pytest.raises(UserError, match=f"stages.anew={anew}: .* give --init-from"):
        task.init(jax.random.key(3), None)
    found = task.init(jax.random.key(3), None, start_from(file, task)).params
    jax.tree.map(np.testing.assert_array_equal, found["intra"], old["intra"])
    fresh, given, found = (named_leaves(tree["inter"]) for tree in (init_params(new, jax.random.key(3)), old, found))
    for name in drawn:
        np.testing.assert_array_equal(found[name], fresh[name])
    for name in taken:
        np.testing.assert_array_equal(found[name], given[name])


def test_only_models_that_can_copy_are_begun_so():
    base = replace(experiment(), model=WIDE)
    for changes in ({"predictor": "pixel_flow"}, {"width": 8}):
        with pytest.raises(ConfigError, match=r"stages\.fresh|model\.width=8 .*12"):
            replace(base, model=replace(WIDE, **changes), stages=StagesConfig(fresh="copies", joint_frames=2, frames=2))
