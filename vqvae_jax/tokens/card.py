"""The card of a token data set: which bundle coded what, how many tokens, how they are used (docs/tokens.md)."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from vqvae_jax.codec.interface import Grid, TokenModel
from vqvae_jax.data.card import Card, first_skipped, rest_of_skipped, version, write_card_files
from vqvae_jax.data.names import Skipped
from vqvae_jax.data.record_shards import Shard
from vqvae_jax.data.records import Digests, combined_digest, sorted_digest
from vqvae_jax.metrics.rate import index_entropy
from vqvae_jax.report.table import pipes

CARD_VERSION = 2  # 1: the lists stood in the card itself. A new one also if chunks are ever coded with other context
FORMAT = "tokens"


class CodedVideo(NamedTuple):
    """A video that became tokens. Its fields are those of a line of `videos-*.jsonl`, fractions as text."""

    path: str
    label: str
    chunks: int
    frames: int
    width: int  # coded
    height: int
    fps: Fraction
    chunk_frames: int
    aspect: Fraction  # width : height of the source as a player should show it
    source_fps: Fraction
    missing_frames: int  # pictures that could not be decoded
    source_sha256: str

    def to_entry(self) -> dict[str, Any]:
        """JSON values."""
        return {name: str(v) if isinstance(v, Fraction) else v for name, v in self._asdict().items()}

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Self:
        """The inverse of `to_entry`.

        Raises:
          KeyError, TypeError, ValueError, ZeroDivisionError: if the entry is not one.
        """
        values = {name: kind(entry[name]) for name, kind in cls.__annotations__.items()}
        return cls(**values)


class Settings(NamedTuple):
    """How the videos were coded."""

    size: tuple[int, int] | None  # width, height; none: each video's own
    fps: Fraction | None  # none: each video's own
    grids: Mapping[str, Grid | None]  # of a record, by level; none: by picture size


def make_card(
    model: TokenModel,
    settings: Settings,
    videos: Sequence[CodedVideo],
    skipped: Sequence[Skipped],
    digests: Digests,
    counts: Mapping[str, np.ndarray],
    shards: Sequence[Shard],
) -> Card:
    """The card, without what grows with the number of videos: `write_card` adds where that is.

    Args:
      videos: in record order.
      skipped: every file that gave no tokens.
      digests: one per record.
      counts: by level, how often each code occurs, [K], the filling of last chunks left out.
      shards: in order.
    """
    lengths = {v.chunk_frames for v in videos}
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for v in videos:
        labels[v.label] += Counter(videos=1, chunks=v.chunks, frames=v.frames)
    return {
        "card_version": CARD_VERSION,
        "format": FORMAT,
        "bundle": {"name": model.name, "digest": model.digest, "origin": model.origin},
        "size": "native" if settings.size is None else list(settings.size),
        "fps": "source" if settings.fps is None else str(settings.fps),
        "chunk_frames": lengths.pop() if len(lengths) == 1 else None,
        "levels": {
            name: {
                "strides": list(level.strides),
                "codes": level.codes,
                "grid": None if (grid := settings.grids[name]) is None else list(grid),
                **_use(counts[name]),
            }
            for name, level in model.levels.items()
        },
        "totals": {
            "files": len(videos) + len(skipped),
            "videos": len(videos),
            "skipped": len(skipped),
            "chunks": len(digests),
            "frames": sum(v.frames for v in videos),
            "labels": len(labels),
            "missing_frames": sum(v.missing_frames for v in videos),
            "shards": len(shards),
            "record_bytes": sum(shard.bytes for shard in shards),
        },
        "digests": {
            "sources": combined_digest(v.source_sha256 for v in videos),
            "content": sorted_digest(digests),
        },
        "labels": {label: dict(counter) for label, counter in sorted(labels.items())},
        "versions": {name: version(name) for name in ("vqvae_jax", "jax", "av", "Pillow")},
        "skipped": first_skipped(skipped),
    }


def write_card(folder: Path, card: Card, videos: Sequence[CodedVideo], skipped: Sequence[Skipped]) -> None:
    """Writes card.json and card.md, and beside them the lists that grow with the number of videos."""
    lists = {"videos": (v.to_entry() for v in videos), "skipped": (s._asdict() for s in skipped)}
    write_card_files(folder, card, lists, page)


def _use(counts: np.ndarray) -> dict[str, Any]:
    used = int((counts > 0).sum())
    return {
        "tokens": int(counts.sum()),
        "codes_used": used,
        "usage": used / len(counts),
        "entropy_bits": index_entropy(counts),
        "fixed_bits": math.log2(len(counts)),
    }


def page(card: Card) -> list[str]:
    """The card as lines of Markdown."""
    totals, bundle = card["totals"], card["bundle"]
    size = card["size"] if card["size"] == "native" else "x".join(map(str, card["size"]))
    chunk = "by picture size" if card["chunk_frames"] is None else card["chunk_frames"]
    head = ("level", "strides (t, h, w)", "grid of a record", "codes", "tokens", "used", "entropy, bits per token")
    rows = [
        (
            name,
            tuple(level["strides"]),
            "by picture size" if level["grid"] is None else tuple(level["grid"]),
            level["codes"],
            level["tokens"],
            f"{level['codes_used']} ({level['usage']:.1%})",
            f"{level['entropy_bits']:.3f} of {level['fixed_bits']:.3f}",
        )
        for name, level in card["levels"].items()
    ]
    labels = [(label, n["videos"], n["chunks"], n["frames"]) for label, n in card["labels"].items()]
    return [
        f"# Tokens of {totals['videos']} videos: {totals['chunks']} chunks, {totals['frames']} frames",
        "",
        f"Coded with bundle `{bundle['name']}`, digest `{bundle['digest']}`, at size {size}, {card['fps']} fps, chunks "
        f"of {chunk} frames; {totals['shards']} shards.",
        f"{totals['files']} files looked at, {totals['skipped']} skipped. The last chunk of a video is filled up: its "
        "last step of indices is repeated, and `frames` says how many frames are real. Tokens are counted without "
        "that filling.",
        f"Content digest `{card['digests']['content']}`, sources `{card['digests']['sources']}`.",
        "",
        *pipes(head, rows),
        "",
        "## Labels",
        "",
        *pipes(("label", "videos", "chunks", "frames"), labels),
        "",
        f"## Skipped files ({totals['skipped']})",
        "",
        *pipes(("file", "reason"), [(s["path"], s["reason"]) for s in card["skipped"]]),
        *rest_of_skipped(card),
    ]
