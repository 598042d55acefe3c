"""Video files -> clips in ArrayRecord shards or .npy files, with splits and a card.

python -m data_prep --videos DIR --out DIR
"""

import signal
import sys
import time
from typing import NoReturn

from data_prep.card import Card
from data_prep.config import PrepConfig
from data_prep.prepare import prepare
from vqvae_jax.command_line import parse
from vqvae_jax.data.names import one_line
from vqvae_jax.errors import run_command

_LISTED = 20


def main() -> None:
    import tyro

    config = parse(PrepConfig, "python -m data_prep", config=(tyro.conf.FlagCreatePairsOff,))
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, _stop)
    started = time.monotonic()
    try:
        card = prepare(config, progress=True)
    except KeyboardInterrupt:
        _leave("interrupted", 130)
    except _TerminatedError:
        _leave("terminated", 143)
    print("\n".join(summary(card, config, time.monotonic() - started)))


class _TerminatedError(BaseException):
    """SIGTERM came; not an `Exception`, so that nothing on the way takes it for an error to handle."""


def _stop(*_: object) -> NoReturn:
    raise _TerminatedError


def _leave(what: str, code: int) -> NoReturn:
    print(f"data_prep: {what}; nothing was written", file=sys.stderr)
    sys.exit(code)


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
    lines += _listed([f"warning: {one_line(w)}" for w in card["warnings"]], more)
    if skipped:
        lines.append(f"{len(skipped)} of {totals['files']} files skipped:")
        lines += _listed([f"  {one_line(s['path'])}: {one_line(s['reason'])}" for s in skipped], more)
    return lines


def _listed(lines: list[str], more: str) -> list[str]:
    rest = len(lines) - _LISTED
    return lines if rest <= 0 else [*lines[:_LISTED], f"  ... and {rest} more; {more}"]


if __name__ == "__main__":
    run_command("data_prep", main)
