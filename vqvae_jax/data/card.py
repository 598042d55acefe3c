"""What the cards of data sets have in common: card.json for programs, card.md for people, long lists beside them."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from vqvae_jax.data.details import write_details
from vqvae_jax.data.names import Skipped

Card = dict[str, Any]
"""The content of card.json."""

LISTED = 1000  # skipped files in the card itself


def first_skipped(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    """Those that the card itself lists."""
    return [s._asdict() for s in skipped[:LISTED]]


def rest_of_skipped(card: Card) -> list[str]:
    """What the page says below the table of those; nothing where it has them all."""
    return [f"\nThe first {LISTED}; all are in skipped-*.jsonl."] if card["totals"]["skipped"] > LISTED else []


def write_card_files(
    folder: Path, card: Card, lists: Mapping[str, Iterable[Mapping[str, Any]]], page: Callable[[Card], list[str]]
) -> None:
    """Writes card.json and card.md, and beside them the lists that grow with the number of videos.

    Args:
      folder: the data set's.
      card: gets `details`, what there is of each list.
      lists: by name.
      page: its lines of Markdown.
    """
    card["details"] = {name: write_details(folder, name, entries) for name, entries in lists.items()}
    (folder / "card.json").write_text(json.dumps(card, indent=1, allow_nan=False) + "\n")
    (folder / "card.md").write_text("\n".join(page(card)) + "\n")


def version(distribution: str) -> str | None:
    """The installed version of a library; none if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
