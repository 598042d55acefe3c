"""Work that a killed run leaves behind and the next one goes on with: a hidden folder beside the output.

    .NAME.work/about.json     what the work is of: other options are refused
    .NAME.work/done.jsonl     one line per file that is done: checksum, JSON
    .NAME.work/done-*.jsonl   the same by workers elsewhere, until the next run takes it in
    .NAME.work/units/ab/...   what came of each file, under the digest of its name
    .NAME.work/set/           the output, as far as it is written

A unit is renamed when it is whole and its line written after that, so a line without its unit, or a unit without its
line, is work that is done again.
"""

import contextlib
import hashlib
import json
import shutil
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TextIO

from vqvae_jax.errors import UserError
from vqvae_jax.files import refuse_existing, temporary_prefix, write_atomically
from vqvae_jax.lock import FolderLock

ABOUT, DONE, UNITS, SET = "about.json", "done.jsonl", "units", "set"
_LONGEST_LINE = 2**20
_JOURNALS = "done-*.jsonl"
_PREFIXES = 256  # folders of units: one folder of a million files is slow on many file systems


def work_folder(out: Path) -> Path:
    """Where the work on `out` lies until it is whole."""
    return out.parent / (temporary_prefix(out).removesuffix("part-") + "work")


def unit_path(folder: Path, path: str) -> Path:
    """The unit of a file, by its path within the tree; the name on disk says nothing and is never too long."""
    name = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
    return folder / UNITS / name[:2] / name[2:]


def check_begun(folder: Path, about: Mapping[str, Any]) -> None:
    """Raises a `UserError` unless the work in a folder was begun with these options, which are JSON values."""
    path = folder / ABOUT
    try:
        before = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} cannot be read ({error}); remove {folder}") from error
    before = before if isinstance(before, dict) else {}
    for name, value in json.loads(json.dumps(about)).items():
        if before.get(name) != value:
            raise UserError(
                f"{folder} was begun with {name}={before.get(name)!r}, this run has {value!r}; give the same "
                "options, or remove that folder"
            )


class Journal:
    """Lines of a worker that works into the folder without holding it, in a file of its own; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / _JOURNALS.replace("*", uuid.uuid4().hex)).open("x", encoding="ascii")

    def note(self, entry: Mapping[str, Any]) -> None:
        """As `WorkFolder.note`."""
        self._file.write(to_line(entry))
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def stamp(path: Path) -> list[int] | None:
    """Size and time of a file, by which a changed one is noticed; none if it cannot be asked."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def to_line(entry: Mapping[str, Any]) -> str:
    """An entry as a line with its checksum."""
    text = json.dumps(entry, allow_nan=False)
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The entries of a file of lines; what is torn or damaged is left out."""
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            checksum, _, text = line.rstrip(b"\n").partition(b" ")
            if checksum != f"{zlib.crc32(text):08x}".encode() or not line.endswith(b"\n"):
                continue
            with contextlib.suppress(ValueError, RecursionError):  # a checksum vouches for no JSON
                entry = json.loads(text)
                if isinstance(entry, dict):
                    yield entry


class WorkFolder:
    """A context manager: holds the folder, and gives what an earlier run has done in it.

    It stays when the block ends, until `finish` or `discard`.

    Attributes:
      path: the folder.
      about: as given.
      done: what earlier runs have noted, by the file's path within its tree.

    Args:
      out: the output.
      about: what decides what units hold, as JSON values.

    Raises:
      UserError: if `out` exists, another process is at it, an earlier run's `about` was another one, or the disk is
        full or not writable.
    """

    def __init__(self, out: Path, about: Mapping[str, Any]) -> None:
        self.out, self.path, self.about = out, work_folder(out), dict(about)
        self._lock = FolderLock(self.path, f"{out} is being written by another run", str(out))
        self._file: TextIO | None = None
        self.done: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        refuse_existing(self.out)
        self._lock.__enter__()
        try:
            self._take_up()
        except BaseException as error:
            self._lock.__exit__()
            if isinstance(error, OSError):
                raise self._explain(error) from error
            raise
        return self

    def _take_up(self) -> None:
        about = self.path / ABOUT
        if about.exists():
            check_begun(self.path, self.about)
        else:
            write_atomically(about, (json.dumps(self.about) + "\n").encode())
        for number in range(_PREFIXES):
            (self.path / UNITS / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        (self.path / SET).mkdir(exist_ok=True)
        done = self.path / DONE
        if done.exists():
            self.done = {str(entry.get("path")): entry for entry in read_lines(done)}
        self._file = done.open("a", encoding="ascii")
        self._file.write("\n" if done.stat().st_size else "")  # ends a line that was torn
        self.take_in()

    def take_in(self) -> None:
        """Notes what workers elsewhere have noted in their journals, and removes these."""
        for journal in sorted(self.path.glob(_JOURNALS)):
            for entry in read_lines(journal):
                self.done[str(entry.get("path"))] = entry
                self.note(entry)
            journal.unlink()

    def unit(self, path: str) -> Path:
        """Where the unit of a file lies, or is to be put."""
        return unit_path(self.path, path)

    def note(self, entry: Mapping[str, Any]) -> None:
        """Notes that a file is done; its unit is in its place. `path` in the entry names it."""
        assert self._file is not None
        self._file.write(to_line(entry))
        self._file.flush()

    def rewrite(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Leaves these lines and no others, in this order."""
        self._close()
        new = self.path / f"{DONE}.new"
        with new.open("w", encoding="ascii") as file:
            file.writelines(map(to_line, entries))
        new.replace(self.path / DONE)

    def finish(self, folder: Path) -> None:
        """Renames a folder of the work, or the work itself, to the output; nothing else stays."""
        self._close()
        self._lock.__exit__()
        refuse_existing(self.out)
        folder.rename(self.out)  # fails if another run has put a filled folder there meanwhile
        if folder != self.path:
            shutil.rmtree(self.path, ignore_errors=True)

    def discard(self) -> None:
        """Removes it: nothing in it is worth keeping."""
        self._close()
        shutil.rmtree(self.path, ignore_errors=True)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._close()
        self._lock.__exit__()
        if isinstance(error, OSError):
            raise self._explain(error) from error

    def _explain(self, error: OSError) -> UserError:
        reason = f"{self.out} cannot be written: {error.strerror or error}"
        return UserError(f"{reason}; what is done is kept in {self.path}, and the same command goes on")


def remove_left_over(out: Path) -> None:
    """Removes the work on an output that is there already: a run was killed after it had put it there."""
    folder = work_folder(out)
    if out.exists() and folder.is_dir() and not (folder / SET).exists() and (folder / ABOUT).is_file():
        shutil.rmtree(folder, ignore_errors=True)
