"""P-frame models that begin as copies."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.envc.tiny_envc import TINY, frames
from tests.envc.tiny_training import experiment
from vqvae_jax.envc.coding import Inter, decode_inter, init_params, inter_shapes
from vqvae_jax.envc.copying import copying
from vqvae_jax.envc.experiment import StagesConfig
from vqvae_jax.envc.train import EnvcTask
from vqvae_jax.errors import ConfigError

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


def test_a_new_run_begins_with_it_where_it_is_asked_for():
    base = replace(experiment(), model=WIDE)
    asked = EnvcTask(replace(base, stages=replace(base.stages, fresh="copies")), 1400).init(jax.random.key(3), None)
    plain = EnvcTask(base, 1400).init(jax.random.key(3), None).params
    jax.tree.map(np.testing.assert_array_equal, asked.params["inter"], copying(WIDE, plain["inter"]))
    jax.tree.map(np.testing.assert_array_equal, asked.params["intra"], plain["intra"])


def test_only_models_that_can_copy_are_begun_so():
    base = replace(experiment(), model=WIDE)
    for changes in ({"predictor": "pixel_flow"}, {"width": 8}):
        with pytest.raises(ConfigError, match=r"stages\.fresh|model\.width=8 .*12"):
            replace(base, model=replace(WIDE, **changes), stages=StagesConfig(fresh="copies", joint_frames=2, frames=2))
