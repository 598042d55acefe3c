"""A folder of videos as a data set of tokens, for models that are trained on them, and back to frames."""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.codec.interface import Indices, TokenModel
from vqvae_jax.data.card import Card
from vqvae_jax.data.details import read_details
from vqvae_jax.data.shards import ShardedRecords
from vqvae_jax.errors import UserError
from vqvae_jax.tokens.card import CARD_VERSION, FORMAT, CodedVideo
from vqvae_jax.tokens.records import SPLIT, TokenChunk, check_grids, from_example, multiple, without_filling

CARD = "card.json"


class TokenShards:
    """An open data set of tokens; random access by record and by video.

        tokens = TokenShards("tokens")
        for chunk in tokens.chunks("Biking/v_Biking_g01_c01.avi"):
            chunk.indices["top"]                    # uint16 [t, h, w]

    Attributes:
      card: the content of card.json.
      levels: names, coarse first.
      videos: what is known of each, by its path within the tree that it comes from, in record order.

    Raises:
      UserError: if the folder is missing, was not written by `write_token_shards`, or contradicts its card; names what
        is wrong.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.card = _read_card(self.folder)
        self.levels = list(self.card["levels"])
        self._records = ShardedRecords(self.folder, SPLIT, self.card["totals"]["chunks"], "chunks", "")
        self.videos = _videos(self.folder / CARD, read_details(self.folder, self.card, "videos"))
        self._ends = dict(zip(self.videos, itertools.accumulate(v.chunks for v in self.videos.values()), strict=True))
        listed = max(self._ends.values())
        if listed != len(self):
            raise UserError(f"{self.folder}: its card lists {listed} chunks by video but {len(self)} in all")

    def __len__(self) -> int:
        """Number of records: chunks of all videos."""
        return len(self._records)

    def read(self, record: int) -> TokenChunk:
        """One record.

        Raises:
          IndexError: if there is no such record.
          UserError: names the shard, if it is damaged.
        """
        example = self._records.example(record)
        try:
            return from_example(example, self.levels)
        except UserError as error:
            raise UserError(f"{self.folder}: record {record}: {error}") from error

    def chunks(self, video: str) -> Iterator[TokenChunk]:
        """The chunks of one video in order.

        Raises:
          UserError: if there is no such video, or a record is damaged or in another place than the card says.
        """
        if video not in self.videos:
            some = ", ".join(itertools.islice(self.videos, 3))
            raise UserError(f"{self.folder} has no video {video!r}; it has {len(self.videos)}: {some} ...")
        entry = self.videos[video]
        first = self._ends[video] - entry.chunks
        for number in range(entry.chunks):
            chunk = self.read(first + number)
            found = (chunk.video, chunk.number, chunk.width, chunk.height)
            expected = (video, number, entry.width, entry.height)
            if found != expected:
                raise UserError(
                    f"{self.folder}: record {first + number} is (video, chunk, width, height) {found}, by the card "
                    f"{expected}; write the tokens again"
                )
            yield chunk

    def check_bundle(self, model: TokenModel) -> None:
        """Raises a `UserError` unless the tokens were made with this bundle."""
        made_with = self.card["bundle"]
        if made_with["digest"] != model.digest:
            raise UserError(
                f"{self.folder}: was coded with bundle {made_with['digest'][:16]} ({made_with['name']}), this is "
                f"{model.digest[:16]} ({model.name}); give the right one with --bundle"
            )

    def frames(self, video: str, model: TokenModel, level: str | None = None) -> Iterator[np.ndarray]:
        """The frames of one video, decoded a chunk at a time: those that encoding and decoding the file gives.

        Args:
          video: one of `videos`.
          model: that the tokens were made with.
          level: "top" for a preview from the coarse level alone.

        Yields:
          uint8 RGB [height, width, 3].

        Raises:
          UserError: if the bundle is another one, there is no such video or level, or a record is damaged.
        """
        self.check_bundle(model)
        before: Indices | None = None
        for chunk, following in itertools.pairwise(itertools.chain(self.chunks(video), [None])):
            assert chunk is not None
            check_grids(chunk, model)
            here = without_filling(chunk, model)
            after = None if following is None else without_filling(following, model)
            full = len(chunk.indices[self.levels[0]]) * multiple(model)[0]
            shape = (chunk.frames, chunk.height, chunk.width)
            yield from model.decoded_chunk(here, before, after, shape, full, level)
            before = here


def _read_card(folder: Path) -> Card:
    path = folder / CARD
    if not path.is_file():
        raise UserError(f"{folder} is no folder of tokens: it has no {CARD}; `vqvae-jax tokenize` writes one")
    try:
        card = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); write the tokens again") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise UserError(f"{path} is not the card of a folder of tokens; `vqvae-jax tokenize` writes one")
    if card.get("card_version") not in range(1, CARD_VERSION + 1):
        known = f"this program reads 1 to {CARD_VERSION}"
        raise UserError(f"{path}: version {card.get('card_version')!r}; {known}; update it")
    if not _is_complete(card):
        raise UserError(f"{path} lacks what the card of a folder of tokens must say; write the tokens again")
    return card


def _is_complete(card: Card) -> bool:
    try:
        return (
            isinstance(card["bundle"]["digest"], str)
            and isinstance(card["bundle"]["name"], str)
            and isinstance(card["totals"]["chunks"], int)
            and isinstance(card["levels"], dict)
            and bool(card["levels"])
        )
    except (KeyError, TypeError):
        return False


def _videos(path: Path, entries: Iterable[Any]) -> dict[str, CodedVideo]:
    try:
        videos = {entry["path"]: CodedVideo.from_entry(entry) for entry in entries}
        numbers = [float(n) for v in videos.values() for n in (v.chunks, v.width, v.height, v.fps, v.aspect)]
        if min(numbers, default=0.0) <= 0:
            raise ValueError("a number is not positive")
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: its list of videos cannot be read ({reason}); write the tokens again") from error
    return videos
