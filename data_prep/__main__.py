"""Video files -> clips in ArrayRecord shards or .npy files, with splits and a card.

python -m data_prep --videos DIR --out DIR
"""

import time

from data_prep.card import Card
from data_prep.config import PrepConfig
from data_prep.prepare import prepare
from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command, say
from vqvae_jax.stopping import stoppable

_LISTED = 20


def main() -> None:
    import tyro

    config = parse(PrepConfig, "python -m data_prep", config=(tyro.conf.FlagCreatePairsOff,))
    started = time.monotonic()
    with stoppable("data_prep", lambda: "nothing was written"):
        card = prepare(config, progress=True)
    say(*summary(card, config, time.monotonic() - started))


def summary(card: Card, config: PrepConfig, seconds: float) -> list[str]:
    """What the user should know, one line each."""
    totals, skipped = card["totals"], card["skipped"]
    splits = ", ".join(f"{name} {entry['clips']}" for name, entry in card["splits"].items())
    lines = [
        f"{totals['clips']} clips of {totals['videos']} videos in {totals['classes']} classes -> {config.out} "
        f"({splits}; {seconds:.1f} s)",
        f"{totals['decoded_frames']} frames decoded, {totals['kept_frames']} kept at {card['fps']} fps, "
        f"{totals['dropped_tail_frames']} of these dropped at the end of videos",
    ]
    more = f"see {config.out / 'card.md'}"
    lines += _listed([f"warning: {w}" for w in card["warnings"]], more)
    if skipped:
        lines.append(f"{len(skipped)} of {totals['files']} files skipped:")
        lines += _listed([f"  {s['path']}: {s['reason']}" for s in skipped], more)
    return lines


def _listed(lines: list[str], more: str) -> list[str]:
    rest = len(lines) - _LISTED
    return lines if rest <= 0 else [*lines[:_LISTED], f"  ... and {rest} more; {more}"]


if __name__ == "__main__":
    run_command("data_prep", main)
