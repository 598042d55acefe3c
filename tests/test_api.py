"""`import vqvae_jax as vj`: arrays and videos in and out, and what a caller who errs is told."""

import io
import os
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vqvae_jax as vj
from tests.codec.example_bundle import MODELS, example_codebooks, example_params, moving, save_example
from vqvae_jax import packaged
from vqvae_jax.container.reader import Reader
from vqvae_jax.families import family
from vqvae_jax.msvqvae.model import MSVQVAE, apply_model

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "example.safetensors"
    save_example(path)
    return path


@pytest.fixture(scope="module")
def model(bundle):
    return vj.load(bundle)


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


@pytest.mark.parametrize("package", ["jax", "cv2"])
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


@pytest.mark.parametrize("package", ["safetensors", "flax"])
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


def test_models_have_names_files_and_facts(bundle, model, monkeypatch, tmp_path):
    assert {"edge", "edge4"} <= set(vj.models())
    assert model.clip == MODELS[2].clip and model.levels["bottom"] == (16, MODELS[2].bottom.dim, (2, 4, 4))
    assert vj.load(str(bundle)) is vj.load(bundle) is model  # compiled once
    monkeypatch.setenv("VQVAE_JAX_BUNDLE", str(bundle))
    assert vj.load() is model
    with pytest.raises(vj.UserError, match="bundle nothing: no such file, and the package has edge, edge4 only"):
        vj.load("nothing")
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


# Videos


@pytest.fixture
def in_package(bundle, monkeypatch):
    """The package has the small bundle only."""
    monkeypatch.delenv("VQVAE_JAX_BUNDLE", raising=False)
    monkeypatch.setattr(packaged, "FOLDER", bundle.parent)
    monkeypatch.setattr(packaged, "DEFAULT", "example")


def test_bytes_paths_and_files_hold_the_same_video(model, in_package, tmp_path):
    frames = moving(11)
    data = vj.encode_video(frames, model, rate=16)
    assert isinstance(data, bytes)
    path = vj.encode_video(list(jnp.asarray(frames)), model, 16, tmp_path / "a.msv")
    assert path == tmp_path / "a.msv" and path.read_bytes() == data
    stream = io.BytesIO()
    assert vj.encode_video(iter(frames / 255.0), model, Fraction(16), stream) is None and stream.getvalue() == data
    expected = vj.decode_video(data)
    assert expected.shape == frames.shape and expected.dtype == np.uint8
    with path.open("rb") as file:
        for source in (bytearray(data), memoryview(data), path, str(path), io.BytesIO(data), file):
            np.testing.assert_array_equal(vj.decode_video(source), expected)
    np.testing.assert_array_equal(vj.decode_video(data, model, start=3, count=4), expected[3:7])
    np.testing.assert_array_equal(list(vj.iter_video(path, start=9)), expected[9:])
    assert (vj.decode_video(data, level="top") != expected).any()


def test_a_file_is_that_of_the_command_line(model, bundle, tmp_path):
    np.save(tmp_path / "a.npy", moving(11))
    line = ["encode", "a.npy", "a.msv", "--size", "native", "--source-fps", "16", "--bundle", str(bundle)]
    subprocess.run(
        [sys.executable, "-m", "vqvae_jax", *line],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
    )
    assert vj.encode_video(moving(11), model, 16) == (tmp_path / "a.msv").read_bytes()


def test_options_reach_the_file(model, tmp_path):
    options = {"mode": "fixed", "chunk_frames": 8, "shown_size": (64, 24)}
    with Reader(vj.encode_video(moving(11), model, 16, tmp_path / "a.msv", **options)) as reader:
        header = reader.header
    mode = family(header.family).describe(header)["mode"]
    assert (mode, header.chunk_frames, header.source_width, header.source_height) == ("fixed", 8, 64, 24)
    assert len(vj.encode_video(moving(11), model, 16, rate_weight=0.5)) < len(vj.encode_video(moving(11), model, 16))


