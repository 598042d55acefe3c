"""What the user should know of a data set that was made, one line each."""

from pathlib import Path

from vqvae_jax.data.card import Card

_LISTED = 20


def summary(card: Card, out: Path, seconds: float) -> list[str]:
    """The counts, the warnings and the files that were skipped, as far as there is room."""
    totals, skipped = card["totals"], card["skipped"]
    splits = ", ".join(f"{name} {entry['clips']}" for name, entry in card["splits"].items())
    lines = [
        f"{totals['clips']} clips of {totals['videos']} videos in {totals['classes']} classes -> {out} "
        f"({splits}; {seconds:.1f} s)",
        f"{totals['decoded_frames']} frames decoded, {totals['kept_frames']} kept at {card['fps']} fps, "
        f"{totals['dropped_tail_frames']} of these dropped at the end of videos",
    ]
    more = f"see {out / 'card.md'}"
    lines += _listed([f"warning: {w}" for w in card["warnings"]], len(card["warnings"]), more)
    if skipped:
        lines.append(f"{totals['skipped']} of {totals['files']} files skipped:")
        lines += _listed([f"  {s['path']}: {s['reason']}" for s in skipped], totals["skipped"], more)
    return lines


def _listed(lines: list[str], count: int, more: str) -> list[str]:
    rest = count - _LISTED
    return lines if rest <= 0 else [*lines[:_LISTED], f"  ... and {rest} more; {more}"]
