"""Weight files: both formats give the same trunk; files that do not fit are refused before they are read."""

import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.losses.vgg_weights import (
    ENVIRONMENT,
    find_vgg_weights,
    load_vgg,
    require_vgg,
    torchvision_name,
    trunk_digest,
)

ROOT = Path(__file__).parents[2]


def oihw(array):
    return np.ascontiguousarray(array.transpose(3, 2, 0, 1)) if array.ndim == 4 else array


@pytest.fixture(autouse=True)
def no_weights_in_the_environment(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)


@pytest.fixture
def npz(tmp_path, random_weights):
    file = tmp_path / "trunk.npz"
    np.savez(file, **random_weights)
    return file


@pytest.fixture
def safetensors_file(tmp_path, random_weights):
    numpy_io = pytest.importorskip("safetensors.numpy")
    file = tmp_path / "timm.safetensors"
    tensors = {torchvision_name(name): oihw(array) for name, array in random_weights.items()}
    numpy_io.save_file(tensors | {"features.17.bias": np.zeros(512, np.float32)}, file, {"provenance": "made up"})
    return file


def test_npz_and_safetensors_give_the_same_trunk(npz, safetensors_file, random_weights):
    first, second = load_vgg(npz), load_vgg(safetensors_file)
    assert first.digest == second.digest == trunk_digest(random_weights, "imagenet")
    assert "trunk.npz" in first.provenance and "made up" in second.provenance
    for name, array in random_weights.items():
        assert np.array_equal(first.weights[name], array) and np.array_equal(second.weights[name], array)


def test_torchvision_names_are_those_of_torchvision():
    assert torchvision_name("conv1_1/kernel") == "features.0.weight"
    assert torchvision_name("conv2_2/bias") == "features.7.bias"
    assert torchvision_name("conv3_3/kernel") == "features.14.weight"


def test_texts_inside_an_npz_are_kept(tmp_path, random_weights):
    np.savez(tmp_path / "a.npz", preprocessing=np.array("caffe"), provenance=np.array("Oxford"), **random_weights)
    trunk = load_vgg(tmp_path / "a.npz")
    assert trunk.preprocessing == "caffe" and "Oxford" in trunk.provenance
    np.savez(tmp_path / "b.npz", preprocessing=np.array("bgr"), **random_weights)
    with pytest.raises(UserError, match="'bgr' is not known; expected one of imagenet, caffe"):
        load_vgg(tmp_path / "b.npz")


def test_search_order_is_path_then_environment(npz, safetensors_file, monkeypatch):
    assert find_vgg_weights() is None
    monkeypatch.setenv(ENVIRONMENT, str(safetensors_file))
    assert find_vgg_weights() == safetensors_file
    assert find_vgg_weights(npz) == npz


def test_a_folder_must_hold_exactly_one_suitable_file(tmp_path, npz, random_weights, monkeypatch):
    np.savez(tmp_path / "other.npz", something=np.zeros(3, np.float32))
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    assert find_vgg_weights() == npz
    np.savez(tmp_path / "second.npz", **random_weights)
    with pytest.raises(UserError, match=r"several suitable files; name one: second\.npz, trunk\.npz"):
        find_vgg_weights()
    npz.unlink()
    (tmp_path / "second.npz").unlink()
    with pytest.raises(UserError, match="holds no VGG-16"):
        find_vgg_weights()


def test_missing_weights_say_what_to_do():
    with pytest.raises(UserError, match=r"--vgg-weights FILE or set \$VQVAE_JAX_WEIGHTS.*gamma 0"):
        require_vgg()
    with pytest.raises(UserError, match=r"nowhere\.npz: No such file"):
        require_vgg("nowhere.npz")


def saved(folder, weights):
    np.savez(folder / "bad.npz", **weights)
    return folder / "bad.npz"


def test_files_that_do_not_fit_are_refused(tmp_path, random_weights, npz):
    missing = {name: array for name, array in random_weights.items() if name != "conv3_1/kernel"}
    with pytest.raises(UserError, match="lacks conv3_1/kernel"):
        load_vgg(saved(tmp_path, missing))
    with pytest.raises(UserError, match=r"conv1_2/kernel has shape \(64, 64, 3, 3\); VGG-16 has \(3, 3, 64, 64\)"):
        load_vgg(saved(tmp_path, random_weights | {"conv1_2/kernel": oihw(random_weights["conv1_2/kernel"])}))
    with pytest.raises(UserError, match="lacks conv1_1/bias in floating point"):
        load_vgg(saved(tmp_path, random_weights | {"conv1_1/bias": np.zeros(64, np.int32)}))
    with pytest.raises(UserError, match="conv1_1/bias holds values that are not finite"):
        load_vgg(saved(tmp_path, random_weights | {"conv1_1/bias": np.full(64, np.nan, np.float32)}))
    with pytest.raises(UserError, match=r"must be \.npz or \.safetensors; convert"):
        load_vgg(tmp_path / "vgg16.pth")
    with pytest.raises(UserError, match="cannot be read: No such file"):
        load_vgg(tmp_path / "absent.npz")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\xff" * 64])
