import jax
import jax.numpy as jnp
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.training.compiled import check_state_fits, compile_step, explain_out_of_memory


@pytest.mark.parametrize("text", ["RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes\nmore", "Out of memory on GPU"])
def test_out_of_memory_says_which_fields_to_lower(text):
    with pytest.raises(UserError) as caught, explain_out_of_memory():
        raise jax.errors.JaxRuntimeError(text)
    said = str(caught.value)
    assert "\n" not in said and text.splitlines()[0] in said
    for field in ("data.batch_size", "training.microbatches", "model.dtype=bfloat16", "model.width"):
        assert field in said


def test_other_failures_of_the_device_keep_their_traceback():
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"), explain_out_of_memory():
        raise jax.errors.JaxRuntimeError("INTERNAL: a defect")


def test_compiling_for_too_little_memory_is_explained():
    class Mapped:
        def lower(self, *_):
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 900 GiB")

    with pytest.raises(UserError, match="900 GiB"):
        compile_step(Mapped())


def test_a_compiled_step_knows_its_memory_and_refuses_other_shapes():
    step = compile_step(jax.jit(lambda x: jnp.sin(x) @ x.T), jnp.ones((64, 32)))
    assert step.argument_bytes == 64 * 32 * 4
    assert step.temporary_bytes >= 0
    assert step.call(jnp.ones((64, 32))).shape == (64, 64)
    with pytest.raises(TypeError):
        step.call(jnp.ones((65, 32)))


def test_a_model_that_memory_cannot_hold_is_refused_before_it_is_made():
    check_state_fits(10**6, jax.devices()[0])
    with pytest.raises(UserError, match=r"10,000,000,000,000 parameters need 149,012 GiB .* lower model\.width"):
        check_state_fits(10**13, jax.devices()[0])
