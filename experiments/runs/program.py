"""A program that starts others, one after the other."""

import shlex
import subprocess
import sys
from pathlib import Path

from vqvae_jax.errors import say
from vqvae_jax.stopping import Stopped, undisturbed


class Programs:
    """Runs programs one after the other and remembers their command lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def run(self, module: str, *arguments: str | Path) -> None:
        """Runs `python -m module arguments`; its output goes to the terminal as it comes.

        Raises:
          SystemExit: with the program's exit code if it is not 0. The program has said why.
          Stopped: after a signal, which was passed on, once the program has left.
        """
        words = self.note(module, *arguments)
        process: subprocess.Popen[bytes] | None = None
        stopped: Stopped | None = None
        while True:
            try:
                if process is None:
                    with undisturbed():  # no signal between its start and our knowing it
                        # In a process group of its own, so that Ctrl-C in a terminal reaches it once: through us.
                        process = subprocess.Popen([sys.executable, *words], process_group=0)
                code = process.wait()
                break
            except Stopped as stop:
                if process is None:
                    raise
                stopped = stop
                process.send_signal(stop.signal)
        if stopped is not None:
            raise stopped
        if code:
            sys.exit(code if code > 0 else 128 - code)

    def note(self, module: str, *arguments: str | Path) -> list[str]:
        """Prints and remembers a command line; returns its words after `python`."""
        words = ["-m", module, *map(str, arguments)]
        self.lines.append(shlex.join(["python", *words]))
        say("", f"$ {self.lines[-1]}")
        return words
