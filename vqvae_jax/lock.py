"""One process at a time: a lock on a file that names the host and the process that hold it."""

import contextlib
import errno
import fcntl
import os
import socket
from pathlib import Path
from typing import NamedTuple, Self

from vqvae_jax import stopping
from vqvae_jax.errors import UserError
from vqvae_jax.files import NewFolders

NAME = ".lock"  # in the folder that is locked
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP}  # some clusters' file systems have none


class Holder(NamedTuple):
    """Who wrote a lock's file."""

    host: str
    process: int


class LockedError(UserError):
    """Another process holds the lock, or may hold it."""


class Lock:
    """A context manager that holds a lock, and removes its file at the end.

    The lock is the system's (`flock`): it ends with its process however that ends, so what a killed run left behind
    holds nobody up. The names in the file are for the message, and for file systems that have no locks or carry none
    from one host to another: there only a person can tell whether a process of another host still runs.

    Args:
      path: the file; its folder must exist.
      claim: how the message begins: "run X is being trained".
      remove: what to remove if the holder is gone; by default the file.
      create: whether to make the file; else it is an error that there is none.

    Raises:
      LockedError: if another process holds it, or one of another host did and nobody can tell whether it still runs.
      OSError: if the file cannot be made or written.
    """

    def __init__(self, path: Path, claim: str, remove: Path | None = None, create: bool = True) -> None:
        self._path, self._claim, self._remove = path, claim, remove or path
        self._flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        self._file: int | None = None

    def __enter__(self) -> Self:
        while self._file is None:
            file = os.open(self._path, self._flags, 0o644)
            try:
                self._file = self._taken(file)
            finally:
                if self._file is None:
                    os.close(file)
        return self

    def __exit__(self, *_: object) -> None:
        """Idempotent, and never fails."""
        if self._file is None:
            return
        file, self._file = self._file, None
        with contextlib.suppress(OSError):
            if _is_at(file, self._path):  # before it is let go: afterwards it may be somebody else's
                self._path.unlink()
        os.close(file)

    def rename(self, path: Path) -> None:
        """Moves the file of a lock that is held."""
        self._path.rename(path)
        self._path = path

    def _taken(self, file: int) -> int | None:
        """The file, locked and with our name in it; none if it was removed meanwhile by the one who held it."""
        here = socket.gethostname()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            before, held = _read(file), False
        except OSError as error:
            if error.errno not in _NO_LOCKS | {errno.EWOULDBLOCK}:
                raise
            before = _read(file)
            held = error.errno == errno.EWOULDBLOCK or (before is not None and before.host == here and _runs(before))
        if held:
            raise LockedError(f"{self._claim}: {_named(before)} holds {self._path}")
        if not _is_at(file, self._path):
            return None
        if before is not None and before.host != here:
            raise LockedError(
                f"{self._claim}, or was when it broke off: {_named(before)} had {self._path}, and from this host, "
                f"{here}, one cannot see whether it still runs; if it does not, remove {self._remove}"
            )
        try:
            os.ftruncate(file, 0)
            os.pwrite(file, f"{here} {os.getpid()}\n".encode(), 0)
        except OSError:
            self._path.unlink()
            raise
        return file


class FolderLock:
    """Holds `.lock` in a folder while entered; the folder and those above it are made, and go again if left empty.

    To make the file is also the one sure way to know that the folder can be written: `os.access` says yes to the
    superuser, and on file systems that are mounted read-only.

    Args:
      folder: may be missing.
      claim: how a refusal begins: "run X is being trained".
      what: how a message about the disk begins: "run X".

    Raises:
      LockedError: see `Lock`.
      UserError: if the folder cannot be made or written.
    """

    def __init__(self, folder: Path, claim: str, what: str) -> None:
        self._folder, self._what = folder.absolute(), what
        self._lock = Lock(self._folder / NAME, claim)
        self._folders = NewFolders()

    def __enter__(self) -> Self:
        try:
            self._folders.make(self._folder, self._what)
            self._lock.__enter__()
        except OSError as error:
            self._folders.remove()
            where = error.filename or self._folder
            raise UserError(f"{self._what} cannot be written: {error.strerror or error} ({where})") from error
        except UserError:
            self._folders.remove()
            raise
        stopping.begin(self._leave)
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()
        stopping.end(self._leave)

    def _leave(self) -> None:
        self._lock.__exit__()
        self._folders.remove()


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _read(file: int) -> Holder | None:
    """None while it is being written, or if it is of no lock."""
    match os.pread(file, 1000, 0).decode("ascii", "replace").split():
        case [host, process] if host.isascii() and host.isprintable() and process.isdecimal():
            return Holder(host, int(process))
    return None


def _runs(holder: Holder) -> bool:
    if holder.process == os.getpid():  # of an earlier start: in a container, say, where numbers are the same each time
        return False
    try:
        os.kill(holder.process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _named(holder: Holder | None) -> str:
    return "another process" if holder is None else f"process {holder.process} on host {holder.host}"
