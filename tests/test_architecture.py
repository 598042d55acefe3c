"""Imports point one way, as docs/architecture.md draws them."""

import ast
import graphlib
import re
from collections.abc import Container
from pathlib import Path

import pytest

from vqvae_jax.families import FAMILIES

ROOT = Path(__file__).parents[1]
#: A package may import itself and those of earlier rows.
ROWS = [
    {"errors"},
    {"allocator", "command_line", "compile_cache", "config", "deferred", "precision", "stopping", "target"},
    {"files"},
    {"kept_programs", "lock", "progress"},
    {"layers", "quantization", "metrics", "video", "data", "container", "entropy", "report"},
    {"losses", "training"},
    {"codec"},
    {"msvqvae", "ntc", "envc", "mvc"},
    {"families"},
    {"packaged"},
    {"evaluation", "tokens", "web"},
    {"api", "cli"},
    {"__main__"},
]
FILES = sorted((ROOT / "vqvae_jax").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Modules that a file imports, also inside functions."""
    return {name for node in ast.walk(ast.parse(path.read_text())) for name in names_of(node)}


def names_of(node: ast.AST) -> set[str]:
    """Modules that an import statement names; none for any other."""
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {node.module}
    return {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()


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


#: What draws, or writes markup and tables: matplotlib, text on pictures, elements, rules of Markdown tables, CSV.
RENDERING = re.compile(
    r"import matplotlib|from matplotlib|ImageDraw|ImageFont|from html import|csv\.(writer|DictWriter)"
    r"|<(html|svg|table|div|span|style)\b|\|---|---\|"
)
PROGRAMS = [p for name in ("vqvae_jax", "experiments", "benchmarks", "data_prep") for p in (ROOT / name).rglob("*.py")]


def test_only_report_makes_pages_charts_and_tables():
    elsewhere = [p for p in PROGRAMS if p.parent != ROOT / "vqvae_jax" / "report"]
    assert [p for p in elsewhere if RENDERING.search(p.read_text())] == []
    assert not [p for p in ROOT.glob("experiments/**/*") if p.suffix in {".css", ".js", ".html", ".svg"}]


def test_report_knows_of_files_and_errors_only_and_imports_drawing_libraries_where_they_are_used():
    for path in (ROOT / "vqvae_jax" / "report").glob("*.py"):
        ours = {name.split(".")[1] for name in imported(path) if name.startswith("vqvae_jax.")}
        assert ours <= {"report", "errors", "files", "config"}, path
        top = {n.split(".")[0] for node in ast.parse(path.read_text()).body for n in names_of(node)}
        assert not top & {"matplotlib", "PIL"}, path


def test_no_circle_of_files():
    """Also inside functions, and for type checkers alone; the package's own page of public names imports by name."""
    programs = [*PROGRAMS, *(ROOT / "vqvae_jax").glob("*.py")]
    modules = {module_of(path): path for path in programs if path != ROOT / "vqvae_jax" / "__init__.py"}
    sorter = graphlib.TopologicalSorter({name: needed(path, modules) for name, path in modules.items()})
    sorter.prepare()  # a `CycleError` lists the files


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def needed(path: Path, modules: Container[str]) -> set[str]:
    """Modules of the project that a file imports; of `from package import module` the module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in inner if name in modules} or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in modules} - {module_of(path)}


def test_one_file_alone_names_the_families():
    for family in FAMILIES:
        named = {path for path in FILES if f"vqvae_jax.{family}" in path.read_text()}
        inside = {path for path in FILES if (ROOT / "vqvae_jax" / family) in path.parents}
        assert named - inside == {ROOT / "vqvae_jax" / "families.py"}


def arrows() -> list[str]:
    """The packages' imports as lines of a Mermaid graph, without those that follow from others."""
    packages = {p.name for p in (ROOT / "vqvae_jax").iterdir() if (p / "__init__.py").is_file()} | {"families"}
    edges = {
        name: {
            other.split(".")[1]
            for path in FILES
            if path.relative_to(ROOT / "vqvae_jax").with_suffix("").parts[0] == name
            for other in imported(path)
            if other.startswith("vqvae_jax.") and other.split(".")[1] in packages - {name}
        }
        for name in packages
    }

    def reached(name: str) -> set[str]:
        return set().union(*({other} | reached(other) for other in edges[name]))

    direct = {name: others - set().union(*(reached(o) for o in others)) for name, others in edges.items()}
    return [f"    {name} --> {other}" for name in sorted(direct) for other in sorted(direct[name])]


def test_the_picture_in_the_docs_is_the_code():
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawn = page.split("```mermaid\ngraph TD\n")[1].split("\n```")[0].splitlines()
    assert drawn == arrows(), "\n".join(arrows())
