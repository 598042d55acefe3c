"""The whole job: find, decode, divide, write, describe."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from data_prep.card import Card, UsedVideo, make_card, write_card
from data_prep.config import PrepConfig, ranges
from data_prep.decode import Decoded, DecodeTask, Unusable, decode
from data_prep.pool import Outcome, Pool, WorkerError
from data_prep.split import SPLITS, Member, divide
from data_prep.write import (
    Part,
    VideoClips,
    Written,
    npy_parts,
    shard_parts,
    write_metadata,
    write_npy_part,
    write_shard,
)
from vqvae_jax.data.names import Skipped, Source, find_files, nothing_usable, video_names
from vqvae_jax.data.partial_folder import PartialFolder, refuse_output_among_videos
from vqvae_jax.data.record_shards import missing_library
from vqvae_jax.errors import UserError, one_line
from vqvae_jax.progress import counted

_NAMED = 3  # videos in a warning


def prepare(config: PrepConfig, progress: bool = False) -> Card:
    """Makes the data set `config.out` from the videos of `config.videos`, and returns its card.

    Names and order on disk depend on the videos' names only. Memory does not grow with the number of frames.

    Raises:
      UserError: no folder, no usable video, output that exists, a full disk, or (with `strict`) any file skipped.
        Nothing is left behind then.
    """
    sources, skipped = find_files(config.videos)
    refuse_output_among_videos(config.out, config.videos)
    _refuse_absent_groups(config, sources)
    if config.format == "arrayrecord" and (library := missing_library()):
        raise UserError(f"--format arrayrecord needs {library}; install it, or use --format npy")
    with PartialFolder(config.out) as folder, Pool(config.workers or _cores()) as pool:
        spool = folder / ".frames"
        spool.mkdir()
        frames_files = {source.path: spool / f"{i}.rgb" for i, source in enumerate(sources)}
        decoded = _decode_all(config, sources, frames_files, pool, progress)
        usable, unusable = _sort_out(sources, decoded)
        skipped = sorted(skipped + unusable)
        if not usable:
            raise UserError(nothing_usable(config.videos, skipped))
        if config.strict and skipped:
            cannot = f"--strict: {len(skipped)} files cannot be used (first: {skipped[0]})"
            raise UserError(f"{cannot}; without --strict they are listed")
        videos, warnings = _divide(config, usable)
        digests = _write_all(config, videos, frames_files, folder, pool, progress)
        shutil.rmtree(spool)  # what is left in it are duplicates
        card = make_card(config, videos, skipped, warnings, digests)
        write_card(folder, card)
    return card


def _refuse_absent_groups(config: PrepConfig, sources: Sequence[Source]) -> None:
    """Before hours of decoding end in an empty test split."""
    wanted = config.numbered_test_groups
    numbers = sorted({source.number for source in sources if source.number is not None})
    if wanted is None or not sources or wanted & set(numbers):
        return
    option = f"--test-groups {config.test_groups}" if config.test_groups else f"--split {config.split}"
    there = f"the groups there are {ranges(numbers)}" if numbers else "no file has a group number (v_Class_gNN_cNN)"
    raise UserError(f"{option}: no video of {config.videos} is in such a group; {there}")


def _decode_all(
    config: PrepConfig, sources: Sequence[Source], frames_files: Mapping[str, Path], pool: Pool, progress: bool
) -> list[Decoded | Unusable]:
    """Decodes every file, each into its frames file."""
    fps = None if config.fps == "native" else int(config.fps)
    tasks = [
        DecodeTask(config.videos / s.path, frames_files[s.path], fps, config.frames, config.height_width, config.resize)
        for s in sources
    ]
    results: dict[int, Decoded | Unusable] = {}
    for outcome in _watched(pool.run(decode, tasks), len(tasks), "decoding", "videos", progress):
        if outcome.lost:
            results[outcome.task] = Unusable(f"the decoder did not survive it: {outcome.lost}")
            tasks[outcome.task].frames_file.unlink(missing_ok=True)
        else:
            results[outcome.task] = outcome.value
    return [results[i] for i in range(len(tasks))]


class _Usable(NamedTuple):
    source: Source
    decoded: Decoded


def _sort_out(sources: Sequence[Source], results: Sequence[Decoded | Unusable]) -> tuple[list[_Usable], list[Skipped]]:
    """Parts usable videos from those without use and from those with the content of an earlier one (by path)."""
    usable: list[_Usable] = []
    skipped: list[Skipped] = []
    first_with: dict[str, str] = {}
    for source, result in zip(sources, results, strict=True):
        if isinstance(result, Unusable):
            skipped.append(Skipped(source.path, result.reason))
            continue
        twin = first_with.setdefault(result.content_sha256, source.path)
        if twin == source.path:
            usable.append(_Usable(source, result))
        else:
            skipped.append(Skipped(source.path, f"same content as {twin}"))
    return usable, skipped


def _divide(config: PrepConfig, usable: Sequence[_Usable]) -> tuple[list[UsedVideo], list[str]]:
    """Names the videos and gives each its split; sorted by name. Also returns warnings."""
    names = video_names([u.source for u in usable])
    members = []
    for name, (source, decoded) in zip(names, usable, strict=True):
        clips = (decoded.frames - config.frames) // config.step + 1
        members.append(Member(name, source.label, source.group, source.number, clips))
    split_of, warnings = divide(members, config)
    videos = []
    for member, (source, decoded) in zip(members, usable, strict=True):
        tail = decoded.frames - (member.clips - 1) * config.step - config.frames
        videos.append(UsedVideo(member.name, source, decoded, member.clips, tail, split_of[member.name]))
    filled = {v.split for v in videos}
    warnings += [f"split {split!r} is empty" for split in SPLITS if split not in filled]
    return sorted(videos), warnings + _of_missing_frames(sorted(videos))


def _of_missing_frames(videos: Sequence[UsedVideo]) -> list[str]:
    lacking = [v for v in videos if v.decoded.missing_frames]
    if not lacking:
        return []
    who = "1 video has" if len(lacking) == 1 else f"{len(lacking)} videos have"
    named = ", ".join(one_line(f"{v.source.path} ({v.decoded.missing_frames})") for v in lacking[:_NAMED])
    rest = ", ...; see card.json" if len(lacking) > _NAMED else ""
    return [f"{who} undecodable frames ({sum(v.decoded.missing_frames for v in lacking)} in all): {named}{rest}"]


def _write_all(
    config: PrepConfig,
    videos: Sequence[UsedVideo],
    frames_files: Mapping[str, Path],
    folder: Path,
    pool: Pool,
    progress: bool,
) -> dict[str, list[str]]:
    """Writes every split; returns one digest per clip, in order."""
    parts: list[Part] = []
    owner: list[str] = []
    for split in SPLITS:
        cuts = [
            VideoClips(v.name, v.source.label, v.source.group, frames_files[v.source.path], v.clips)
            for v in videos
            if v.split == split
        ]
        if not cuts:
            continue  # neither a file nor an entry in the metadata; the card says 0 clips
        plan = npy_parts if config.format == "npy" else shard_parts
        new = plan(folder, split, cuts, config.clip_shape, config.step)
        parts += new
        owner += [split] * len(new)
    written: list[Written | None] = [None] * len(parts)
    write = write_npy_part if config.format == "npy" else write_shard
    for outcome in _watched(pool.run(write, parts), len(parts), "writing", "parts", progress):
        if outcome.lost:
            raise UserError(f"writing stopped: {outcome.lost} (out of memory?); try fewer --workers")
        written[outcome.task] = outcome.value
    done = [w for w in written if w is not None]
    if config.format == "arrayrecord":
        write_metadata(folder, config.clip_shape, list(zip(owner, done, strict=True)))
    return {split: [d for o, w in zip(owner, done, strict=True) if o == split for d in w.digests] for split in SPLITS}


def _watched(outcomes: Iterator[Outcome], total: int, what: str, unit: str, progress: bool) -> Iterator[Outcome]:
    """Passes outcomes on and shows progress; turns a worker's disk or user error back into itself."""
    try:
        yield from counted(outcomes, total, what, unit, silent=not progress)
    except WorkerError as error:
        if isinstance(error.cause, OSError | UserError):
            raise error.cause from error
        raise


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
