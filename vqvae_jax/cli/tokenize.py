"""`vqvae-jax tokenize`."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vqvae_jax.cli.encode import coded_size, parse_rate
from vqvae_jax.data.names import Source
from vqvae_jax.errors import number_of, say
from vqvae_jax.families import token_model
from vqvae_jax.packaged import TOKENS, find_bundle
from vqvae_jax.progress import counted
from vqvae_jax.tokens.card import Card
from vqvae_jax.tokens.writer import write_token_shards

LISTED = 20


@dataclass(frozen=True)
class Options:
    """Every video of a folder to a data set of tokens: ArrayRecord shards for models that are trained on indices."""

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
    chunk_frames: int | None = None
    """Frames per record; default: the model's clip length, less above 640x480."""
    strict: bool = False
    """Stop at the first file that cannot be used, and write nothing."""
    json: bool = False
    """Print the card as JSON, without its list of videos."""


def run(options: Options) -> None:
    """Tokenizes; says what was written.

    Raises:
      UserError: about the folder, the size, the bundle or the output.
    """
    fps = parse_rate(options.fps)
    bundle = token_model(find_bundle(options.bundle, TOKENS))
    size = None if options.size == "native" else coded_size(options.size, bundle, (0, 0))
    card = write_token_shards(
        options.folder,
        options.out,
        bundle,
        options.chunk_frames,
        size=size,
        fps=fps,
        shards=options.shards,
        strict=options.strict,
        watch=_watch,
    )
    if options.json:
        print(json.dumps({name: value for name, value in card.items() if name != "videos"}, indent=1))
    else:
        say(*summary(card, options.out))
    say(*_skipped(card, options.out), file=sys.stderr)


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
    skipped = card["skipped"]
    if not skipped:
        return []
    lines = [f"{len(skipped)} of {card['totals']['files']} files skipped:"]
    lines += [f"  {s['path']}: {s['reason']}" for s in skipped[:LISTED]]
    if len(skipped) > LISTED:
        lines.append(f"  ... and {len(skipped) - LISTED} more; see {out / 'card.md'}")
    return lines
