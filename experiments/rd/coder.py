"""What the job asks of a codec at one setting."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class Coder(Protocol):
    """One codec at one setting: one point of a curve."""

    codec: str  # of the entry it belongs to: "x265", "msvqvae", or one of several models, "msvqvae:NAME"
    setting: str  # "crf 36"; for ours the bundle's name and, if not 0, the rate weight: "edge rate-weight 0.1"
    suffix: str  # of its files
    key: dict[str, Any]  # JSON values: all that decides the stream, but the clip
    in_bulk: bool  # whether `open_files` decodes beforehand
    encode_command: str  # that does the same, with IN and OUT for file names
    decode_command: str

    def encode(self, clip_THWC: np.ndarray, path: Path) -> tuple[float, int | None]:
        """Writes a clip's file; returns seconds, and bytes of payload where the file has more than that.

        Raises:
          CodecError: if the clip cannot be coded.
          Stopped: if the job is being stopped.
        """
        ...

    def open_files(self, paths: Sequence[Path]) -> None:
        """Decodes files in one process beforehand, for codecs that are slow to start; nothing for others.

        Raises:
          CodecError: if the process fails as a whole.
        """
        ...

    def decode(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
        """The clip of a file, uint8 RGB `shape`, decoded by a fresh process from the file alone; and the seconds.

        Raises:
          CodecError: if it does not decode, or to something else.
          Stopped: if the job is being stopped.
        """
        ...

    def close(self) -> None:
        """Forgets and removes what `open_files` decoded."""
        ...
