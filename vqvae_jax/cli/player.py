"""`vqvae-jax player`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError, say
from vqvae_jax.families import FAMILIES
from vqvae_jax.files import check_output, write_atomically
from vqvae_jax.packaged import bundle_path, named_digest, path_for_digest
from vqvae_jax.web.pack import PLAYED
from vqvae_jax.web.page import player_page


@dataclass(frozen=True)
class Options:
    """Writes a page that plays .msv files of one bundle in a browser: one HTML file, which opens from disk."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT.html")]
    """The page to write."""
    bundle: Path | None = None
    """The model whose files it plays: a bundle's file, or the name of one of the package; default: the one that the
    video was coded with, else $VQVAE_JAX_BUNDLE, else `ntc`."""
    video: Path | None = None
    """An .msv file to put into the page, which opens with it."""
    force: bool = False
    """Overwrite an existing file."""


def run(options: Options) -> None:
    """Writes the page; says what is in it.

    Raises:
      UserError: about the bundle, the video or the output.
    """
    if options.out.suffix.lower() != ".html":
        raise UserError(f"{options.out}: the page's name must end in .html, with something before it")
    check_output(options.out, options.force)
    path = chosen_bundle(options.bundle, options.video)
    digest = named_digest(path)
    named = f"{path.stem} ({digest[:16]})"
    page = player_page(path, named, options.video)
    write_atomically(options.out, page)
    if options.video is not None and (reason := fault(options.video)):
        say(f"warning: {reason}", file=sys.stderr)
    inside = "" if options.video is None else f", with {options.video} inside"
    say(f"{options.out}: {len(page):,} bytes, plays files of bundle {named}{inside}")


def chosen_bundle(given: Path | None, video: Path | None) -> Path:
    """The bundle's file.

    Raises:
      UserError: if there is none, or the video is none, of a family that is not played, or was coded with another one.
    """
    if video is None:
        return bundle_path(given)
    with Reader(video) as reader:
        identity, family = reader.header.bundle.hex(), reader.header.family
    if family in FAMILIES.keys() - PLAYED:
        raise UserError(f"{video}: {family} files are not played; vqvae-jax decode writes them as a video")
    if given is None:
        return path_for_digest(identity, video)
    path = bundle_path(given)
    if not named_digest(path).startswith(identity):
        raise UserError(f"{video}: was coded with bundle {identity}, not with {path} ({named_digest(path)[:16]})")
    return path


def fault(video: Path) -> str | None:
    """What is the matter with a damaged or cut file, in one line; none if it is whole.

    Raises:
      UserError: if it cannot be read.
    """
    with Reader(video) as reader:
        if reader.whole_chunks < reader.chunk_count:
            return f"{video}: truncated or damaged; {reader.whole_chunks} of {reader.chunk_count} chunks are whole"
        first, others = None, -1
        for chunk in range(-1, reader.chunk_count):
            try:
                reader.read_head_chunk() if chunk < 0 else reader.read_chunk(chunk)
            except DamagedChunk as error:
                first, others = first or str(error), others + 1
        if first:
            return f"{first}; {others} more damaged" if others else first
        return f"{video}: {reader.end_fault}" if reader.index_damaged else None
