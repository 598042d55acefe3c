"""The data-set card: what went in, with which parameters, what came out; as JSON and as a page (docs/data.md)."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_prep.choose import UsedVideo
from data_prep.config import PrepConfig
from data_prep.near import Pair
from data_prep.split import SPLITS
from vqvae_jax.config import to_dict
from vqvae_jax.data.card import Card, first_skipped, rest_of_skipped, version, write_card_files
from vqvae_jax.data.names import Skipped
from vqvae_jax.data.records import Digests, clip_id, clip_names, combined_digest, sorted_digest
from vqvae_jax.report.table import inline, pipes

CARD_VERSION = 2  # 1: the lists of videos and clips stood in the card itself


def make_card(
    config: PrepConfig,
    videos: Sequence[UsedVideo],
    skipped: Sequence[Skipped],
    warnings: Sequence[str],
    digests: Mapping[str, Digests],
    near: Sequence[Pair],
) -> Card:
    """The card, without what grows with the number of videos: `write_card` adds where that is.

    Args:
      config: every parameter.
      videos: those used, in record order within each split.
      skipped: every file that gave no clips.
      warnings: lines for the user.
      digests: of the clips of each split.
      near: videos in different splits that look alike.
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
            name: version(name) for name in ("vqvae_jax", "av", "opencv-python-headless", "Pillow", "numpy", "scipy")
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
            "held_frames": sum(v.decoded.held_frames for v in videos),
            "wrong_frame_counts_in_headers": sum(_miscounted(v) for v in videos),
        },
        "digests": {
            "sources": combined_digest(v.decoded.source_sha256 for v in videos),
            "content": sorted_digest(f"{split}\0{d}" for split in sorted(SPLITS) for d in digests[split]),
        },
        "splits": {split: _split(split, videos, digests[split]) for split in SPLITS},
        "classes": {label: {s: _counts(c) for s, c in splits.items()} for label, splits in sorted(classes.items())},
        "near_duplicates": _pairs_of_splits(near, videos),
        "warnings": list(warnings),
        "skipped": first_skipped(skipped),
    }


def _split(split: str, videos: Sequence[UsedVideo], digests: Digests) -> dict[str, Any]:
    mine = [v for v in videos if v.split == split]
    return {
        "clips": sum(v.clips for v in mine),
        "videos": len(mine),
        "group_count": len({v.source.group for v in mine}),
        "digest": sorted_digest(digests),
    }


def _pairs_of_splits(near: Sequence[Pair], videos: Sequence[UsedVideo]) -> dict[str, int]:
    between = Counter(" and ".join(sorted(videos[place].split for place in pair[:2])) for pair in near)
    return {"pairs": len(near), **dict(sorted(between.items()))}


def _row(v: UsedVideo) -> dict[str, Any]:
    facts = v.decoded._asdict()
    del facts["stored_crc32"], facts["hashes"]
    return {
        "name": v.name,
        "path": v.source.path,
        "label": v.source.label,
        "group": v.source.group,
        "split": v.split,
        "clips": v.clips,
        "dropped_tail_frames": v.dropped_tail_frames,
        **facts,
    }


def _counts(counter: Counter[str]) -> dict[str, int]:
    return {"videos": counter["videos"], "clips": counter["clips"]}


def _miscounted(v: UsedVideo) -> bool:
    d = v.decoded
    return d.announced_frames not in (0, d.decoded_frames + d.missing_frames + d.held_frames)


def write_card(
    folder: Path, card: Card, videos: Sequence[UsedVideo], skipped: Sequence[Skipped], near: Sequence[Pair]
) -> None:
    """Writes card.json and card.md, and beside them the lists that grow with the number of videos."""
    lists: dict[str, Iterator[dict[str, Any]]] = {
        "videos": map(_row, videos),
        "skipped": (s._asdict() for s in skipped),
        "near_duplicates": (
            {"first": videos[p.first].source.path, "second": videos[p.second].source.path, "share": p.share}
            for p in near
        ),
    }
    if card["format"] == "npy":
        # In the order of the array: without the names a row of it would mean nothing.
        lists |= {clip_names(split): _clips(split, videos) for split in SPLITS}
    write_card_files(folder, card, lists, page)


def _clips(split: str, videos: Sequence[UsedVideo]) -> Iterator[dict[str, Any]]:
    for v in videos:
        for number in range(v.clips) if v.split == split else ():
            yield {"id": clip_id(v.name, number), "label": v.source.label, "group": v.source.group}


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
        *rest_of_skipped(card),
    ]
    return lines


def _split_rows(card: Card) -> list[tuple[Any, ...]]:
    return [(s, e["clips"], e["videos"], e["group_count"], e["digest"][:16]) for s, e in card["splits"].items()]


def _class_rows(card: Card) -> list[tuple[Any, ...]]:
    return [
        (label, *(f"{splits[s]['videos']} / {splits[s]['clips']}" for s in SPLITS))
        for label, splits in card["classes"].items()
    ]
