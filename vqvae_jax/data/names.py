"""A tree of video files, and what their names say: class, group and a name for the clips' ids."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vqvae_jax.errors import UserError, one_line

_UCF101_NAME = re.compile(r"v_(?P<label>.+)_g(?P<number>\d{1,6})_c\d+")


class Source(NamedTuple):
    """A file of the tree."""

    path: str  # relative to the root, with forward slashes
    label: str  # class
    group: str  # unique over classes: Biking/g03
    number: int | None  # of the group, if the name follows UCF101

    @property
    def stem(self) -> str:
        return Path(self.path).stem


class Skipped(NamedTuple):
    """A file or folder that could not be used."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{one_line(self.path)}: {self.reason}"


def nothing_usable(root: Path, skipped: Sequence[Skipped]) -> str:
    """What to say where no file below `root` is a video."""
    if not skipped:
        return f"{root} holds no files; expected .avi, .mp4, .mkv ..."
    return f"{root} has no usable video ({len(skipped)} files looked at; first: {skipped[0]})"


def find_files(root: Path) -> tuple[list[Source], list[Skipped]]:
    """Every file below `root`, sorted by path, and the folders that could not be listed.

    Symbolic links are followed; a folder that is reached twice (a link that leads back) is read once.

    Raises:
      UserError: if `root` is missing, not a folder, or may not be read.
    """
    try:
        os.scandir(root).close()
    except FileNotFoundError as error:
        raise UserError(f"{root} is missing; expected a folder of videos") from error
    except NotADirectoryError as error:
        raise UserError(f"{root} is not a folder; expected a folder of videos") from error
    except OSError as error:
        raise UserError(f"{root} cannot be read: {error.strerror}") from error
    skipped: list[Skipped] = []
    sources = [_describe(root, path) for path in _walk(root, root, set(), skipped)]
    return sorted(sources), sorted(skipped)


def _walk(root: Path, folder: Path, seen: set[tuple[int, int]], skipped: list[Skipped]) -> Iterator[Path]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        entries = sorted(folder.iterdir())
    except OSError as error:
        skipped.append(Skipped(_relative(root, folder), f"folder cannot be read: {error.strerror}"))
        return
    # Files and real folders first: a folder then keeps its own path even if a link elsewhere leads to it.
    folders = [entry for entry in entries if _is_folder(entry)]
    yield from sorted(set(entries) - set(folders))
    for entry in sorted(folders, key=lambda e: (e.is_symlink(), e)):
        yield from _walk(root, entry, seen, skipped)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no permission to ask; opening it as a file will say so
        return False


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _describe(root: Path, path: Path) -> Source:
    relative = _relative(root, path)
    if match := _UCF101_NAME.fullmatch(path.stem):
        label, number = match["label"], int(match["number"])
        return Source(relative, label, f"{label}/g{number:02d}", number)
    label = path.parent.name if path.parent != root else root.resolve().name
    return Source(relative, label, relative, None)


def video_names(sources: Sequence[Source]) -> list[str]:
    """A name for every video, unique: its file name without ending, or its whole path where two share that name."""
    count = Counter(source.stem for source in sources)
    return [source.stem if count[source.stem] == 1 else source.path for source in sources]


def video_of(clip_id: str) -> str:
    """The name of a clip's video: its id without the clip's number."""
    return clip_id.rpartition("/")[0]


def group_of(clip_id: str) -> str:
    """The group of a clip by its id, as `Source.group` of its video: Biking/g03; else the video itself."""
    video = video_of(clip_id)
    match = _UCF101_NAME.fullmatch(PurePosixPath(video).stem)
    return f"{match['label']}/g{int(match['number']):02d}" if match else video
