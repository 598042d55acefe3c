"""An output folder: built under a hidden name beside its place, and renamed when it is whole."""

import errno
import glob
import shutil
from pathlib import Path

from vqvae_jax import stopping
from vqvae_jax.errors import UserError
from vqvae_jax.files import NewFolders, refuse_existing, temporary, temporary_prefix
from vqvae_jax.lock import NAME, Lock

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}


class PartialFolder:
    """A context manager for writing `out`: gives a hidden folder to write in, renames it on success, else removes it.

    Folders above `out` are made, and removed again if nothing comes of it. The folder holds a lock as long as its run
    lives, so that the next run knows what a killed one left behind.

    Raises:
      UserError: if `out` exists (before or after) or is being written, a file is where a folder above it should be, or
        the disk is full or not writable.
    """

    def __init__(self, out: Path):
        self.out = out
        self.path = temporary(out)
        self._above = NewFolders()
        self._claim = f"{out} is being written by another run"
        self._lock = Lock(self.path / ".new-lock", self._claim)

    def __enter__(self) -> Path:
        try:
            refuse_existing(self.out)
            stopping.begin(self._remove_parents)
            self._above.make(self.out.parent, self.out)
            self._remove_leftovers()
            stopping.begin(self._discard)
            self.path.mkdir()
            self._lock.__enter__()
            self._lock.rename(self.path / NAME)  # others see it only once it is held
        except OSError as error:
            self._discard()
            raise self._explain(error) from error
        except UserError:
            self._remove_parents()
            raise
        return self.path

    def _remove_parents(self) -> None:
        self._above.remove()
        stopping.end(self._remove_parents)

    def _discard(self) -> None:
        self._lock.__exit__()
        shutil.rmtree(self.path, ignore_errors=True)
        if not self.out.exists():
            self._remove_parents()
        stopping.end(self._remove_parents)
        stopping.end(self._discard)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            if error is None:
                self._finish()
        except OSError as problem:
            raise self._explain(problem) from problem
        finally:
            self._discard()
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            raise self._explain(error) from error

    def _finish(self) -> None:
        self._lock.__exit__()
        refuse_existing(self.out)
        self.path.rename(self.out)  # fails if another run has put a filled folder there meanwhile

    def _explain(self, error: OSError) -> UserError:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return UserError(
                f"{self.out} exists already: another run has written it meanwhile; nothing of it was touched"
            )
        return UserError(f"{self.out} cannot be written: {error.strerror or error}; nothing was kept")

    def _remove_leftovers(self) -> None:
        """Removes what a killed run to the same `out` left behind: its lock is no longer held."""
        for folder in self.out.parent.glob(f"{glob.escape(temporary_prefix(self.out))}*"):
            try:
                with Lock(folder / NAME, f"{self._claim} (in {folder.name})", remove=folder, create=False):
                    shutil.rmtree(folder, ignore_errors=True)
            except OSError:
                continue  # not ours to remove


def refuse_output_among_videos(out: Path, videos: Path) -> None:
    """Raises a `UserError` if the folder to write lies in the one that is searched for videos."""
    if videos.resolve() in out.resolve().parents:
        raise UserError(
            f"{out} lies inside {videos}: another run would take its own output for videos; write somewhere else"
        )
