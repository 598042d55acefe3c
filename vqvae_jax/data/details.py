"""Lists that belong to a card and may be long: files of JSON lines beside it, so that the card itself stays small."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vqvae_jax.errors import UserError

PER_FILE = 50_000  # entries


def write_details(folder: Path, name: str, entries: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Writes `NAME-00000.jsonl`, ...: one entry per line; returns what the card says of them: `entries`, `files`."""
    count, waiting = 0, iter(entries)
    for number in itertools.count():
        batch = list(itertools.islice(waiting, PER_FILE))
        if not batch:
            return {"entries": count, "files": number}
        with (folder / _file(name, number)).open("w", encoding="ascii") as file:
            file.writelines(json.dumps(entry, allow_nan=False) + "\n" for entry in batch)
        count += len(batch)
    raise AssertionError("it counts for ever")


def read_details(folder: Path, card: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """The entries in order. Cards from before there were such files hold them themselves, under the same name.

    Raises:
      UserError: if a file is missing, damaged, or does not hold as many entries as the card says.
    """
    if isinstance(card.get(name), list) and name not in card.get("details", {}):
        yield from card[name]
        return
    try:
        listed = card["details"][name]
        files, entries = int(listed["files"]), int(listed["entries"])
        found = 0
        for number in range(files):
            with (folder / _file(name, number)).open(encoding="ascii") as file:
                for line in file:
                    found += 1
                    yield json.loads(line)
        if found != entries:
            raise ValueError(f"{found} of {entries} entries")
    except (KeyError, TypeError, ValueError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{folder}: the list {name!r} of its card cannot be read ({reason}); write it again") from error


def _file(name: str, number: int) -> str:
    return f"{name}-{number:05d}.jsonl"
