"""The FFmpeg that imageio-ffmpeg carries, as a subprocess that can be stopped."""

import os
import subprocess
import threading
from functools import cache
from pathlib import Path
from typing import IO

from vqvae_jax.errors import UserError, one_line
from vqvae_jax.evaluation.coder import CodecError

TIMEOUT_SECONDS = 600


class Stopped(Exception):  # noqa: N818 (no error: somebody asked for it)
    """The process was ended by `Processes.stop`."""


@cache
def ffmpeg_path() -> str:
    """The binary.

    Raises:
      UserError: if imageio-ffmpeg is not installed or brings none.
    """
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except ImportError as error:
        raise UserError("needs the FFmpeg of imageio-ffmpeg; install it with: pip install imageio-ffmpeg") from error
    except RuntimeError as error:
        raise UserError(f"imageio-ffmpeg finds no FFmpeg: {one_line(str(error)):.200}") from error


@cache
def ffmpeg_version() -> str:
    """What FFmpeg calls itself: "n9.0.2-17-g2a571b6068".

    Raises:
      UserError: if it does not run.
    """
    words = _said("-version").split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"


@cache
def encoders() -> frozenset[str]:
    """Names of the encoders in this build.

    Raises:
      UserError: if FFmpeg does not run.
    """
    lines = _said("-hide_banner", "-encoders").splitlines()
    return frozenset(words[1] for words in map(str.split, lines) if len(words) > 1 and words[0].startswith("V"))


def _said(*arguments: str) -> str:
    path = ffmpeg_path()
    try:
        return subprocess.run([path, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"FFmpeg does not run ({path}): {one_line(str(error)):.200}") from error


class Processes:
    """Runs processes from several threads; `stop` ends them all and refuses new ones."""

    def __init__(self, quiet: bool = True) -> None:
        # SVT-AV1 otherwise tells about itself on standard error, whatever FFmpeg's -v says.
        self._environment = {**os.environ, "SVT_LOG": "1"} if quiet else dict(os.environ)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(
        self, command: list[str], given: bytes = b"", timeout: float = TIMEOUT_SECONDS, cwd: Path | None = None
    ) -> tuple[bytes, str]:
        """Standard output and standard error of a command.

        Args:
          command: program and arguments.
          given: standard input.
          timeout: seconds.
          cwd: folder to run in.

        Raises:
          CodecError: if it fails or takes too long; with the last line that it said.
          Stopped: if it was ended by `stop`.
        """
        process = self.start(command, subprocess.PIPE, cwd)
        try:
            out, err = process.communicate(given, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise CodecError(f"took more than {timeout:g} s") from error
        finally:
            with self._lock:
                self._running.discard(process)
            if process.poll() is None:
                process.kill()
                process.communicate()
        said = err.decode("utf-8", "replace")
        if process.returncode:
            raise self.failure(process.returncode, said)
        return out, said

    def start(self, command: list[str], errors: int | IO[bytes], cwd: Path | None = None) -> "subprocess.Popen[bytes]":
        """A process that reads standard input and writes standard output, until it is done or `stop` ends it.

        Args:
          command: program and arguments.
          errors: where its standard error goes.
          cwd: folder to run in.

        Raises:
          CodecError: if it does not start.
          Stopped: after `stop`.
        """
        with self._lock:
            if self._stopped:
                raise Stopped
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    cwd=cwd,
                    # A group of its own: Ctrl-C on the terminal reaches us alone, and is not taken for its failure.
                    process_group=0,
                    env=self._environment,
                )
            except OSError as error:
                raise CodecError(f"{Path(command[0]).name} does not start: {error.strerror or error}") from error
            self._running.add(process)
        return process

    def failure(self, code: int, said: str) -> Exception:
        """What to raise of a process that ended with an exit code: the last line that it said, unless we ended it."""
        if self._stopped:
            return Stopped()
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
        return CodecError(f"exit code {code}: {one_line(last.strip()):.200}")

    def stop(self) -> None:
        """Ends what runs."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()
