"""What training and evaluation see of a data set: a split with random access, and an endless stream of batches."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.order import Share
from vqvae_jax.errors import ConfigError, UserError

CARD = "card.json"
IN_MEMORY_LIMIT = 4 * 2**30  # bytes of decoded clips up to which `auto` loads a split


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
    if not isinstance(splits, dict) or not all(_is_split(entry, card["format"]) for entry in splits.values()):
        raise UserError(f"{path} is not a card of data_prep: splits must hold clips and digest (npy: and ids)")
    return card


def _is_split(entry: Any, format_: str) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("digest"), str):
        return False
    clips, ids = entry.get("clips"), entry.get("ids")
    return isinstance(clips, int) and (format_ != "npy" or (isinstance(ids, list) and len(ids) == clips))


def open_split(data_dir: str | Path, split: str) -> ClipSet:
    """Opens a split for random access; decoding happens on `read`.

    Raises:
      UserError: if the data set or the split is missing, empty, or not what its card says; names what exists.
    """
    folder, card = Path(data_dir), read_card(data_dir)
    filled = {name: entry for name, entry in card["splits"].items() if entry["clips"]}
    if split not in filled:
        state = "is empty" if split in card["splits"] else "does not exist"
        listed = ", ".join(f"{name} ({entry['clips']} clips)" for name, entry in filled.items()) or "none"
        raise UserError(f"split {split!r} of {folder} {state}; splits with clips: {listed}")
    if card["format"] == "npy":
        from vqvae_jax.data.npy import NpyClips

        return NpyClips(folder, split, card)
    from vqvae_jax.data.shards import ShardedClips  # needs array_record and tensorflow_datasets

    return ShardedClips(folder, split, card)


def open_stream(clips: ClipSet, config: PipelineConfig, process_index: int = 0, process_count: int = 1) -> ClipStream:
    """An endless training stream over `clips`, of this process's part of every batch.

    Whatever `config.source` is, the same batches come in the same order.

    Raises:
      ConfigError: if batch size, frames or processes do not fit the split.
    """
    from vqvae_jax.data.memory import fits_in_memory, memory_stream
    from vqvae_jax.data.npy import NpyClips

    share = Share(config.batch_size, process_index, process_count)
    length = clips.clip_shape[0]
    if length < config.frames:
        raise ConfigError(
            f"config: data.frames={config.frames}, but the clips of {clips.data_dir} have {length} frames; train with "
            f"--data.frames {length} --model.clip {length} HEIGHT WIDTH, or write longer clips with data_prep --frames"
        )
    if config.temporal_jitter and length == config.frames:
        raise ConfigError(
            f"config: data.temporal_jitter needs records longer than data.frames={config.frames}, but those of "
            f"{clips.data_dir} are exactly as long; write them with `data_prep --frames {config.frames * 3 // 2}`"
        )
    in_memory = config.source == "memory" or (
        config.source == "auto" and (isinstance(clips, NpyClips) or fits_in_memory(clips, IN_MEMORY_LIMIT))
    )
    if in_memory:
        return memory_stream(clips, config, share)
    from vqvae_jax.data.grain_pipeline import grain_stream

    return grain_stream(clips, config, share)
