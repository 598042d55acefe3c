"""`vqvae-jax detokenize`."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
import tyro

from vqvae_jax.codec.interface import TokenModel
from vqvae_jax.data.partial_folder import PartialFolder
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.families import token_model
from vqvae_jax.packaged import find_coded_with
from vqvae_jax.progress import counted
from vqvae_jax.tokens.shards import TokenShards
from vqvae_jax.video.sink import open_sink


@dataclass(frozen=True)
class Options:
    """Decodes a folder of tokens back to videos: OUT/PATH.mp4 for the video that was PATH when it was tokenized."""

    tokens: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TOKENS")]
    """Folder that `vqvae-jax tokenize` wrote."""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Folder to write; must not exist. It appears when it is whole."""
    bundle: Path | None = None
    """The model that the tokens were made with; default: the one of the package that fits, else $VQVAE_JAX_BUNDLE."""
    level: str | None = None
    """`top` decodes the coarse level alone, a preview."""
    video: tuple[str, ...] = ()
    """Only these videos, by path as card.json lists them; default: all."""
    format: Literal["mp4", "mkv", "npy"] = "mp4"
    """Near-lossless H.264 in .mp4 or .mkv, or .npy arrays (T, H, W, 3) uint8."""
    strict: bool = False
    """Stop at the first video whose records are damaged, and write nothing."""


def run(options: Options) -> None:
    """Decodes; says what was written.

    Raises:
      UserError: about the tokens, the bundle or the output, or if no video could be decoded.
    """
    tokens = TokenShards(options.tokens)
    videos = _chosen(tokens, options.video)
    model = token_model(find_coded_with(options.bundle, tokens.card["bundle"]["digest"], options.tokens))
    tokens.check_bundle(model)
    if options.level not in (None, *tokens.levels):
        raise UserError(f"{options.tokens}: has no level {options.level!r}; it has {', '.join(tokens.levels)}")
    frames, damaged = 0, []
    with PartialFolder(options.out) as folder:
        for video in counted(videos, len(videos), "decoding", "videos"):
            try:
                frames += _write(tokens, model, video, folder, options)
            except DamagedTokensError as error:
                if options.strict:
                    raise
                _remove_empty_folders(folder, video)
                damaged.append(f"{video}: {error}")
        if len(damaged) == len(videos):
            raise UserError(f"{options.tokens}: no video could be decoded (first: {damaged[0]})")
    say(f"{options.out}: {number_of(len(videos) - len(damaged), 'video')}, {number_of(frames, 'frame')}")
    say(*(f"skipped: {line}" for line in damaged), file=sys.stderr)


class DamagedTokensError(UserError):
    """A video's records cannot be read; other videos may be whole."""


def _chosen(tokens: TokenShards, videos: tuple[str, ...]) -> list[str]:
    for path in videos:
        if path not in tokens.videos:
            raise UserError(f"{tokens.folder} has no video {path!r}; card.json lists those it has")
    chosen = list(dict.fromkeys(videos or tokens.videos))
    for path in chosen:
        place = PurePosixPath(path)
        if place.is_absolute() or ".." in place.parts:
            raise UserError(f"{tokens.folder}: video {path!r} would be written outside the output folder")
    return chosen


def _write(tokens: TokenShards, model: TokenModel, video: str, folder: Path, options: Options) -> int:
    """Writes one video; returns its number of frames."""
    entry = tokens.videos[video]
    path = folder / f"{video}.{options.format}"
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with open_sink(path, entry.width, entry.height, entry.fps, display_aspect=entry.aspect) as sink:
        for frame in _frames(tokens, model, video, options.level):
            sink.write(frame)
            count += 1
    return count


def _remove_empty_folders(folder: Path, video: str) -> None:
    """The folders above a video that did not come about, if nothing else is in them."""
    for above in (folder / video).parents:
        if above == folder or any(above.iterdir()):
            return
        above.rmdir()


def _frames(tokens: TokenShards, model: TokenModel, video: str, level: str | None) -> Iterator[np.ndarray]:
    try:
        yield from tokens.frames(video, model, level)
    except UserError as error:
        raise DamagedTokensError(str(error)) from error
