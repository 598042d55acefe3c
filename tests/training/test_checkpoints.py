import shutil
import warnings
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from example_state import assert_same_bits, make_state

from vqvae_jax.errors import UserError
from vqvae_jax.training import checkpoint_format
from vqvae_jax.training.checkpoints import Checkpoints, read_config

STREAM = {"position": 24, "digest": "ab"}
CONFIG = {"name": "tiny", "model": {"strides": [2, 4, 4]}, "lr": 3e-4}


def save_steps(folder, psnr, **options):
    """Saves one step per entry of `psnr`; step n holds `make_state(n)`."""
    with Checkpoints(folder, **options) as checkpoints:
        for step, value in psnr.items():
            checkpoints.save(step, make_state(step), STREAM, CONFIG, None if value is None else {"score": value})
    return checkpoints


def files_of(folder):
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()
    }


def data_files(step_folder):
    return sorted(p for p in Path(step_folder).rglob("*") if p.is_file())


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(bytes(content))


def test_a_checkpoint_comes_back_bit_for_bit_with_stream_state_config_and_metrics(tmp_path):
    saved = save_steps(tmp_path / "c", {7: 21.5})
    like = jax.eval_shape(partial(make_state, 7))
    restored = saved.restore(like=like)
    assert (restored.step, restored.stream_state, restored.config) == (7, STREAM, CONFIG)
    assert restored.metrics == {"score": 21.5} and restored.damaged == ()
    assert_same_bits(restored.state, make_state(7))


def test_without_a_target_the_state_is_nested_dictionaries(tmp_path):
    state = save_steps(tmp_path / "c", {1: None}).restore().state
    np.testing.assert_array_equal(
        state["extras"]["codebooks"]["top"]["sums"], make_state(1).extras["codebooks"]["top"].sums
    )
    assert state["params"]["decoder"]["scale"].dtype == jnp.bfloat16


def test_the_state_may_be_donated_as_soon_as_save_returns(tmp_path):
    overwrite = jax.jit(lambda s: jax.tree.map(lambda x: x * 0 + 1, s), donate_argnums=0)
    state, expected = {"w": jnp.arange(2.0**18)}, np.arange(2.0**18, dtype=np.float32)
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(1, state, STREAM, CONFIG)
        jax.block_until_ready(overwrite(state))
        np.testing.assert_array_equal(checkpoints.restore().state["w"], expected)


def test_latest_best_and_every_n_are_kept_and_a_worse_latest_is_not_removed(tmp_path):
    psnr = {1: 20.0, 2: 25.0, 3: float("nan"), 4: 22.0, 5: float("inf"), 6: None, 7: 1.0}
    saved = save_steps(tmp_path / "c", psnr, keep_latest=2, keep_every=4)
    assert saved.steps() == [2, 4, 6, 7]
    assert saved.best_step() == 2
    assert not (tmp_path / "c" / "removed").exists()


def test_the_best_step_is_still_known_after_a_restart(tmp_path):
    save_steps(tmp_path / "c", {1: 25.0, 2: 20.0}, keep_latest=1)
    assert save_steps(tmp_path / "c", {3: 21.0, 4: 22.0}, keep_latest=1).steps() == [1, 4]


def test_without_a_finite_score_there_is_no_best(tmp_path):
    saved = save_steps(tmp_path / "c", {1: float("nan")})
    assert saved.best_step() is None


