"""Our files decoded by a fresh process, which survives a clip that ends it: the next one goes on behind that clip."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.rd.ffmpeg import Processes
from vqvae_jax.evaluation.coder import CodecError
from vqvae_jax.families import FAMILIES

ROOT = Path(__file__).parents[2]  # where `python -m experiments...` runs
DECODE_SECONDS = 24 * 3600.0
MOST_CRASHES = 3  # then it is not the clips


class Decoded(NamedTuple):
    """What became of a file."""

    target: Path  # .npy, (T, H, W, 3) uint8
    seconds: float
    failure: str | None  # one line


def decode_files(processes: Processes, bundle: Path, paths: Sequence[Path], folder: Path) -> dict[Path, Decoded]:
    """Decodes files, normally all in one process; after a crash another one goes on with the file behind.

    Args:
      processes: that run the decoder.
      bundle: file of the model.
      paths: .msv files.
      folder: for the decoded clips.

    Raises:
      CodecError: if the process fails before the first file.
      Stopped: if the processes were stopped.
    """
    found: dict[Path, Decoded] = {}
    results = folder / "results.jsonl"
    for _ in range(MOST_CRASHES):
        left = [path for path in paths if path not in found]
        if not left:
            break
        targets = {path: folder / f"{len(found) + number}.npy" for number, path in enumerate(left)}
        files = [[str(path.resolve()), str(targets[path])] for path in left]
        task = {"bundle": str(bundle), "results": str(results), "files": files, "families": FAMILIES}
        results.unlink(missing_ok=True)
        crash = None
        try:
            command = [sys.executable, "-m", "experiments.rd.decode_files"]
            processes.run(command, json.dumps(task).encode(), cwd=ROOT, timeout=DECODE_SECONDS)
        except CodecError as error:
            if not results.is_file():
                raise
            crash = str(error)
        # Whole lines only: a crash may have cut the last one.
        lines = [json.loads(line) for line in results.read_text().splitlines(keepends=True) if line.endswith("\n")]
        for path, line in zip(left, lines, strict=False):
            found[path] = Decoded(targets[path], line["seconds"], line["error"])
        if crash is not None and len(lines) < len(left):
            guilty = left[len(lines)]
            found[guilty] = Decoded(targets[guilty], 0.0, f"the decoder's process ended at this file: {crash}")
    for path in paths:
        if path not in found:
            found[path] = Decoded(folder, 0.0, f"not decoded: the decoder's process ended {MOST_CRASHES} times before")
    return found