@pytest.mark.parametrize(
    ("rate", "exact"),
    [
        (16, 16),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        (12.5, Fraction(25, 2)),
        (29.97, Fraction(2997, 100)),
        (np.int64(24), 24),
        (np.float32(0.5), Fraction(1, 2)),
    ],
)
def test_rates(model, tmp_path, rate, exact):
    with Reader(vj.encode_video(moving(1), model, rate, tmp_path / "a.msv")) as reader:
        assert reader.header.rate == exact


@pytest.mark.parametrize("rate", [0, -1, 0.05, 1001, True, None, "fast", "1/0", float("nan"), float("inf"), 1j, [16]])
def test_what_is_no_rate_is_told(model, rate):
    with pytest.raises(vj.UserError, match=r"rate: expected 0.1 to 1000 frames per second, found "):
        vj.encode_video(moving(1), model, rate)


def pictures_that_change():
    yield from moving(2)
    yield moving(1, 8, 8)[0]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (
            np.zeros((2, 3, 4, 16, 3), np.uint8),
            "frames: expected (T, H, W, 3), uint8 or float in [0, 1], found uint8 (",
        ),
        (np.zeros((4, 16, 3), np.uint8), "found uint8 (4, 16, 3)"),
        (moving(2).astype(int), "found int64 (2, 24, 32, 3)"),
        ([moving(1)], "frame 0: expected (H, W, 3), uint8 or float in [0, 1], found uint8 (1, 24, 32, 3)"),
        ("a.mp4", "frames: expected (T, H, W, 3) or an iterable of (H, W, 3), found str 'a.mp4'"),
        (7, "found int 7"),
        ([], "the coded video: not written, for the video has no frames"),
        (pictures_that_change(), "frame 2 is uint8(8, 8, 3), the first was uint8(24, 32, 3)"),
        (moving(2) * 1.0, "frames: float64 (2, 24, 32, 3) reaches from 0 to"),
    ],
)
def test_what_is_no_video_is_described_whole(model, frames, message):
    with pytest.raises(vj.UserError) as refusal:
        vj.encode_video(frames, model, 16)
    assert message in str(refusal.value) and "--" not in str(refusal.value)


def test_mistakes_are_told_in_words_of_this_interface(model, in_package, tmp_path):
    def told(function, *arguments, **options):
        with pytest.raises(vj.UserError) as refusal:
            function(*arguments, **options)
        assert "--" not in str(refusal.value) and "/tmp" not in str(refusal.value).replace(str(tmp_path), "")
        return str(refusal.value)

    path = tmp_path / "a.msv"
    path.write_text("precious")
    refusal = told(vj.encode_video, moving(2), model, 16, path)
    assert refusal == f"{path}: exists already; choose another name or overwrite it (overwrite=True)"
    assert path.read_text() == "precious"
    vj.encode_video(moving(11), model, 16, path, overwrite=True)
    data = path.read_bytes()

    assert "the coded video: is not an .msv file" in told(vj.decode_video, b"nothing")
    assert "cannot be read" in told(vj.decode_video, tmp_path / "none.msv")
    assert "data: expected bytes, a path or a binary file, found int 3" in told(vj.decode_video, 3)
    assert "open for reading bytes, found one that gives str" in told(vj.decode_video, io.StringIO("x"))
    assert "out: expected a path or a binary file, found int 3" in told(vj.encode_video, moving(2), model, 16, 3)
    assert "model: expected what vqvae_jax.load returns, found str 'edge'" in told(
        vj.encode_video, moving(2), "edge", 16
    )
    assert "model: expected what vqvae_jax.load returns, found str 'edge'" in told(vj.decode_video, data, "edge")
    assert "the video has frames 0 to 10" in told(vj.decode_video, data, start=11)

    save_example(tmp_path / "other.safetensors", levels=1)
    other = vj.load(tmp_path / "other.safetensors")
    assert "give the right one as model" in told(vj.decode_video, data, other)
    strange = vj.encode_video(moving(2), other, 16)
    assert "which is none of the package's (example); give its file as model" in told(vj.decode_video, strange)

    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 4
    assert (
        "the coded video: chunk 1: " in (refusal := told(vj.decode_video, damaged))
        and 'on_error="skip" goes on' in refusal
    )
    assert vj.decode_video(damaged, on_error="skip").shape == (11, 24, 32, 3)
