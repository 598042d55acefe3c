"""What training and evaluation see of a data set: a split with random access, and an endless stream of batches.

`vqvae_jax.data.open` opens them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from vqvae_jax.data.records import clip_names
from vqvae_jax.errors import UserError

CARD = "card.json"


class Batch(NamedTuple):
    """One process's part of a global batch."""

    clips: np.ndarray  # (B, T, H, W, 3) uint8
    records: np.ndarray  # (B,) int64, record numbers within the split


class ClipSet(Protocol):
    """The clips of one split, by record number."""

    data_dir: Path
    split: str
    clip_shape: tuple[int, int, int, int]  # (T, H, W, 3)
    digest: str  # of the decoded content of the split, from the data set's card

    def __len__(self) -> int: ...

    def ids(self, records: Sequence[int]) -> list[str]:
        """Names of clips (`v_Biking_g03_c01/0002`)."""
        ...

    def read(self, records: Sequence[int]) -> np.ndarray:
        """(N, T, H, W, 3) uint8, in the order asked for.

        Raises:
          UserError: names the file, if a record cannot be read.
        """
        ...


class ClipStream(Protocol):
    """Endless batches for training: every epoch in a new order given by the seed, an incomplete last batch dropped."""

    clips: ClipSet

    @property
    def skipped(self) -> dict[int, str]:
        """Records found unreadable since the start of this process, with the reason (`on_corrupt="skip"`)."""
        ...

    def __iter__(self) -> "ClipStream": ...

    def __next__(self) -> Batch: ...

    def get_state(self) -> dict[str, Any]:
        """JSON values; after n batches, the state from which `set_state` goes on with batch n + 1."""
        ...

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken.

        Raises:
          UserError: if the state is of another data set, seed, batch size or augmentation.
        """
        ...

    def close(self) -> None:
        """Ends worker processes. The stream may be used again; it then starts them anew."""
        ...


def read_card(data_dir: str | Path) -> dict[str, Any]:
    """The data set's card.

    Raises:
      UserError: if the folder is missing or was not written by data_prep.
    """
    folder = Path(data_dir)
    path = folder / CARD
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"data set {folder} {state}; write one with `python -m data_prep --videos ... --out ...`")
    if not path.is_file():
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "nothing"
        raise UserError(
            f"{folder} is not a data set of data_prep: it has no {CARD} (found: {found}); give the folder that "
            "`python -m data_prep` wrote"
        )
    try:
        card = json.loads(path.read_text())
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}); write the data set again with data_prep") from error
    if not isinstance(card, dict) or card.get("format") not in ("arrayrecord", "npy"):
        raise UserError(f"{path} is not a card of data_prep: format must be arrayrecord or npy")
    splits = card.get("splits")
    if not isinstance(splits, dict) or not all(_is_split(card, name) for name in splits):
        raise UserError(f"{path} is not a card of data_prep: splits must hold clips and digest (npy: and name clips)")
    return card


def _is_split(card: dict[str, Any], split: str) -> bool:
    entry = card["splits"][split]
    if not isinstance(entry, dict) or not isinstance(entry.get("digest"), str):
        return False
    clips, ids, lists = entry.get("clips"), entry.get("ids"), card.get("details")
    if not isinstance(clips, int) or card["format"] != "npy":
        return isinstance(clips, int)
    if isinstance(ids, list):  # cards of version 1
        return len(ids) == clips
    listed = lists.get(clip_names(split)) if isinstance(lists, dict) else None
    return isinstance(listed, dict) and listed.get("entries") == clips


def evenly_spread(clips: int, count: int) -> list[int]:
    """`count` numbers spread over `clips` records, the first one 0; all of them if there are no more."""
    count = min(count, clips)
    return [index * clips // count for index in range(count)]


class EvenlySpread:
    """`count` clips of a split, as a `ClipSet` whose record n is the split's record n * clips // count.

    Args:
      clips: the split.
      count: 1 ... len(clips).
    """

    def __init__(self, clips: ClipSet, count: int) -> None:
        self.data_dir: Path = clips.data_dir
        self.split: str = clips.split
        self.clip_shape: tuple[int, int, int, int] = clips.clip_shape
        self.digest: str = clips.digest  # of the whole split
        self._clips = clips
        self._records = evenly_spread(len(clips), count)

    def __len__(self) -> int:
        return len(self._records)

    def ids(self, records: Sequence[int]) -> list[str]:
        return self._clips.ids([self._records[record] for record in records])

    def read(self, records: Sequence[int]) -> np.ndarray:
        return self._clips.read([self._records[record] for record in records])


def few(clips: ClipSet, count: int) -> ClipSet:
    """The split, or `count` evenly spread clips of it; 0, or as many as it has, means all."""
    return EvenlySpread(clips, count) if 0 < count < len(clips) else clips
