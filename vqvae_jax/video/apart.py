"""Videos read and scaled in a process of their own: a file that kills the decoder, or stops it, costs itself alone."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import numpy as np

from vqvae_jax import stopping
from vqvae_jax.errors import UserError
from vqvae_jax.video.read import SourceInfo

_START_SECONDS = 600.0  # imports on a busy machine
_SERVE = "import sys; from vqvae_jax.video.apart import serve; serve(int(sys.argv[1]))"


class DecoderError(UserError):
    """The decoder did not survive a file."""


class Reader:
    """A context manager around the process, which is started when it is first needed and again after it was lost.

        with Reader() as reader:
            info = reader.open(path)
            for picture in reader.frames(rate, height, width): ...
            reader.missing_frames

    Args:
      patience: seconds without a sign of life after which a file is given up.
    """

    def __init__(self, patience: float = 120.0) -> None:
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._path = Path()
        self.missing_frames = 0  # of the file whose frames were read last

    def open(self, path: Path) -> SourceInfo:
        """Opens a file.

        Raises:
          UserError: if it is none that can be read; names the path.
          DecoderError: if the process was lost; another one reads the next file.
        """
        self._path = path
        if self._connection is None:
            self._start()
        self._send(("open", path))
        return self._hear("info")

    def frames(self, rate: Fraction, height: int, width: int) -> Generator[np.ndarray, None, None]:
        """The frames of the open file, uint8 [height, width, 3]; see `Source.frames` and `resize.resizer`.

        Raises:
          UserError, DecoderError: as `open`.
        """
        self._send(("frames", rate, height, width))
        whole = False
        try:
            while isinstance(heard := self._hear("frame", "missing"), bytes):
                yield np.frombuffer(heard, np.uint8).reshape(height, width, 3)
            self.missing_frames, whole = heard, True
        except UserError:
            whole = True  # it has been told, or is gone
            raise
        finally:
            if not whole:
                self._end()  # it is still sending

    def _send(self, message: Any) -> None:
        assert self._connection is not None
        try:
            self._connection.send(message)
        except OSError as error:
            self._lost(error)

    def _hear(self, *expected: str) -> Any:
        assert self._connection is not None
        try:
            if not self._connection.poll(self._patience):
                self._lost(None)
            kind, value = self._connection.recv()
        except (EOFError, OSError) as error:
            self._lost(error)
        if kind == "error":
            raise UserError(value)
        assert kind in expected, kind
        return value

    def _lost(self, error: BaseException | None) -> Any:
        assert self._process is not None
        if error is None:
            why = f"no progress for {self._patience:.0f} s"
        else:
            code = self._process.wait()
            why = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        self._end()
        raise DecoderError(f"{self._path}: the decoder did not survive it: {why}") from error

    def _start(self) -> None:
        stopping.begin(self._end)
        ours, theirs = socket.socketpair()
        # Not `multiprocessing`: it would import the caller's main module again.
        paths = os.pathsep.join(p for p in (str(Path(__file__).parents[2]), *sys.path) if p)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._connection = Connection(ours.detach())
        try:
            ready = self._connection.poll(_START_SECONDS) and self._connection.recv() == "ready"
        except (EOFError, OSError):
            ready = False
        if not ready:
            self._end()
            raise UserError("cannot start: the process that reads videos did not come up")

    def _end(self) -> None:
        process, connection = self._process, self._connection
        if process is not None:
            process.kill()
            process.wait()
        if connection is not None:
            connection.close()
        self._process = self._connection = None
        stopping.end(self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()


def serve(file: int) -> None:
    """The process's life: until the line is closed, which also happens when the parent is killed."""
    from vqvae_jax.video.resize import resizer
    from vqvae_jax.video.source import open_source

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    connection = Connection(file)
    try:
        connection.send("ready")
        message = connection.recv()
        while True:
            _, path = message
            try:
                with open_source(path) as video:
                    connection.send(("info", video.info))
                    message = connection.recv()
                    if message[0] == "open":  # the caller does not want this one's frames
                        continue
                    _, rate, height, width = message
                    for picture in map(resizer(height, width), video.frames(rate)):
                        connection.send(("frame", np.ascontiguousarray(picture).tobytes()))
                    connection.send(("missing", video.missing_frames))
            except UserError as error:
                connection.send(("error", str(error)))
            message = connection.recv()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
