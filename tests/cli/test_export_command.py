"""`vqvae-jax export` by the ending of its output: a run to a bundle, a bundle's decoder to an ONNX file."""

import sys

import pytest

from tests.codec.example_bundle import save_example


def test_each_kind_of_output_refuses_the_options_of_the_other(command, bundle, tmp_path):
    onnx, other = tmp_path / "a.onnx", tmp_path / "a.safetensors"
    assert command("export", tmp_path / "a.pt").refused("must end in .safetensors .* or .onnx")
    assert command("export", other).refused("name the training run .* --run DIR")
    assert command("export", other, "--bundle", bundle).refused("is for .onnx files")
    assert command("export", onnx, "--run", "run").refused("run=run is for bundles made of a run")
    assert command("export", onnx, "--weights", "float32").refused("weights=float32 is for bundles")
    assert command("export", onnx, "--bundle", "ntc").refused(
        "bundle ntc is of family ntc, which has no ONNX decoder; edge"
    )
    assert [path.name for path in tmp_path.iterdir()] == []


def test_without_the_package_onnx_the_extra_is_named_and_the_bundle_as_a_user_names_it(command, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    install = r"ONNX files need the package onnx; pip install 'vqvae_jax\[onnx\]'"
    assert command("export", tmp_path / "a.onnx", "--bundle", "edge").refused(f"^vqvae-jax: bundle edge: {install}$")
    monkeypatch.delenv("VQVAE_JAX_BUNDLE")
    assert command("export", tmp_path / "a.onnx").refused(f"^vqvae-jax: bundle edge: {install}$")
    assert not list(tmp_path.iterdir())


def test_an_onnx_file_names_its_bundle_and_replaces_nothing_unasked(command, tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra onnx)")
    bundle, out = tmp_path / "model.safetensors", tmp_path / "model.onnx"
    digest = save_example(bundle, levels=1)
    done = command("export", out, "--bundle", bundle)
    assert done.code == 0 and digest[:16] in done.out and f"{out.stat().st_size:,} bytes" in done.out
    model = onnx.load(out)
    assert {entry.key: entry.value for entry in model.metadata_props}["digest"] == digest
    assert [value.name for value in model.graph.input] == ["bottom"]
    assert command("export", out, "--bundle", bundle).refused("exists already.* with --force")
    assert command("export", out, "--bundle", bundle, "--force").code == 0
