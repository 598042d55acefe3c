"""The data-set card: what went in, with which parameters, what came out; as JSON and as a page."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.config import PrepConfig
from data_prep.decode import Decoded
from data_prep.split import SPLITS
from vqvae_jax.config import to_dict
from vqvae_jax.data.card import version, write_card_files
from vqvae_jax.data.names import Skipped, Source
from vqvae_jax.data.records import clip_id, combined_digest
from vqvae_jax.report.table import inline, pipes

Card = dict[str, Any]
"""The content of card.json; docs/data.md lists its fields."""

CARD_VERSION = 1


class UsedVideo(NamedTuple):
    """A video that gave clips."""

    name: str
    source: Source
    decoded: Decoded
    clips: int
    dropped_tail_frames: int
    split: str


def make_card(
    config: PrepConfig,
    videos: Sequence[UsedVideo],
    skipped: Sequence[Skipped],
    warnings: Sequence[str],
    digests: Mapping[str, Sequence[str]],
) -> Card:
    """The card.

    Args:
      config: every parameter.
      videos: those used, in record order within each split.
      skipped: every file that gave no clips.
      warnings: lines for the user.
      digests: for each split, one per clip.
    """
    classes: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: {split: Counter() for split in SPLITS})
    for v in videos:
        classes[v.source.label][v.split] += Counter(videos=1, clips=v.clips)
    return {
        "card_version": CARD_VERSION,
        "format": config.format,
        "clip_shape": list(config.clip_shape),
        "fps": config.fps,
        "parameters": to_dict(config) | {"videos": str(config.videos), "out": str(config.out)},
        "versions": {
            name: version(name) for name in ("vqvae_jax", "opencv-python-headless", "Pillow", "numpy", "scipy")
        },
        "totals": {
            "files": len(videos) + len(skipped),
            "videos": len(videos),
            "skipped": len(skipped),
            "clips": sum(v.clips for v in videos),
            "classes": len(classes),
            "decoded_frames": sum(v.decoded.decoded_frames for v in videos),
            "kept_frames": sum(v.decoded.frames for v in videos),
            "dropped_tail_frames": sum(v.dropped_tail_frames for v in videos),
            "videos_without_ucf101_name": sum(v.source.number is None for v in videos),
            "missing_frames": sum(v.decoded.missing_frames for v in videos),
            "wrong_frame_counts_in_headers": sum(_miscounted(v) for v in videos),
        },
        "digests": {
            "sources": combined_digest(v.decoded.source_sha256 for v in videos),
            "content": combined_digest(f"{split}\0{d}" for split in SPLITS for d in digests[split]),
        },
        "splits": {split: _split(config, split, videos, digests[split]) for split in SPLITS},
        "classes": {label: {s: _counts(c) for s, c in splits.items()} for label, splits in sorted(classes.items())},
        "warnings": list(warnings),
        "skipped": [s._asdict() for s in skipped],
        "videos": [_video(v) for v in videos],
    }


def _split(config: PrepConfig, split: str, videos: Sequence[UsedVideo], digests: Sequence[str]) -> dict[str, Any]:
    mine = [v for v in videos if v.split == split]
    entry = {
        "clips": sum(v.clips for v in mine),
        "videos": len(mine),
        "group_count": len({v.source.group for v in mine}),
        "digest": combined_digest(digests),
    }
    if config.format == "npy":
        # In the order of the array: without the names a row of it would mean nothing.
        entry |= {
            "ids": [clip_id(v.name, number) for v in mine for number in range(v.clips)],
            "labels": [v.source.label for v in mine for _ in range(v.clips)],
            "groups": [v.source.group for v in mine for _ in range(v.clips)],
        }
    return entry


def _video(v: UsedVideo) -> dict[str, Any]:
    return {
        "name": v.name,
        "path": v.source.path,
        "label": v.source.label,
        "group": v.source.group,
        "split": v.split,
        "clips": v.clips,
        "dropped_tail_frames": v.dropped_tail_frames,
        **v.decoded._asdict(),
    }


def _counts(counter: Counter[str]) -> dict[str, int]:
    return {"videos": counter["videos"], "clips": counter["clips"]}


def _miscounted(v: UsedVideo) -> bool:
    return v.decoded.announced_frames not in (0, v.decoded.decoded_frames)


def write_card(folder: Path, card: Card) -> None:
    """Writes card.json and card.md."""
    write_card_files(folder, card, page(card))


def page(card: Card) -> list[str]:
    """The card as lines of Markdown."""
    totals = card["totals"]
    shape = "x".join(map(str, card["clip_shape"]))
    lines = [
        f"# {totals['clips']} clips of {shape} from {totals['videos']} videos",
        "",
        f"{totals['files']} files looked at, {totals['skipped']} skipped; {totals['decoded_frames']} frames decoded, "
        f"{totals['kept_frames']} kept at {card['fps']} fps, {totals['dropped_tail_frames']} of them dropped as too "
        "few for another clip.",
        f"Content digest `{card['digests']['content']}`, sources `{card['digests']['sources']}`.",
        "",
        *pipes(("split", "clips", "videos", "groups", "digest"), _split_rows(card)),
        "",
        *(f"- Warning: {inline(w)}" for w in card["warnings"]),
        "",
        "## Parameters",
        "",
        *pipes(("parameter", "value"), list(card["parameters"].items())),
        "",
        "## Classes (videos / clips)",
        "",
        *pipes(("class", *SPLITS), _class_rows(card)),
        "",
        f"## Skipped files ({totals['skipped']})",
        "",
        *pipes(("file", "reason"), [(s["path"], s["reason"]) for s in card["skipped"]]),
    ]
    return lines


def _split_rows(card: Card) -> list[tuple[Any, ...]]:
    return [(s, e["clips"], e["videos"], e["group_count"], e["digest"][:16]) for s, e in card["splits"].items()]


def _class_rows(card: Card) -> list[tuple[Any, ...]]:
    return [
        (label, *(f"{splits[s]['videos']} / {splits[s]['clips']}" for s in SPLITS))
        for label, splits in card["classes"].items()
    ]
