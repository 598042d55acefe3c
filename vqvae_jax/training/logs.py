"""What a run writes about itself: `metrics.jsonl` and TensorBoard events. Only the first process writes."""

import contextlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from vqvae_jax.errors import UserError
from vqvae_jax.files import write_atomically

METRICS_FILE = "metrics.jsonl"
EVENTS_FOLDER = "tensorboard"
_FLUSH_SECONDS = 30.0  # between two times that events are brought to disk


class RunLog:
    """Scalars and pictures of a run, by step.

    `metrics.jsonl` holds one JSON object per line: `step`, `time` (seconds since 1970) and the scalars; a value that is
    not finite is null. TensorBoard events lie in `tensorboard/`.

    Args:
      run_dir: the run's folder; made if missing.
      resume_step: the step of the checkpoint that the run goes on from (0: from the start). What an interrupted run
        logged after it is dropped, so that no curve doubles.

    Raises:
      UserError: if the folder cannot be written.
    """

    def __init__(self, run_dir: str | Path, resume_step: int = 0) -> None:
        self._path = Path(run_dir) / METRICS_FILE
        self._writes = jax.process_index() == 0
        if not self._writes:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _drop_after(self._path, resume_step)
            self._lines = self._path.open("a", encoding="utf-8")
            # Not `SummaryWriter`: its thread ends at a full disk, and then what is handed to it waits for ever.
            (self._path.parent / EVENTS_FOLDER).mkdir(exist_ok=True)
            self._events = EventsWriter(str(self._path.parent / EVENTS_FOLDER / "events"))
            self._event(resume_step + 1, session_log=SessionLog(status=SessionLog.START))
            self._flushed = time.monotonic()
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with contextlib.suppress(UserError) if kind else contextlib.nullcontext():  # one message of one full disk
            self.close()

    def scalars(self, step: int, values: Mapping[str, Any]) -> None:
        """Logs scalars under their names; names with `/` are grouped in TensorBoard.

        Raises:
          UserError: if the disk is full.
        """
        if not self._writes:
            return
        numbers = {name: float(value) for name, value in values.items()}
        line: dict[str, float | None] = {"step": int(step), "time": round(time.time(), 3)}
        line |= {name: v if math.isfinite(v) else None for name, v in numbers.items()}
        try:
            self._lines.write(json.dumps(line, allow_nan=False) + "\n")
            self._lines.flush()
            for name, value in numbers.items():
                if math.isfinite(value):
                    self._event(step, summary=summary.scalar(name, value))
            if time.monotonic() - self._flushed > _FLUSH_SECONDS:
                self._events.flush()
                self._flushed = time.monotonic()
        except OSError as error:
            raise self._unwritable(error) from error

    def picture(self, step: int, name: str, picture_HWC: np.ndarray) -> None:
        """Puts a picture, (H, W, 3) uint8, into TensorBoard.

        Raises:
          ValueError: if it has another shape or type.
          UserError: if the disk is full.
        """
        if picture_HWC.dtype != np.uint8 or picture_HWC.ndim != 3 or picture_HWC.shape[-1] != 3:
            raise ValueError(f"a picture is (H, W, 3) uint8, not {picture_HWC.shape} {picture_HWC.dtype}")
        if not self._writes:
            return
        try:
            self._event(step, summary=summary.image(name, picture_HWC, dataformats="HWC"))
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Brings everything to disk and closes the files.

        Raises:
          UserError: if the disk is full.
        """
        if not self._writes:
            return
        try:
            self._lines.close()
            self._events.close()
        except OSError as error:
            raise self._unwritable(error) from error

    def _event(self, step: int, **content: Any) -> None:
        self._events.write_event(Event(wall_time=time.time(), step=step, **content))

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(f"{self._path.parent} cannot be written: {error.strerror or error}")


def read_metrics(run_dir: str | Path) -> list[dict[str, Any]]:
    """The lines of a run's `metrics.jsonl`; a line that a killed run left incomplete is passed over.

    Raises:
      UserError: if there is no such file.
    """
    path = Path(run_dir) / METRICS_FILE
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    return [entry for line in lines if (entry := _parsed(line)) is not None]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("step"), int) else None


def _drop_after(path: Path, step: int) -> None:
    """Rewrites the file without the entries after `step`, in one rename."""
    if not path.exists():
        return
    kept = [entry for entry in read_metrics(path.parent) if entry["step"] <= step]
    write_atomically(path, "".join(json.dumps(entry) + "\n" for entry in kept).encode())
