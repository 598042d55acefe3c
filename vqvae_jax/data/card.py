"""What the cards of data sets have in common: `card.json` for programs, `card.md` for people."""

import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any


def write_card_files(folder: Path, card: Mapping[str, Any], page: Sequence[str]) -> None:
    """Writes card.json, and card.md from its lines."""
    (folder / "card.json").write_text(json.dumps(card, indent=1, allow_nan=False) + "\n")
    (folder / "card.md").write_text("\n".join(page) + "\n")


def version(distribution: str) -> str | None:
    """The installed version of a library; none if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
