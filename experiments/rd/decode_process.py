"""Files of models decoded from the files alone, by a fresh process: `python -m experiments.rd.decode_process`.

It reads a line of JSON {"bundle": FILE or null, "families": {NAME: MODULE}}, then a line [FROM.msv, TO.npy] for each
file, and answers each with a line {"seconds": s, "error": null or text}. Many files to a process, because JAX takes
seconds to start; a file that ends it costs itself alone, and the next one another process.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from experiments.rd.ffmpeg import Processes
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.evaluation.coder import CodecError
from vqvae_jax.families import FAMILIES, load_model
from vqvae_jax.packaged import find_for_file

ROOT = Path(__file__).parents[2]  # where `python -m experiments...` runs
MOST_CRASHES = 3  # then it is not the clips


class Receiver:
    """Decodes the files of one model, one at a time, for any number of threads.

    Args:
      processes: that run the decoder, and end it when they are stopped.
      bundle: file of the model; none for files that bring theirs along.
    """

    def __init__(self, processes: Processes, bundle: Path | None) -> None:
        self._processes, self._bundle = processes, bundle
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as processes write to it)
        self._crashes = 0

    def decode(self, path: Path) -> tuple[np.ndarray, float]:
        """The clip of a file, (T, H, W, 3) uint8, and the seconds.

        Raises:
          CodecError: if it does not decode, or ends the process, or several have ended it before.
          Stopped: if the processes were stopped.
        """
        with self._turn, tempfile.TemporaryDirectory() as folder:
            if self._crashes == MOST_CRASHES:
                raise CodecError(f"not decoded: the decoder's process ended {MOST_CRASHES} times before")
            target = Path(folder) / "clip.npy"
            answer = self._answer([str(path.resolve()), str(target)])
            if answer["error"] is not None:
                raise CodecError(answer["error"])
            return np.load(target, allow_pickle=False), answer["seconds"]

    def _answer(self, files: list[str]) -> dict[str, Any]:
        process = self._process
        lines: list[Any] = [files]
        if process is None:
            command = [sys.executable, "-m", "experiments.rd.decode_process"]
            process = self._process = self._processes.start(command, self._said, cwd=ROOT)
            bundle = None if self._bundle is None else str(self._bundle)
            lines.insert(0, {"bundle": bundle, "families": FAMILIES})
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.writelines(json.dumps(line).encode() + b"\n" for line in lines)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: so does what it says
        answer = process.stdout.readline()
        if answer.endswith(b"\n"):  # a crash may have cut it
            return dict(json.loads(answer))
        self._process, self._crashes = None, self._crashes + 1
        code = process.wait()
        self._said.seek(0)
        failure = self._processes.failure(code, self._said.read().decode("utf-8", "replace"))
        if isinstance(failure, CodecError):
            raise CodecError(f"the decoder's process ended at this file: {failure}")
        raise failure


def main() -> None:
    """Decodes what standard input lists.

    Raises:
      UserError: if the bundle cannot be read.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    task = json.loads(sys.stdin.readline())
    FAMILIES.update(task["families"])  # those that the parent knows beyond the library's
    model = None if task["bundle"] is None else load_model(task["bundle"])
    for line in sys.stdin:
        source, target = json.loads(line)
        started, failure = time.monotonic(), None
        try:
            with Decoder(model or find_for_file(None, Path(source)), Path(source)) as decoder:
                np.save(target, np.stack(list(decoder.frames())), allow_pickle=False)
        except UserError as error:
            failure = str(error)
        print(json.dumps({"seconds": time.monotonic() - started, "error": failure}), file=answers, flush=True)


if __name__ == "__main__":
    run_command("decode_process", main)
