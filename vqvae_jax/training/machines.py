"""On what a run was trained, written down where the run is."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import jax

from vqvae_jax.errors import UserError
from vqvae_jax.training.resume import write_json

MACHINES_FILE = "machines.json"


class Machine(NamedTuple):
    """What a training ran on."""

    devices: int  # of all processes
    device: str  # their kind
    cores: int  # of one process's machine

    def __str__(self) -> str:
        return f"{self.devices} x {self.device}, {self.cores} cores"


def this_machine() -> Machine:
    """The devices that JAX sees."""
    devices = jax.devices()
    return Machine(len(devices), devices[0].device_kind, os.cpu_count() or 1)


def note_machine(run: Path) -> None:
    """Adds this machine to those that trained the run, unless it is among them."""
    known = trained_on(run)
    if (machine := this_machine()) not in known:
        write_json(run / MACHINES_FILE, {"machines": [each._asdict() for each in (*known, machine)]})


def trained_on(run: Path) -> list[Machine]:
    """The machines that trained a run, first to last without repetition; empty if none is noted.

    Raises:
      UserError: if the file is damaged.
    """
    path = run / MACHINES_FILE
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["machines"]
        return [Machine(int(entry["devices"]), str(entry["device"]), int(entry["cores"])) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}); mend it or move it away") from error
