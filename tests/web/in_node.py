"""JavaScript as tests run it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
WEB = FOLDER.parents[1] / "vqvae_jax" / "web"
SECONDS = 600  # no verdict: what hangs ends
MEMORY_MIB = 400  # of a process that has decoded small files

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed (20 or newer)")


def node(*arguments: object, **options: Any) -> subprocess.CompletedProcess:
    """A program in Node, and what it wrote."""
    command = ["node", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=SECONDS, **options)


def done(*jobs: dict[str, Any]) -> list[Any]:
    """What came of jobs of `harness.mjs`, all in one process of bounded memory."""
    text = json.dumps(jobs, default=str).encode()
    result = node("--max-old-space-size=200", FOLDER / "harness.mjs", input=text)
    assert result.returncode == 0, result.stderr.decode()
    found = json.loads(result.stdout)
    assert found["peak"] < MEMORY_MIB
    results: list[Any] = found["results"]
    return results
