"""Imports point one way, as docs/architecture.md draws them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: A package may import itself and those of earlier rows.
ROWS = [
    {"errors"},
    {"command_line", "config", "precision", "stopping"},
    {"files"},
    {"lock", "progress"},
    {"layers", "quantization", "metrics", "video", "data", "container", "entropy"},
    {"losses", "training"},
    {"msvqvae"},
    {"evaluation"},
    {"codec"},
    {"cli"},
    {"__main__"},
]
FILES = sorted((ROOT / "vqvae_jax").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Modules that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_from_rows_below(path):
    here = path.relative_to(ROOT / "vqvae_jax").with_suffix("").parts[0]
    if here == "__init__":
        return
    row = next(index for index, packages in enumerate(ROWS) if here in packages)
    for name in imported(path):
        assert name.split(".")[0] not in {"experiments", "data_prep", "tests", "benchmarks"}, name
        if name.startswith("vqvae_jax."):
            other = name.split(".")[1]
            below = any(other in packages for packages in ROWS[:row])
            assert other == here or below, f"{path.name} imports {name}"


def test_every_package_has_a_row():
    packages = {p.relative_to(ROOT / "vqvae_jax").with_suffix("").parts[0] for p in FILES} - {"__init__"}
    assert packages == set().union(*ROWS)
