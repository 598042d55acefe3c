"""`vqvae-jax tokenize`."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from vqvae_jax.cli.source_options import coded_size, parse_rate
from vqvae_jax.data.card import Card
from vqvae_jax.data.names import Source
from vqvae_jax.data.parts import share_of
from vqvae_jax.data.work_folder import work_folder
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.families import token_model
from vqvae_jax.packaged import TOKENS, find_bundle
from vqvae_jax.progress import counted
from vqvae_jax.tokens.writer import write_token_part, write_token_shards

LISTED = 20


@dataclass(frozen=True)
class Options:
    """Codes every video of a folder to a data set of tokens: ArrayRecord shards, for models trained on indices."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VIDEOS")]
    """Folder with video files, searched through all sub-folders."""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Folder to write; must not exist. It appears when it is whole."""
    bundle: Path | None = None
    """The model: a bundle's file, or the name of one of the package; default: $VQVAE_JAX_BUNDLE, else `edge`."""
    size: str = "model"
    """Coded size: `model` (what it was trained on), WIDTHxHEIGHT, or `native` (each video's own: grids then differ)."""
    fps: str = "source"
    """Coded frame rate: `source` (each video's own), a number, or a fraction such as 30000/1001."""
    shards: int | None = None
    """Number of files, at most one per record; default: one per 64 MiB."""
    chunk_frames: Annotated[int | None, tyro.conf.arg(aliases=["--gop"])] = None
    """Frames per record; default: the model's clip length, less above 640x480."""
    strict: bool = False
    """Stop at the first file that cannot be used, and make no data set."""
    shard: str = ""
    """I/N, as 2/4: code only the I-th of N equal shares of the files, into a part for `vqvae-jax merge`."""
    json: bool = False
    """Print the card as JSON."""


def run(options: Options) -> None:
    """Tokenizes; says what was written.

    Raises:
      UserError: about the folder, the size, the bundle or the output.
    """
    if options.shard and share_of(options.shard) is None:
        raise UserError(f"--shard {options.shard}: expected I/N with 1 <= I <= N, such as 2/4")
    fps = parse_rate(options.fps)
    bundle = token_model(find_bundle(options.bundle, TOKENS))
    size = None if options.size == "native" else coded_size(options.size, bundle, (0, 0))
    how: dict[str, Any] = {"size": size, "fps": fps, "strict": options.strict, "watch": _watch}
    where = (options.folder, options.out, bundle)
    try:
        if options.shard:
            part = write_token_part(*where, options.shard, options.chunk_frames, **how).share
            say(f"{options.out}: part {part}, {part.size} of {part.files} files; join all with vqvae-jax merge")
            return
        card = write_token_shards(*where, options.chunk_frames, shards=options.shards, **how)
    except KeyboardInterrupt as stop:
        kept = f"what is coded is kept in {work_folder(options.out)}, and the same command goes on"
        stop.args = (kept,)
        raise
    tell(card, options.out, options.json)


def tell(card: Card, out: Path, as_json: bool) -> None:
    """Says what was written, and what was not."""
    if as_json:
        print(json.dumps(card, indent=1))
    else:
        say(*summary(card, out))
    say(*_skipped(card, out), file=sys.stderr)


def _watch(files: Sequence[Source]) -> Iterable[Source]:
    return counted(files, len(files), "tokenizing", "videos")


def summary(card: Card, out: Path) -> list[str]:
    """What was written, one line each."""
    totals = card["totals"]
    lines = [
        f"{out}: {number_of(totals['chunks'], 'chunk')} of {number_of(totals['videos'], 'video')} "
        f"({number_of(totals['frames'], 'frame')}), "
        f"{number_of(totals['labels'], 'label')}, {number_of(totals['shards'], 'shard')}, "
        f"content {card['digests']['content'][:16]}"
    ]
    for name, level in card["levels"].items():
        lines.append(
            f"{name}: {level['tokens']:,} tokens, {level['codes_used']} of {level['codes']} codes used "
            f"({level['usage']:.1%}), entropy {level['entropy_bits']:.3f} of {level['fixed_bits']:.3f} bits"
        )
    return lines


def _skipped(card: Card, out: Path) -> list[str]:
    count = card["totals"]["skipped"]
    if not count:
        return []
    lines = [f"{count} of {card['totals']['files']} files skipped:"]
    lines += [f"  {s['path']}: {s['reason']}" for s in card["skipped"][:LISTED]]
    if count > LISTED:
        lines.append(f"  ... and {count - LISTED} more; see {out / 'card.md'}")
    return lines
