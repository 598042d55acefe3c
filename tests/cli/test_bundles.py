"""Which bundle a command takes: by file, by name, by what a coded file says, by the environment."""

import numpy as np
import pytest

from tests.codec.example_bundle import moving, save_example
from vqvae_jax import packaged


@pytest.fixture
def package(command, monkeypatch, tmp_path):
    """A package of two small bundles, and nothing in the environment."""
    folder = tmp_path / "package"
    folder.mkdir()
    save_example(folder / "edge.safetensors")
    save_example(folder / "other.safetensors", levels=1)
    monkeypatch.delenv("VQVAE_JAX_BUNDLE")
    monkeypatch.setattr(packaged, "FOLDER", folder)
    monkeypatch.setattr(packaged, "DEFAULT", "edge")
    return folder


def coded_with(command, path):
    return command("info", path, "--json").json["bundle"]


def test_info_names_a_bundle_of_the_package(command, package, video, tmp_path):
    assert command("encode", video, tmp_path / "a.msv", "--bundle", "other").code == 0
    assert f"bundle {coded_with(command, tmp_path / 'a.msv')} (other)" in command("info", tmp_path / "a.msv").out
    (package / "other.safetensors").unlink()
    assert command("info", tmp_path / "a.msv", "--json").json["bundle_name"] is None


def test_a_name_means_the_bundle_of_the_package_and_the_file_finds_it_again(command, package, video, tmp_path):
    for name in ("edge", "other"):
        out = tmp_path / f"{name}.msv"
        assert command("encode", video, out, "--bundle", name, "--size", "native").code == 0
        found = packaged.find_for_file(None, out)
        assert found.identity.hex() == coded_with(command, out)
        assert found.digest == packaged.find_bundle(package / f"{name}.safetensors").digest
        assert command("decode", out, tmp_path / f"{name}.npy").code == 0
        assert command("compare", video, out).code == 0
    assert command("encode", video, tmp_path / "usual.msv").code == 0
    assert coded_with(command, tmp_path / "usual.msv") == coded_with(command, tmp_path / "edge.msv")
    assert coded_with(command, tmp_path / "other.msv") != coded_with(command, tmp_path / "edge.msv")
    frames = [np.load(tmp_path / f"{name}.npy") for name in ("edge", "other")]
    assert (frames[0] != frames[1]).any()


def test_a_variable_that_names_nothing_is_in_nobodys_way(command, package, video, tmp_path, monkeypatch):
    assert command("encode", video, tmp_path / "a.msv", "--bundle", "other").code == 0
    monkeypatch.setenv("VQVAE_JAX_BUNDLE", "nosuch")
    assert command("decode", tmp_path / "a.msv", tmp_path / "a.npy").code == 0
    assert command("encode", video, tmp_path / "b.msv").refused("bundle nosuch: no such file")


def test_tokens_find_their_bundle_again(command, package, tmp_path):
    (tmp_path / "videos").mkdir()
    np.save(tmp_path / "videos" / "a.npy", moving(11))
    tokens, back = tmp_path / "tokens", tmp_path / "back"
    assert command("tokenize", tmp_path / "videos", tokens, "--bundle", "other", "--size", "native").code == 0
    assert command("detokenize", tokens, back, "--format", "npy").code == 0
    assert command("detokenize", tokens, tmp_path / "no", "--bundle", "edge").refused(
        "give the right one with --bundle"
    )


def test_what_is_named_wins_over_what_the_file_says(command, package, video, tmp_path, monkeypatch):
    out, back = tmp_path / "a.msv", tmp_path / "a.npy"
    assert command("encode", video, out, "--bundle", "other").code == 0
    assert command("decode", out, back, "--bundle", "edge").refused("give the right one with --bundle")
    # The variable says what to encode with; of what there is, a file takes the bundle that fits.
    monkeypatch.setenv("VQVAE_JAX_BUNDLE", "edge")
    assert command("decode", out, back).code == 0
    monkeypatch.setenv("VQVAE_JAX_BUNDLE", str(package / "other.safetensors"))
    assert command("encode", video, tmp_path / "b.msv").code == 0
    assert coded_with(command, tmp_path / "b.msv") == coded_with(command, out)


def test_a_file_of_a_bundle_that_is_not_there(command, package, video, tmp_path):
    out = tmp_path / "a.msv"
    assert command("encode", video, out, "--bundle", "other").code == 0
    (package / "other.safetensors").unlink()
    refusal = r"was coded with bundle [0-9a-f]{16}, which is none of the package's \(edge\); give its file"
    assert command("decode", out, tmp_path / "a.npy").refused(refusal)


def test_names_that_are_none_or_two(command, package, video, tmp_path, monkeypatch):
    out = tmp_path / "a.msv"
    none = command("encode", video, out, "--bundle", "nothing")
    assert none.refused("bundle nothing: no such file, and the package has edge, other only")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()  # a run's folder, say
    assert command("encode", video, out, "--bundle", "other").code == 0
    (tmp_path / "edge").write_bytes(b"a file of the same name")
    assert command("encode", video, tmp_path / "b.msv", "--bundle", "./edge").refused("rename the file")


def test_a_file_that_is_no_bundle_is_passed_over(command, package, video, tmp_path):
    (package / "aaa.safetensors").write_bytes(b"no bundle")
    assert command("encode", video, tmp_path / "a.msv", "--bundle", "other").code == 0
    assert command("decode", tmp_path / "a.msv", tmp_path / "a.npy").code == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x02\x00\x00",
        b"\xff" * 8 + b"{}",
        b"\x02" + bytes(7) + b"[]",
        b"\x02" + bytes(7) + b"{}",
        b"\x14" + bytes(7) + b'{"__metadata__": []}',
        b"\x1f" + bytes(7) + b'{"__metadata__": {"digest": 12}}',
        b"\x09" + bytes(7) + b"[" * 9,
    ],
)
def test_what_is_no_bundle_names_no_digest(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    assert packaged.named_digest(tmp_path / "a.safetensors") == ""


def test_the_digest_that_is_named_is_the_one_that_loading_verifies(package):
    from vqvae_jax.families import load_model

    for path in packaged.packaged().values():
        assert packaged.named_digest(path) == load_model(path).digest
    assert packaged.named_digest(package / "none.safetensors") == ""
