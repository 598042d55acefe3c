"""`import vqvae_jax as vj`: models, arrays in and out, and what a caller who errs is told."""

import copy
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vqvae_jax as vj
from tests.codec.example_bundle import MODELS, example_codebooks, example_params, moving, save_example
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model

ROOT = Path(__file__).parents[2]


def fresh(program, cwd=ROOT, **environment):
    line = [sys.executable, "-c", textwrap.dedent(program)]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rstrip()


# Importing


def test_the_import_loads_no_library():
    program = "import sys; import vqvae_jax; print({name.partition('.')[0] for name in sys.modules})"
    loaded = eval(fresh(program)) - set(sys.stdlib_module_names)
    assert "vqvae_jax" in loaded and not loaded & {"numpy", "jax", "flax", "cv2", "safetensors", "ml_dtypes", "PIL"}


def test_everything_public_is_there_and_nothing_else():
    assert set(vj.__all__) <= set(dir(vj)) and all(getattr(vj, name).__doc__ for name in vj.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'encrypt'"):
        vj.encrypt  # noqa: B018


@pytest.mark.parametrize("package", ["jax"])
def test_a_package_that_is_missing_is_named_in_one_line(package):
    program = f"""
        import sys
        sys.modules[{package!r}] = None
        try:
            from vqvae_jax import load
        except ImportError as error:
            print(error)
    """
    said = f"vqvae_jax.load needs the package {package}, which is not installed: pip install {package}"
    assert fresh(program) == said


@pytest.mark.parametrize("package", ["safetensors"])
def test_a_package_that_only_loading_needs_is_named(bundle, package):
    program = f"""
        import sys
        sys.modules[{package!r}] = None
        from vqvae_jax import UserError, load
        try:
            load({str(bundle)!r})
        except UserError as error:
            print(error)
    """
    assert fresh(program).endswith(f"reading it needs the package {package}: pip install {package}")


# Clips


def test_codes_and_clips_are_those_of_the_model(model):
    clip = moving(8, 16, 16)
    forward = apply_model(
        MSVQVAE(MODELS[2]), example_params(MODELS[2]), jnp.asarray(clip)[None] / 255.0, example_codebooks(MODELS[2])
    )
    codes, vectors = model.encode(clip), model.latents(clip)
    assert list(codes) == list(vectors) == list(model.levels) == ["top", "bottom"]
    for name, level in model.levels.items():
        assert codes[name].dtype == np.int32 and vectors[name].dtype == jnp.float32
        np.testing.assert_array_equal(codes[name], forward.levels[name].quantized.indices[0])
        np.testing.assert_allclose(vectors[name], forward.levels[name].z[0], atol=1e-4)
        assert vectors[name].shape == (*codes[name].shape, level.dim)
        assert codes[name].shape == tuple(np.array(clip.shape[:3]) // level.strides)
    expected = np.clip(np.rint(255 * np.asarray(forward.reconstruction[0])), 0, 255)
    assert np.abs(model.decode(codes).astype(int) - expected).max() <= 1


def test_a_batch_is_its_clips(model):
    clips = np.stack([moving(5, 20, 12, seed) for seed in range(3)])
    codes, vectors = model.encode(clips), model.latents(clips)
    again = model.decode(codes, shape=(5, 20, 12))
    assert again.shape == clips.shape and again.dtype == np.uint8
    for number, clip in enumerate(clips):
        for name, grid in model.encode(clip).items():
            np.testing.assert_array_equal(codes[name][number], grid)
            np.testing.assert_allclose(vectors[name][number], model.latents(clip)[name], atol=1e-5)
        np.testing.assert_array_equal(again[number], model.decode(model.encode(clip), shape=(5, 20, 12)))
    preview = model.decode({"top": codes["top"]}, level="top")
    assert preview.shape == (3, 8, 24, 16, 3) and (preview[:, :5, :20, :12] != again).any()


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray, list], ids=["numpy", "jax", "lists"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, jnp.bfloat16])
def test_all_kinds_of_arrays_mean_the_same(model, convert, dtype):
    clip = 51 * (moving(4, 16, 16) // 51)  # fifths: exact in float32, near enough in bfloat16
    given = clip if dtype == np.uint8 else (clip / 255).astype(dtype)
    for name, grid in model.encode(clip).items():
        np.testing.assert_array_equal(model.encode(convert(given))[name], grid)
        np.testing.assert_array_equal(
            model.decode({k: convert(v) for k, v in model.encode(clip).items()}), model.decode(model.encode(clip))
        )


def test_what_cannot_be_traced_says_what_can(model):
    for function in (model.encode, lambda clip: vj.encode_video(clip, model, 16)):
        with pytest.raises(vj.UserError, match=r"only `Model.latents` can be traced"):
            jax.jit(function)(jnp.zeros((4, 16, 16, 3)))


def test_a_model_is_pickled_and_copied_as_where_it_comes_from(model, tmp_path):
    path = tmp_path / "model.safetensors"
    save_example(path)
    loaded = vj.load(path)
    pickled = pickle.dumps(loaded)
    assert len(pickled) < 1000
    again, clip = pickle.loads(pickled), moving(4, 16, 16)
    assert again.digest == loaded.digest == copy.deepcopy(loaded).digest
    np.testing.assert_array_equal(again.encode(clip)["top"], loaded.encode(clip)["top"])
    path.unlink()
    save_example(path, levels=1)
    with pytest.raises(vj.UserError, match="is another model than the one that was pickled"):
        pickle.loads(pickled)


def test_vectors_jit_and_differentiate(model):
    clip = jnp.asarray(moving(5, 16, 16) / 255.0, jnp.float32)

    def energy(clip, level="top"):  # no quantisation is on the way to the coarsest level
        return jnp.sum(model.latents(clip)[level] ** 2)

    slope = jax.jit(jax.grad(energy))(clip)
    assert slope.shape == clip.shape
    direction = jax.random.normal(jax.random.key(0), clip.shape)
    step = 1e-3
    difference = (energy(clip + step * direction) - energy(clip - step * direction)) / (2 * step)
    assert np.abs(jax.grad(energy)(clip, "bottom")).max() > 0
    assert float(jnp.vdot(slope, direction)) == pytest.approx(float(difference), rel=0.02)


def test_vectors_map_over_devices(bundle):
    program = f"""
        import jax, numpy as np, vqvae_jax as vj
        from jax.sharding import Mesh, NamedSharding, PartitionSpec
        from tests.codec.example_bundle import moving
        assert jax.device_count() == 2
        model = vj.load({str(bundle)!r})
        clips = np.stack([moving(4, 16, 16, seed) for seed in range(4)])
        expected = model.latents(clips)
        mapped = jax.pmap(model.latents)(clips.reshape(2, 2, *clips.shape[1:]))
        mesh = Mesh(np.array(jax.devices()), ("data",))
        spread = jax.device_put(clips, NamedSharding(mesh, PartitionSpec("data")))
        sharded = jax.jit(model.latents)(spread)
        assert len(sharded["top"].sharding.device_set) == 2
        for name, z in expected.items():
            np.testing.assert_allclose(mapped[name].reshape(z.shape), z, atol=1e-5)
            np.testing.assert_allclose(sharded[name], z, atol=1e-5)
    """
    fresh(program, XLA_FLAGS="--xla_force_host_platform_device_count=2")


CLIP = "expected (T, H, W, 3) or (B, T, H, W, 3), uint8 or float in [0, 1], found"


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        (np.zeros((4, 16, 16), np.uint8), f"clips: {CLIP} uint8 (4, 16, 16)"),
        (np.zeros((4, 16, 16, 1), np.uint8), f"clips: {CLIP} uint8 (4, 16, 16, 1)"),
        (np.zeros((0, 16, 16, 3), np.uint8), f"clips: {CLIP} uint8 (0, 16, 16, 3)"),
        (np.zeros((1, 2, 4, 16, 16, 3), np.uint8), f"clips: {CLIP} uint8 (1, 2, 4, 16, 16, 3)"),
        (np.zeros((4, 16, 16, 3), np.int64), f"clips: {CLIP} int64 (4, 16, 16, 3)"),
        (np.zeros((4, 16, 16, 3), bool), f"clips: {CLIP} bool (4, 16, 16, 3)"),
        (jnp.zeros((4, 16, 16, 3), jnp.complex64), f"clips: {CLIP} complex64 (4, 16, 16, 3)"),
        ([[1, 2], [3]], f"clips: {CLIP} list of 2, the first list of 2, the first int 1"),
        ("a.mp4", f"clips: {CLIP} str 'a.mp4'"),
        (None, f"clips: {CLIP} NoneType"),
        (np.full((4, 16, 16, 3), 7.5), "clips: float64 (4, 16, 16, 3) reaches from 7.5 to 7.5; floats must lie in"),
        (np.full((4, 16, 16, 3), np.nan, np.float32), "clips: float32 (4, 16, 16, 3) reaches from nan to nan"),
    ],
)
def test_what_is_no_clip_is_described_whole(model, clips, message):
    for function in (model.encode, model.latents):
        with pytest.raises(vj.UserError) as refusal:
            function(clips)
        assert message in str(refusal.value) and "--" not in str(refusal.value)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((1, 2, 2)), "codes: expected indices by level (top, bottom), found float64 (1, 2, 2)"),
        ({"bottom": np.zeros((2, 4, 4), int)}, "indices of level top are missing"),
        (
            {"top": np.zeros((1, 2, 2), int), "bottom": np.zeros((2, 5, 4), int)},
            "top they must be (2, 4, 4)",
        ),
        ({"top": np.full((1, 2, 2), 16), "bottom": np.zeros((2, 4, 4), int)}, "reach from 16 to 16; allowed: 0 to 15"),
        (
            {"top": np.zeros((2, 1, 2, 2), int), "bottom": np.zeros((3, 2, 4, 4), int)},
            "not of one batch of clips: top int64 (2, 1, 2, 2), bottom int64 (3, 2, 4, 4)",
        ),
        ({"top": np.zeros((0, 1, 2, 2), int), "bottom": np.zeros((0, 2, 4, 4), int)}, "top int64 (0, 1, 2, 2)"),
    ],
)
def test_what_is_no_code_is_described_whole(model, codes, message):
    with pytest.raises(vj.UserError) as refusal:
        model.decode(codes)
    assert message in str(refusal.value)


