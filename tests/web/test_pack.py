"""What goes into a page: models that are small enough, kernels as they are committed, one script."""

import base64
import json
import re

import pytest

from tests.web.in_node import WEB, needs_node, node
from tests.web.playable import playable
from vqvae_jax.codec.bundle import make_bundle, save_bundle
from vqvae_jax.entropy.kernel import build
from vqvae_jax.errors import UserError
from vqvae_jax.packaged import packaged
from vqvae_jax.web.pack import kernels, pack_model, script, top_level_names

PAGE_BYTES = 6_000_000


@pytest.mark.parametrize("name", playable())
def test_a_page_with_any_model_stays_under_six_megabytes(name):
    parts = [pack_model(packaged()[name]), *kernels().values()]
    assert sum(len(base64.b64encode(part)) for part in parts) + len(script()) < PAGE_BYTES - 200_000


def test_a_family_that_browsers_cannot_decode_is_refused(tmp_path):
    save_bundle(tmp_path / "model", make_bundle("a", "envc", "3", {}, {}, {}))
    with pytest.raises(UserError, match="family envc, which the player cannot decode"):
        pack_model(tmp_path / "model")


def test_kernels_are_the_bytes_that_python_runs():
    assert kernels() == {source.stem: source.with_suffix(".wasm").read_bytes() for source in build.sources()}
    assert set(kernels()) == {"grid_kernel", "unit_kernel", "network_kernel"}


def test_modules_are_small_and_names_are_their_own():
    for module in WEB.glob("*.*js"):
        text = module.read_text()
        assert text.count("\n") < 350 and text.startswith(("//", "#!")), module
    assert len(top_level_names((WEB / "varint.js").read_text())) == 1


@needs_node
def test_all_modules_in_one_script_read_a_file_and_load_a_model(tmp_path):
    program = script()
    assert not re.search(r"^(import|export)\b", program, re.MULTILINE)
    (tmp_path / "model").write_bytes(pack_model(packaged()["edge"]))
    main = """
const { readFileSync } = require("node:fs");
loadModel(readFileSync(process.argv[2])).then((model) => console.log(JSON.stringify([model.name, model.family])));
"""
    (tmp_path / "script.cjs").write_text(program + main)
    result = node(tmp_path / "script.cjs", tmp_path / "model")
    assert result.returncode == 0, result.stderr.decode()
    assert json.loads(result.stdout) == ["edge", "msvqvae"]