def test_files_of_another_kind_are_refused(tmp_path, suffix, content):
    file = tmp_path / f"vgg{suffix}"
    file.write_bytes(content)
    with pytest.raises(UserError, match="not a readable"):
        load_vgg(file)


def test_a_damaged_npz_is_refused(npz):
    content = bytearray(npz.read_bytes())
    content[len(content) // 2] ^= 0xFF
    npz.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        load_vgg(npz)


def test_arrays_of_objects_are_never_unpickled(tmp_path, random_weights):
    np.savez(tmp_path / "evil.npz", allow_pickle=True, preprocessing=np.array([{}], object), **random_weights)
    with pytest.raises(UserError, match="not a short text"):
        load_vgg(tmp_path / "evil.npz")


def convert(*arguments):
    command = [sys.executable, "-m", "experiments.convert_vgg", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_converter_keeps_every_value_and_never_overwrites_unasked(tmp_path, random_weights):
    torch = pytest.importorskip("torch", reason="the converter reads .pth files with torch")
    state = OrderedDict((torchvision_name(n), torch.from_numpy(oihw(a).copy())) for n, a in random_weights.items())
    torch.save(state | {"classifier.0.bias": torch.zeros(4)}, tmp_path / "vgg16.pth")
    result = convert(tmp_path / "vgg16.pth", tmp_path / "out.npz", "--provenance", "random numbers")
    assert result.returncode == 0, result.stderr
    trunk = load_vgg(tmp_path / "out.npz")
    assert trunk.digest == trunk_digest(random_weights, "imagenet") and trunk.digest in result.stdout
    assert "random numbers" in trunk.provenance

    again = convert(tmp_path / "vgg16.pth", tmp_path / "out.npz")
    assert again.returncode == 2 and "exists" in again.stderr and len(again.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.pth", "absent.pth: cannot be read: No such file"),
        ("weights.ckpt", "weights.ckpt: the source must end in .pth, .pt, .npz, .safetensors"),
        ("folder.pth", "folder.pth: cannot be read: Is a directory"),
        ("file.pth", "reading a .pth needs torch; install it with: pip install torch"),
    ],
)
def test_a_source_that_cannot_be_read_is_named_before_torch_is_asked_for(tmp_path, monkeypatch, name, message):
    from experiments import convert_vgg

    (tmp_path / "folder.pth").mkdir()
    (tmp_path / "file.pth").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match=message):
        convert_vgg.convert(convert_vgg.ConvertCommand(tmp_path / name, tmp_path / "out.npz"))
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing from python -m experiments.convert_vgg: SOURCE, TARGET"),
        (["a.npz", "b.npz", "--preprocessing", "none"], "--preprocessing 'none': expected caffe, imagenet"),
        (["a.npz", "there.npz"], "there.npz: exists already; choose another name or overwrite it with --force"),
    ],
)
def test_a_mistake_in_the_converters_options_is_one_line(tmp_path, monkeypatch, arguments, message):
    from experiments import convert_vgg

    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.npz").touch()
    monkeypatch.setattr(sys, "argv", ["convert_vgg", *arguments])
    with pytest.raises(UserError) as error:
        convert_vgg.main()
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_the_converter_goes_from_npz_to_safetensors_and_back_without_torch(tmp_path, monkeypatch, random_weights):
    from experiments import convert_vgg

    texts = {"provenance": "random numbers", "preprocessing": "caffe"}
    convert_vgg.write_trunk(random_weights, texts, tmp_path / "a.npz")
    monkeypatch.setitem(sys.modules, "torch", None)
    for source, target in (("a.npz", "b.safetensors"), ("b.safetensors", "c.npz")):
        convert_vgg.convert(convert_vgg.ConvertCommand(tmp_path / source, tmp_path / target))
        trunk = load_vgg(tmp_path / target)
        assert trunk.digest == trunk_digest(random_weights, "caffe")
        assert "random numbers" in trunk.provenance


def test_the_converter_writes_safetensors_and_refuses_other_state_dicts(tmp_path, random_weights):
    torch = pytest.importorskip("torch", reason="the converter reads .pth files with torch")
    from experiments.convert_vgg import read_pth, write_trunk

    write_trunk(random_weights, {"provenance": "x", "preprocessing": "imagenet"}, tmp_path / "out.safetensors")
    assert load_vgg(tmp_path / "out.safetensors").digest == trunk_digest(random_weights, "imagenet")
    assert [p.name for p in tmp_path.iterdir()] == ["out.safetensors"]

    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "resnet.pth")
    with pytest.raises(UserError, match=r"has no tensor features\.0\.weight"):
        read_pth(tmp_path / "resnet.pth")
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(UserError, match="weights_only=True"):
        read_pth(tmp_path / "junk.pth")
