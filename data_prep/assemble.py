"""Decoded files, of one run or of many parts, -> the data set: choose, write, describe."""

from collections.abc import Callable, Sequence

from data_prep.card import make_card, write_card
from data_prep.choose import UsedVideo, choose
from data_prep.config import PrepConfig
from data_prep.journal import Found
from data_prep.near import Looks, Pair, near_duplicates
from data_prep.pool import Pool
from data_prep.written import Clips
from vqvae_jax.data.card import Card
from vqvae_jax.data.names import Skipped, nothing_usable
from vqvae_jax.data.work_folder import SET, WorkFolder
from vqvae_jax.errors import UserError, number_of, one_line

Redo = Callable[[Sequence[Found]], list[Found]]


def assemble(
    config: PrepConfig,
    found: Sequence[Found],
    folders: Sequence[Skipped],
    work: WorkFolder,
    pool: Pool,
    progress: bool,
    redo: Redo | None = None,
) -> Card:
    """Puts the data set into its place, going on with what a killed run has written of it; returns the card.

    Args:
      config: how to divide and write.
      found: what became of every file, in any order.
      folders: those that could not be read.
      work: becomes the data set.
      redo: decodes files again whose frames are used up. With it frames are removed when their clips are written, so
        that the disk never holds both; without it they belong to somebody else and stay.

    Raises:
      UserError: if there is nothing to write, `strict` or `near_duplicates` forbid it, or frames are damaged.
    """
    videos, skipped, warnings = choose(config, found, folders)
    if not videos:
        work.discard()
        raise UserError(nothing_usable(config.videos, skipped))
    kept = f"; what is decoded is kept in {work.path}"
    if config.strict and skipped:
        cannot = f"--strict: {len(skipped)} files cannot be used (first: {skipped[0]})"
        raise UserError(f"{cannot}; without --strict they are listed{kept}")
    near = near_duplicates([Looks(v.split, v.decoded.hashes) for v in videos])
    if near:
        told = _told(near, videos)
        if config.near_duplicates == "refuse":
            raise UserError(f"--near-duplicates refuse: {told}{kept}")
        warnings.append(f"{told}; see near_duplicates-*.jsonl")
    clips = Clips(config, videos, work, consume=redo is not None)
    if lacking := clips.lacking():
        _decode_again([v.found for v in videos if v.name in lacking], redo)
    if redo is not None:
        _drop_unused(found, videos)
    clips.write(pool, progress)
    digests = clips.finish()
    card = make_card(config, videos, skipped, warnings, digests, near)
    write_card(work.path / SET, card, videos, skipped, near)
    work.finish(work.path / SET)
    return card


def _told(near: Sequence[Pair], videos: Sequence[UsedVideo]) -> str:
    first = " and ".join(one_line(videos[place].source.path) for place in near[0][:2])
    alike = "looks" if len(near) == 1 else "look"
    return f"{number_of(len(near), 'pair')} of videos in different splits {alike} alike (first: {first})"


def _decode_again(lacking: Sequence[Found], redo: Redo | None) -> None:
    if redo is None:
        raise UserError(f"{lacking[0].frames_file} is missing; make that part again")
    for before, after in zip(lacking, redo(lacking), strict=True):
        if after.result != before.result:
            raise UserError(f"{one_line(before.source.path)} has changed meanwhile; give the same command again")


def _drop_unused(found: Sequence[Found], videos: Sequence[UsedVideo]) -> None:
    """Removes the frames of files with the content of others."""
    used = {v.source.path for v in videos}
    for item in found:
        if item.source.path not in used:
            item.frames_file.unlink(missing_ok=True)