def test_saving_a_step_again_is_accepted_only_with_the_same_state(tmp_path):
    checkpoints = save_steps(tmp_path / "c", {3: 20.0})
    checkpoints.save(3, make_state(3), STREAM, CONFIG)
    with pytest.raises(UserError, match="another state"):
        checkpoints.save(3, make_state(4), STREAM, CONFIG)
    assert checkpoints.restore().state["step"] == 3
    checkpoints.close()


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_flipped_byte_in_any_file_is_found_or_harmless(tmp_path, place):
    save_steps(tmp_path / "c", {1: None})
    want, found = make_state(1), 0
    for path in data_files(tmp_path / "c" / "1"):
        size = path.stat().st_size
        if not size:
            continue
        whole = path.read_bytes()
        flip(path, {"first": 0, "middle": size // 2, "last": size - 1}[place])
        try:
            assert_same_bits(Checkpoints(tmp_path / "c", read_only=True).restore(1, like=want).state, want)
        except UserError as error:
            assert "step 1 is damaged" in str(error)
            found += 1
        path.write_bytes(whole)
    assert found >= 2  # the arrays and the record at least


@pytest.mark.parametrize("damage", ["cut", "remove"])
def test_a_cut_or_missing_file_is_found_or_harmless(tmp_path, damage):
    save_steps(tmp_path / "c", {1: None})
    want = make_state(1)
    names = [p.relative_to(tmp_path / "c") for p in data_files(tmp_path / "c" / "1")]
    found = 0
    for name in names:
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "c", copy)
        if damage == "remove":
            (copy / name).unlink()
        else:
            (copy / name).write_bytes((copy / name).read_bytes()[: (copy / name).stat().st_size // 2])
        try:
            assert_same_bits(Checkpoints(copy, read_only=True).restore(1, like=want).state, want)
        except UserError as error:
            assert "step 1 is damaged" in str(error)
            found += 1
        shutil.rmtree(copy)
    assert found >= 3


def damage_arrays(step_folder):
    """Flips a byte in the middle of the largest file, which holds arrays."""
    path = max(data_files(step_folder / "state"), key=lambda p: p.stat().st_size)
    flip(path, path.stat().st_size // 2)


def test_a_damaged_latest_step_falls_back_is_put_aside_and_can_be_written_again(tmp_path):
    checkpoints = save_steps(tmp_path / "c", {1: None, 2: None, 3: None}, keep_latest=3)
    damage_arrays(tmp_path / "c" / "3")
    (tmp_path / "c" / "2" / "record" / "metadata").write_text("{")
    with pytest.warns(UserWarning, match="taking step 1 instead"):
        restored = checkpoints.restore("latest", like=make_state(1))
    assert restored.step == 1 and [d.split(":")[0] for d in restored.damaged] == ["step 3", "step 2"]
    assert_same_bits(restored.state, make_state(1))
    assert checkpoints.steps() == [1] and (tmp_path / "c" / "damaged" / "3.0").is_dir()
    checkpoints.save(2, make_state(2), STREAM, CONFIG)
    checkpoints.close()
    assert checkpoints.restore().step == 2


def test_a_damaged_step_asked_for_by_number_is_an_error(tmp_path):
    checkpoints = save_steps(tmp_path / "c", {1: 20.0, 2: 25.0})
    damage_arrays(tmp_path / "c" / "2")
    with pytest.raises(UserError, match=r"step 2 is damaged.*readable by number: 1"):
        checkpoints.restore(2)


def test_if_every_step_is_damaged_nothing_is_moved_and_it_says_so(tmp_path):
    checkpoints = save_steps(tmp_path / "c", {1: None})
    damage_arrays(tmp_path / "c" / "1")
    with pytest.raises(UserError, match="every checkpoint"):
        checkpoints.restore()
    assert checkpoints.steps() == [1]


def test_another_shape_dtype_or_leaf_is_an_error_that_names_it(tmp_path):
    checkpoints = save_steps(tmp_path / "c", {1: None})
    state = make_state(1)

    def weighted(weight):
        return state._replace(extras=state.extras | {"perceptual_weight": weight})

    for like, message in (
        (weighted(jnp.zeros(2)), r"extras/perceptual_weight has shape \(\), expected \(2,\)"),
        (weighted(jnp.zeros((), jnp.bfloat16)), "extras/perceptual_weight has dtype float32, expected bf"),
        (state._replace(ema_params={"w": jnp.zeros(1)}), "this model needs ema_params/w"),
        (state._replace(opt_state=None), "the checkpoint has opt_state/1/0/count"),
    ):
        with pytest.raises(UserError, match=message):
            checkpoints.restore(like=like)


def test_a_read_only_reader_neither_sees_half_a_step_nor_touches_the_folder(tmp_path):
    save_steps(tmp_path / "c", {1: None, 2: None})
    shutil.copytree(tmp_path / "c" / "2", tmp_path / "c" / "3.orbax-checkpoint-tmp")
    damage_arrays(tmp_path / "c" / "2")
    before = files_of(tmp_path / "c")
    reader = Checkpoints(tmp_path / "c", read_only=True)
    assert reader.steps() == [1, 2]
    with pytest.warns(UserWarning, match="step 2"):
        assert reader.restore().step == 1
    with pytest.raises(ValueError, match="read-only"):
        reader.save(4, make_state(4), STREAM, CONFIG)
    reader.close()
    assert files_of(tmp_path / "c") == before


def test_what_a_killed_save_left_is_cleaned_by_the_next_save(tmp_path):
    checkpoints = save_steps(tmp_path / "c", {1: None})
    shutil.copytree(tmp_path / "c" / "1", tmp_path / "c" / "2.orbax-checkpoint-tmp")
    assert checkpoints.restore().step == 1
    save_steps(tmp_path / "c", {2: None})
    assert sorted(p.name for p in (tmp_path / "c").iterdir() if p.is_dir() and p.name != "metadata") == ["1", "2"]


def test_missing_and_foreign_folders_are_clear_errors(tmp_path):
    with pytest.raises(UserError, match="no checkpoint in"):
        Checkpoints(tmp_path / "nothing").restore()
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "foreign" / "5").mkdir(parents=True)
    (tmp_path / "foreign" / "notes").mkdir()
    with pytest.raises(UserError, match="damaged"):
        Checkpoints(tmp_path / "foreign").restore()
    checkpoints = save_steps(tmp_path / "c", {1: None})
    with pytest.raises(UserError, match=r"no checkpoint of step 9 .*steps: 1"):
        checkpoints.restore(9)


def test_the_configuration_is_read_without_knowing_the_model(tmp_path):
    save_steps(tmp_path / "run" / "checkpoints", {1: None, 2: None})
    (tmp_path / "run" / "checkpoints" / "2" / "record" / "metadata").write_text("")
    assert read_config(tmp_path / "run") == CONFIG
    with pytest.raises(UserError, match="not a run"):
        read_config(tmp_path)


def test_what_is_not_json_is_refused_before_anything_is_written(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c")
    for stream_state in ({"x": float("nan")}, {"x": np.zeros(1)}):
        with pytest.raises(ValueError, match=r"JSON|Out of range"):
            checkpoints.save(1, make_state(1), stream_state, CONFIG)
    assert not (tmp_path / "c").exists()


def test_a_sound_restore_warns_of_nothing(tmp_path):
    checkpoints = save_steps(tmp_path / "c", {1: None})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checkpoints.restore(like=make_state(1))


def test_a_checkpoint_of_format_1_has_its_extras_where_they_are_now_and_is_ranked_by_psnr(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_format, "FORMAT", 1)
    states = {step: make_state(step) for step in (1, 2)}
    with Checkpoints(tmp_path / "c") as checkpoints:
        for step, state in states.items():
            plain = state._asdict() | state.extras
            del plain["extras"]
            checkpoints.save(step, plain, STREAM, CONFIG, {"psnr": 30.0 - step})
    monkeypatch.undo()
    saved = Checkpoints(tmp_path / "c", read_only=True)
    assert saved.best_step() == 1
    restored = saved.restore(1, like=jax.eval_shape(partial(make_state, 1)))
    assert_same_bits(restored.state, states[1])
