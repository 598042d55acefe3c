"""The bundles that come with the package, without loading one."""

import json
import struct
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "bundles"
DEFAULT = "edge"
LARGEST_HEADER = 2**20  # bytes; those of the package have a few thousand


def packaged() -> dict[str, Path]:
    """Files by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}


def named_digest(path: Path) -> str:
    """The digest that a bundle's header names, unverified and without reading its tensors; empty if it is no bundle.

    Reads the beginning of a safetensors file (length, then JSON) itself: `info` needs no model and loads no library.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= LARGEST_HEADER else {}
        digest = header["__metadata__"]["digest"]
    except (OSError, ValueError, RecursionError, struct.error, KeyError, TypeError):
        return ""
    return digest if isinstance(digest, str) else ""


def name_of(identity: str) -> str | None:
    """Which of them a coded file names; none if it is another one.

    Args:
      identity: the first digits of its digest.
    """
    return next((name for name, path in packaged().items() if named_digest(path).startswith(identity)), None)
