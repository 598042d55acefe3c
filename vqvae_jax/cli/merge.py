"""`vqvae-jax merge`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vqvae_jax.cli.tokenize import tell
from vqvae_jax.families import token_model
from vqvae_jax.packaged import TOKENS, find_bundle
from vqvae_jax.tokens.writer import join_token_parts


@dataclass(frozen=True)
class Options:
    """Joins parts, `vqvae-jax tokenize --shard I/N`, into the data set that one machine would have made."""

    parts: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PART")]
    """Folders of all parts, in any order; one that is given twice counts once."""
    out: Path
    """Folder to write; must not exist. It appears when it is whole."""
    bundle: Path | None = None
    """The model that the parts were made with; default: $VQVAE_JAX_BUNDLE, else `edge`."""
    shards: int | None = None
    """Number of files, at most one per record; default: one per 64 MiB."""
    json: bool = False
    """Print the card as JSON."""


def run(options: Options) -> None:
    """Joins; says what was written.

    Raises:
      UserError: about the parts, the bundle or the output.
    """
    model = token_model(find_bundle(options.bundle, TOKENS))
    tell(join_token_parts(options.parts, options.out, model, options.shards), options.out, options.json)
