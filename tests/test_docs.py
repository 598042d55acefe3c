"""The pages' Python runs, the page of the public interface is what its docstrings say, and links lead somewhere."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.api_page import page
from tests.codec.example_bundle import moving
from tests.video.example_videos import smooth_clip, write_with_pyav
from vqvae_jax.cli import main
from vqvae_jax.packaged import packaged

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "vqvae_jax").rglob("*.md")])
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets(path):
    return SNIPPET.findall(path.read_text())


def needs_nothing(folder):
    pass


def videos(folder):
    (folder / "ucf101").mkdir()
    for number in range(1, 7):
        clip = smooth_clip(60, 24, 32)
        write_with_pyav(folder / "ucf101" / f"v_Biking_g{number:02d}_c01.avi", np.roll(clip, number, axis=1))


def tokens(folder):
    shutil.copy(packaged()["edge"], folder / "model.safetensors")
    (folder / "videos").mkdir()
    np.save(folder / "videos" / "a.npy", moving(40, 64, 64))
    main.run(
        ["tokenize", str(folder / "videos"), str(folder / "TOKENS"), "--bundle", str(folder / "model.safetensors")]
    )


#: What the snippets of a page want to find in their folder.
NEEDS = {
    "data.md": videos,
    "tokens.md": tokens,
    "codec.md": needs_nothing,
    "api.md": needs_nothing,
    "README.md": needs_nothing,
}


def test_every_page_with_python_is_run():
    assert {path.name for path in PAGES if snippets(path)} == set(NEEDS)
    fences = {tag for path in PAGES for tag in re.findall(r"^```(\w+)$", path.read_text(), re.MULTILINE)}
    assert fences <= {"python", "mermaid"}  # "py", say, would not be found


@pytest.mark.parametrize("name", NEEDS)
def test_the_python_of_a_page_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VQVAE_JAX_BUNDLE", raising=False)
    NEEDS[name](tmp_path)
    found = {"__name__": "snippet"}
    (path,) = (path for path in PAGES if path.name == name and snippets(path))
    for snippet in snippets(path):
        exec(compile(snippet, name, "exec"), found)


def test_no_page_imports_the_command_line():
    assert not [path for path in PAGES if re.search(r"(import|from) vqvae_jax\.cli", path.read_text())]


def test_the_page_of_the_public_interface_is_what_its_docstrings_say():
    assert (ROOT / "docs" / "api.md").read_text() == page(), "python -m tests.api_page > docs/api.md"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(path):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target
