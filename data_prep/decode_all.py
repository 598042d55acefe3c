"""Every file of a list decoded into a work folder, those left out that an earlier run has done."""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_prep.config import PrepConfig
from data_prep.decode import Decoded, DecodeTask, Unusable, decode
from data_prep.journal import Found, from_entry, layout_of, to_entry
from data_prep.pool import Outcome, Pool, WorkerError
from vqvae_jax.data.names import Source
from vqvae_jax.data.work_folder import Journal, WorkFolder, stamp, unit_path
from vqvae_jax.errors import UserError
from vqvae_jax.progress import counted


def decode_all(
    config: PrepConfig, sources: Sequence[Source], work: WorkFolder, pool: Pool, progress: bool, again: bool = False
) -> list[Found]:
    """What became of every file, in order. Of those that were done already the frames may have been used up.

    Args:
      again: whether to decode also what was done already.

    Raises:
      OSError: if the disk is full or fails.
    """
    found = [None if again else done(config, source, work) for source in sources]
    work.done.clear()  # a million entries take room, and have been read
    waiting = [number for number, item in enumerate(found) if item is None]
    stamps: dict[int, list[int] | None] = {}

    def tasks() -> Iterator[DecodeTask]:
        for number in waiting:
            video = config.videos / sources[number].path
            stamps[number] = stamp(video)  # before it is read: what changes meanwhile is read again
            yield decode_task(config, sources[number], work.unit(sources[number].path))

    outcomes = pool.run(decode, tasks())
    for outcome in watched(outcomes, len(waiting), "decoding", "videos", progress):
        number = waiting[outcome.task]
        source = sources[number]
        result = result_of(outcome, work.unit(source.path))
        work.note(to_entry(source, result, stamps.pop(number)))
        found[number] = Found(source, result, work.path)
    return [item for item in found if item is not None]


def decode_into(config: PrepConfig, source: Source, home: Path, pool: Pool, journal: Journal) -> Decoded | Unusable:
    """Decodes one file into a work folder that another process holds, and notes it.

    Others may be at the same file: frames are renamed into their place when they are whole, and are always the same.

    Args:
      home: the work folder.
      pool: decodes it.

    Raises:
      OSError: if the disk is full or fails.
    """
    unit = unit_path(home, source.path)
    mine = unit.with_name(f"{unit.name}-{uuid.uuid4().hex}")
    stamped = stamp(config.videos / source.path)
    outcomes = pool.run(decode, [decode_task(config, source, mine)])
    (outcome,) = watched(outcomes, 1, "decoding", "videos", progress=False)
    result = result_of(outcome, mine)
    if isinstance(result, Decoded):
        mine.replace(unit)
    journal.note(to_entry(source, result, stamped))
    return result


def decode_task(config: PrepConfig, source: Source, frames_file: Path) -> DecodeTask:
    """What is to be done for a file of the tree."""
    fps = None if config.fps == "native" else int(config.fps)
    video = config.videos / source.path
    return DecodeTask(video, frames_file, fps, layout_of(config), config.height_width, config.resize, config.decoder)


def result_of(outcome: Outcome, frames_file: Path) -> Decoded | Unusable:
    """What became of a `decode_task`, also where its worker was lost."""
    if outcome.lost:
        frames_file.with_suffix(".part").unlink(missing_ok=True)
        return Unusable(f"the decoder did not survive it: {outcome.lost}")
    assert isinstance(outcome.value, Decoded | Unusable)
    return outcome.value


def done(config: PrepConfig, source: Source, work: WorkFolder) -> Found | None:
    """What an earlier run has made of a file, if the file is still the same."""
    entry = work.done.get(source.path)
    if entry is None or entry.get("stamp") != stamp(config.videos / source.path):
        return None
    found = from_entry(entry, work.path)
    return found if found is not None and found.source == source else None


def watched(outcomes: Iterator[Outcome], total: int, what: str, unit: str, progress: bool) -> Iterator[Outcome]:
    """Passes outcomes on and shows progress; turns a worker's disk or user error back into itself."""
    try:
        yield from counted(outcomes, total, what, unit, silent=not progress)
    except WorkerError as error:
        if isinstance(error.cause, OSError | UserError):
            raise error.cause from error
        raise