# Models


@pytest.mark.parametrize("shape", [(8, 24), 8, (8, 24, -1), (8, 24, 0), (8, 25, 32), (9, 24, 32), (8.0, 24, 32), "all"])
def test_what_codes_do_not_cover_is_refused(model, shape):
    codes = model.encode(moving(8))
    with pytest.raises(vj.UserError, match=r"shape=.* expected frames, height and width from 1 to \(8, 24, 32\)"):
        model.decode(codes, shape)
    assert model.decode(codes, (7, 1, 32)).shape == (7, 1, 32, 3)


def test_models_have_names_files_and_facts(bundle, model, monkeypatch, tmp_path):
    assert set(vj.models()) == {"edge", "edge4", "envc_small", "envc_small_64", "ntc"}
    assert model.clip == MODELS[2].clip and model.levels["bottom"] == (16, MODELS[2].bottom.dim, (2, 4, 4))
    assert vj.load(str(bundle)) is vj.load(bundle) is model  # compiled once
    monkeypatch.setenv("VQVAE_JAX_BUNDLE", str(bundle))
    assert vj.load() is model
    with pytest.raises(
        vj.UserError,
        match="bundle nothing: no such file, and the package has edge, edge4, envc_small, envc_small_64, ntc only",
    ):
        vj.load("nothing")
    with pytest.raises(vj.UserError, match=r"step=3: example\.safetensors is a bundle, which is of one step"):
        vj.load(bundle, step=3)
    with pytest.raises(vj.UserError, match="bundle: the name is empty; leave it out for the default"):
        vj.load("")
    with pytest.raises(vj.UserError, match="source: expected the name of a model, a file or a folder, found int 3"):
        vj.load(3)
    with pytest.raises(vj.UserError, match="is not a run"):
        vj.load(tmp_path)
    (tmp_path / "a.safetensors").write_text("none")
    with pytest.raises(vj.UserError, match="is no readable"):
        vj.load(tmp_path / "a.safetensors")


def test_a_file_that_changes_is_read_again(tmp_path):
    save_example(tmp_path / "a.safetensors")
    first = vj.load(tmp_path / "a.safetensors")
    save_example(tmp_path / "a.safetensors", levels=1, overwrite=True)
    assert list(vj.load(tmp_path / "a.safetensors").levels) == ["bottom"] != list(first.levels)


def test_a_run_is_a_model_for_clips_but_not_for_files(tmp_path):
    from tests.evaluation.example_run import write_run

    write_run(tmp_path / "run")
    model = vj.load(tmp_path / "run", step="latest")
    clip = moving(4, 16, 16)
    assert model.decode(model.encode(clip)).shape == clip.shape
    with pytest.raises(vj.UserError, match=r"was loaded from a run; files need a bundle, .* vqvae-jax export"):
        vj.encode_video(clip, model, 16)
    with pytest.raises(vj.UserError, match="step='first'; expected best, latest or a number"):
        vj.load(tmp_path / "run", step="first")
    with pytest.raises(vj.UserError, match="step 999"):
        vj.load(tmp_path / "run", step=999)
