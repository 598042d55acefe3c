"""A tree of video files to a data set of tokens, on one machine or in parts: find, code, write, describe."""

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from vqvae_jax.codec.interface import TokenModel
from vqvae_jax.data.card import Card
from vqvae_jax.data.names import Skipped, Source, find_files, nothing_usable
from vqvae_jax.data.partial_folder import refuse_output_among_videos
from vqvae_jax.data.parts import Part, join, part_there, take_share, write_part
from vqvae_jax.data.record_shards import SHARD_BYTES, deal_out, missing_library, write_tfds_metadata
from vqvae_jax.data.work_folder import SET, WorkFolder, remove_left_over, stamp, unit_path
from vqvae_jax.errors import UserError
from vqvae_jax.tokens.card import CodedVideo, make_card, write_card
from vqvae_jax.tokens.coder import Coded, Coder, Totals
from vqvae_jax.tokens.records import DATASET_NAME, SPLIT
from vqvae_jax.video.apart import Reader

MAX_SHARDS = 99_999  # their names have five digits
Watch = Callable[[Sequence[Source]], Iterable[Source]]


def write_token_shards(
    root: str | Path,
    out: str | Path,
    model: TokenModel,
    chunk_frames: int | None = None,
    *,
    size: tuple[int, int] | None = None,
    fps: Fraction | None = None,
    shards: int | None = None,
    strict: bool = False,
    watch: Watch = iter,
) -> Card:
    """Writes the indices of every video below `root` to the new folder `out`; returns its card.

    One record per chunk of a video, in the order of the videos' paths. `out` appears when it is whole. Memory does not
    grow with the length of a video. A file that cannot be used, or kills the decoder, is skipped and listed in the card
    with the reason. What a killed run has coded is kept beside `out`, and the next one goes on with it.

    Args:
      root: a folder; all below it is searched.
      out: must not exist.
      model: that codes them.
      chunk_frames: frames of a record; by default the model's choice.
      size: width and height to code at; by default each video's own, and then grids differ in shape.
      fps: frames per second to code at; by default each video's own.
      shards: how many files, at most one per record; by default one per 64 MiB.
      strict: make the first file that cannot be used an error.
      watch: passes the files on that are to be coded, to show progress.

    Raises:
      UserError: if there is no usable video, `out` exists, lies in `root` or cannot be written, was begun with other
        options, `shards` is below 1, a library is missing, or (with `strict`) a file cannot be used.
    """
    root, out = Path(root), Path(out)
    _check_shards(shards)
    sources, folders = _found(root, out)
    coder = Coder(model, chunk_frames, size, fps)
    remove_left_over(out)
    with WorkFolder(out, coder.about) as work:
        _code_all(coder, root, sources, work, strict, watch)
        entries = [(work.path, work.done[source.path]) for source in sources]
        return _put_together(coder, root, entries, folders, work, shards)


def write_token_part(
    root: str | Path,
    out: str | Path,
    model: TokenModel,
    shard: str,
    chunk_frames: int | None = None,
    *,
    size: tuple[int, int] | None = None,
    fps: Fraction | None = None,
    strict: bool = False,
    watch: Watch = iter,
) -> Part:
    """Codes one share of the files below `root`, as `2/4`, into the part `out`, for `join_token_parts`.

    A part that is there already, of the same files and options, is left as it is. For the rest see
    `write_token_shards`.
    """
    root, out = Path(root), Path(out)
    sources, folders = _found(root, out)
    coder, share = Coder(model, chunk_frames, size, fps), take_share(shard, sources)
    if (there := part_there(out, coder.about, share)) is not None:
        return there
    mine = sources[share.first :: share.of]
    with WorkFolder(out, coder.about) as work:
        _code_all(coder, root, mine, work, strict, watch)
        return write_part(work, {}, share, (work.done[source.path] for source in mine), folders)


def join_token_parts(
    parts: Sequence[str | Path], out: str | Path, model: TokenModel, shards: int | None = None
) -> Card:
    """Joins parts into the data set that one machine would have made; they stay as they are.

    Args:
      parts: all of a list of files, in any order.
      out: must not exist.
      model: that the parts were made with.
      shards: as for `write_token_shards`.

    Raises:
      UserError: if a part is missing, damaged, or of other files, options or another model.
    """
    _check_shards(shards)
    whole = join([Path(part) for part in parts])
    about = whole.about
    if about.get("bundle") != model.digest:
        made_with = str(about.get("bundle"))[:16]
        raise UserError(
            f"{whole.folder}: was coded with bundle {made_with}, this is {model.digest[:16]}; give that one"
        )
    try:
        size = None if about["size"] == "native" else (int(about["size"][0]), int(about["size"][1]))
        fps = None if about["fps"] == "source" else Fraction(about["fps"])
        coder = Coder(model, about["chunk_frames"], size, fps)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise UserError(f"the options of {whole.folder} cannot be read ({error}); make that part again") from error
    remove_left_over(Path(out))
    with WorkFolder(Path(out), about | {"listing": whole.share.listing}) as work:
        return _put_together(coder, whole.folder, whole.entries, whole.folders, work, shards)


