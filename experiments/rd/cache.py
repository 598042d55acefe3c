"""What was measured before: OUT/cache/FAMILY/SETTING/CLIP.SUFFIX, and CLIP.json beside it with its figures.

Nothing is trusted on reading: an entry counts if its own digest, its stream's digest and its keys (encoder and
settings, clip content; definitions of the figures) are those that would be written now. Anything else is made anew.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np

from experiments.rd.schema import family
from vqvae_jax.files import make_folder, temporary, write_atomically

FOLDER = "cache"
FORMAT = "vqvae_jax rd cache 1"
LONGEST_NAME = 180
Key = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """A clip's stream, and its figures once it was measured."""

    stream_key: Key
    stream_sha256: str
    bytes: int
    payload_bytes: int | None
    encode_seconds: float
    decode_seconds: float | None = None
    figures_key: Key | None = None
    figures: dict[str, Any] | None = None


State = Literal["good", "absent", "damaged", "other"]


class Cache:
    """Entries below OUT/cache; safe to use from several threads for different clips or settings."""

    def __init__(self, out: Path) -> None:
        self._folder = out / FOLDER

    def stream_path(self, codec: str, setting: str, clip_id: str, suffix: str) -> Path:
        """Where the stream of a clip lies or would lie. Models of ours share a folder: settings name them."""
        return self._folder / family(codec) / setting_folder(setting) / f"{_name(clip_id, '%20')}.{suffix}"

    def read(self, path: Path, stream_key: Key) -> tuple[Entry | None, State]:
        """The entry of a stream if it can be used, and what was found.

        Args:
          path: of the stream.
          stream_key: that it must have.
        """
        try:
            content = path.with_suffix(".json").read_bytes()
            stream = path.read_bytes()
        except FileNotFoundError:
            return None, "absent"
        except OSError:
            return None, "damaged"
        try:
            values = json.loads(content)
            digest = values.pop("digest")
            kind = values.pop("format")
            entry = Entry(**values)
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            return None, "damaged"
        if digest != _digest(values) or entry.stream_sha256 != hashlib.sha256(stream).hexdigest():
            return None, "damaged"
        good = kind == FORMAT and entry.stream_key == stream_key
        return (entry, "good") if good else (None, "other")

    @contextlib.contextmanager
    def new_stream(self, path: Path) -> Iterator[Path]:
        """A name to write a stream to; it takes its place when the block ends well, and is removed otherwise.

        Raises:
          UserError: if the folder cannot be made.
        """
        make_folder(path.parent)
        part = temporary(path, path.suffix)
        try:
            yield part
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def add(self, path: Path, stream_key: Key, payload_bytes: int | None, encode_seconds: float) -> Entry:
        """Writes and returns the entry, without figures, of a stream that was just put in its place.

        Raises:
          UserError: if it cannot be written.
        """
        stream = path.read_bytes()
        digest = hashlib.sha256(stream).hexdigest()
        entry = Entry(stream_key, digest, len(stream), payload_bytes, round(encode_seconds, 4))
        self.write(path, entry)
        return entry

    def write(self, path: Path, entry: Entry) -> None:
        """Writes the entry of a stream that is in its place.

        Raises:
          UserError: if it cannot be written.
        """
        content = {"format": FORMAT, **vars(entry), "digest": _digest(vars(entry))}
        write_atomically(path.with_suffix(".json"), json.dumps(content, allow_nan=False).encode())


def clip_digest(clip_THWC: np.ndarray) -> str:
    """SHA-256 of shape and content."""
    return hashlib.sha256(repr(clip_THWC.shape).encode() + np.ascontiguousarray(clip_THWC).tobytes()).hexdigest()


def _digest(values: Key) -> str:
    # Through JSON and back, so that tuples and lists, and floats before and after, are alike.
    return hashlib.sha256(json.dumps(values, sort_keys=True, allow_nan=False).encode()).hexdigest()


def setting_folder(setting: str) -> str:
    """A setting as a folder's name, "crf-36"; `a b` and `a-b` get the same."""
    return _name(setting, "-")


def _name(text: str, space: str) -> str:
    """A file name without separators, of bounded length."""
    name = quote(text, safe=" ").replace(" ", space)
    if len(name) <= LONGEST_NAME and not name.startswith((".", "part-")):
        return name
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
