"""Parts: what one machine has made of its share of a list of files, to be joined with the others'.

PART/part.json     options, share, digest of the list of files, digest of what follows
PART/done.jsonl    what became of every file of the share
PART/units/ab/...  what came of those that can be used
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vqvae_jax.data.names import Skipped, Source
from vqvae_jax.data.work_folder import DONE, WorkFolder, read_lines
from vqvae_jax.errors import UserError, one_line

PART = "part.json"
MOST_PARTS = 1_000_000


class Share(NamedTuple):
    """Which files of a list a part is made of: every `of`-th, from the one at `first` on."""

    first: int
    of: int
    listing: str  # digest of the list
    files: int  # in the list

    @property
    def size(self) -> int:
        return len(range(self.first, self.files, self.of))

    def __str__(self) -> str:
        return f"{self.first + 1}/{self.of}"


class Part(NamedTuple):
    """A part, or all of them as one."""

    folder: Path
    about: dict[str, Any]  # what decides what its units hold
    options: dict[str, Any]  # what else must be the same in all parts
    share: Share
    folders: list[Skipped]  # that could not be read
    entries: list[tuple[Path, dict[str, Any]]]  # the folder of its unit, and what became of a file


def share_of(text: str) -> tuple[int, int] | None:
    """`2/4` -> (1, 4): the second of four parts; none for an empty text or one that makes no sense."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= MOST_PARTS):
        return None
    return int(number) - 1, int(count)


def take_share(text: str, sources: Sequence[Source]) -> Share:
    """The share that `text`, as `2/4`, means of these files."""
    chosen = share_of(text)
    assert chosen is not None
    digest = hashlib.sha256()
    for source in sources:
        digest.update(one_line("\0".join(map(str, source))).encode() + b"\n")
    return Share(*chosen, digest.hexdigest(), len(sources))


def write_part(
    work: WorkFolder,
    options: Mapping[str, Any],
    share: Share,
    entries: Iterable[Mapping[str, Any]],
    folders: Sequence[Skipped],
) -> Part:
    """Makes the work, in which all files of the share are done, a part.

    Args:
      options: JSON values.
      entries: what became of every file of the share.
      folders: those that could not be read.
    """
    work.rewrite(entries)
    facts = {
        "about": work.about,
        "options": dict(options),
        "share": share._asdict(),
        "folders": [f._asdict() for f in folders],
        "done_sha256": _sha256(work.path / DONE),
    }
    (work.path / PART).write_text(json.dumps(facts, indent=1) + "\n")
    work.finish(work.path)
    return read_part(work.out)


def part_there(out: Path, about: Mapping[str, Any], share: Share) -> Part | None:
    """The part that is in `out` already, if it is the one that is to be made; none if there is no part.

    Raises:
      UserError: if it is another one.
    """
    if not (out / PART).is_file():
        return None  # making it will refuse what is there
    part = read_part(out)
    if part.share != share or part.about != about:
        raise UserError(f"{out}: is part {part.share} of other files or options; choose another name")
    return part


def read_part(folder: Path) -> Part:
    """A part with all that became of its files; what an entry says is the reader's to check.

    Raises:
      UserError: if it is none, or is damaged.
    """
    path = folder / PART
    if not path.is_file():
        raise UserError(f"{folder} is no part: it has no {PART}; the option --shard I/N makes one")
    try:
        facts = json.loads(path.read_text())
        share = Share(**facts["share"])
        whole = all(isinstance(n, int) for n in (share.first, share.of, share.files))
        if not whole or not 0 <= share.first < share.of <= MOST_PARTS:
            raise ValueError(f"share {tuple(share)}")
        folders = [Skipped(str(f["path"]), str(f["reason"])) for f in facts["folders"]]
        if _sha256(folder / DONE) != facts["done_sha256"]:
            raise ValueError(f"{DONE} is not the one that was written")
        entries = [(folder, entry) for entry in read_lines(folder / DONE)]
        part = Part(folder, dict(facts["about"]), dict(facts["options"]), share, folders, entries)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read ({type(error).__name__}: {error}); make that part again") from error
    if len(entries) != share.size:
        raise UserError(f"{folder} lists {len(entries)} of {share.size} files of part {share}; make that part again")
    return part


def join(folders: Sequence[Path]) -> Part:
    """All parts of a list of files as one; of those that are given twice the first.

    Raises:
      UserError: if they are of different lists or options, or one is missing or damaged.
    """
    if not folders:
        raise UserError("give the folders of the parts")
    parts = [read_part(folder) for folder in folders]
    first = parts[0]
    for part in parts[1:]:
        _check_alike(first, part)
    by_place = {part.share.first: part for part in reversed(parts)}
    missing = [place for place in range(first.share.of) if place not in by_place]
    if missing:
        some = ", ".join(f"{place + 1}/{first.share.of}" for place in missing[:5]) + (" ..." if missing[5:] else "")
        raise UserError(f"{len(missing)} of {first.share.of} parts are missing: {some}")
    chosen = [by_place[place] for place in sorted(by_place)]
    unread = sorted({folder for part in chosen for folder in part.folders})
    return first._replace(folders=unread, entries=[entry for part in chosen for entry in part.entries])


def _check_alike(first: Part, other: Part) -> None:
    both = f"{first.folder} and {other.folder}"
    if first.share[1:] != other.share[1:]:
        raise UserError(
            f"{both} are parts {first.share} and {other.share} of lists of {first.share.files} and "
            f"{other.share.files} files that differ; make them from the same files"
        )
    for ours, theirs in ((first.about, other.about), (first.options, other.options)):
        for name in {**ours, **theirs}:
            if ours.get(name) != theirs.get(name):
                raise UserError(
                    f"{both} were made with {name}={ours.get(name)!r} and {theirs.get(name)!r}; make one again"
                )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