def _check_shards(shards: int | None) -> None:
    if shards is not None and not 1 <= shards <= MAX_SHARDS:
        raise UserError(f"shards={shards}; expected 1 to {MAX_SHARDS}")
    if library := missing_library():
        raise UserError(f"token shards need {library}; install it")


def _found(root: Path, out: Path) -> tuple[list[Source], list[Skipped]]:
    refuse_output_among_videos(out, root)
    return find_files(root)


def _code_all(
    coder: Coder, root: Path, sources: Sequence[Source], work: WorkFolder, strict: bool, watch: Watch
) -> None:
    """Codes every file that no earlier run has, each into its unit.

    Raises:
      UserError: with `strict`, about the first file that cannot be used.
    """
    waiting = [source for source in sources if not _is_done(work, root, source)]
    new = {source.path for source in waiting}
    for source in sources if strict else ():
        if source.path not in new:
            _refuse_unusable(work, source)
    with Reader() as reader:
        for source in watch(waiting):
            stamped = stamp(root / source.path)
            try:
                coded = coder.code(reader, root, source, work.unit(source.path))
                result: dict[str, Any] = coded._asdict() | {"video": coded.video.to_entry()}
            except UserError as error:
                result = {"reason": str(error).removeprefix(f"{root / source.path}: ")}
            work.done[source.path] = {"path": source.path, "stamp": stamped, "result": result}
            work.note(work.done[source.path])
            if strict:
                _refuse_unusable(work, source)


def _refuse_unusable(work: WorkFolder, source: Source) -> None:
    reason = work.done[source.path]["result"].get("reason")
    if reason is not None:
        advice = f"without --strict it is listed; what is coded is kept in {work.path}"
        raise UserError(f"--strict: {source.path}: {reason}; {advice}")


def _is_done(work: WorkFolder, root: Path, source: Source) -> bool:
    entry = work.done.get(source.path)
    if entry is None or entry.get("stamp") != stamp(root / source.path) or not isinstance(entry.get("result"), dict):
        return False
    return "reason" in entry["result"] or work.unit(source.path).is_file()


class _Unit(NamedTuple):
    """A video whose records lie in a file."""

    path: Path
    coded: Coded


def _read(entries: Iterable[tuple[Path, Mapping[str, Any]]]) -> Iterator[_Unit | Skipped]:
    """What entries of work folders and parts say.

    Raises:
      UserError: if one makes no sense.
    """
    for home, entry in entries:
        try:
            path, result = str(entry["path"]), entry["result"]
            if "reason" in result:
                yield Skipped(path, str(result["reason"]))
                continue
            video = CodedVideo.from_entry(result["video"])
            yield _Unit(unit_path(home, path), Coded(video, int(result["bytes"]), int(result["crc32"])))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise UserError(f"{home}: an entry of it cannot be read ({error}); remove it and code again") from error


def _put_together(
    coder: Coder,
    root: Path,
    entries: Sequence[tuple[Path, dict[str, Any]]],
    folders: Sequence[Skipped],
    work: WorkFolder,
    shards: int | None,
) -> Card:
    """Deals the records out to shards, in the order of the videos' paths, and describes them."""
    found = list(_read(sorted(entries, key=lambda item: item[1]["path"])))
    units = [item for item in found if isinstance(item, _Unit)]
    skipped = sorted([*folders, *(item for item in found if isinstance(item, Skipped))])
    if not units:
        work.discard()
        raise UserError(nothing_usable(root, skipped))
    folder = work.path / SET
    shutil.rmtree(folder)  # what a killed run has begun
    folder.mkdir()
    totals, chunks = Totals(coder.model), sum(unit.coded.video.chunks for unit in units)
    count = min(chunks, -(-sum(unit.coded.bytes for unit in units) // SHARD_BYTES) if shards is None else shards)
    records = itertools.chain.from_iterable(totals.records(*unit) for unit in units)
    sizes = deal_out(folder, DATASET_NAME, SPLIT, records, chunks, count)
    write_tfds_metadata(folder, DATASET_NAME, coder.features, [(SPLIT, shard) for shard in sizes])
    videos = [unit.coded.video for unit in units]
    card = make_card(coder.model, coder.settings, videos, skipped, totals.digests, totals.counts, sizes)
    write_card(folder, card, videos, skipped)
    work.finish(folder)
    return card
