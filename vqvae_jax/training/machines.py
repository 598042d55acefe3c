"""On what a run was trained, written down where the run is."""

import json
import os
from pathlib import Path

import jax

from vqvae_jax.errors import UserError
from vqvae_jax.training.resume import write_json

MACHINES_FILE = "machines.json"


def describe_devices() -> str:
    """The devices of all processes: `8 x NVIDIA H100, 64 cores`; cores are this process's machine's."""
    devices = jax.devices()
    return f"{len(devices)} x {devices[0].device_kind}, {os.cpu_count() or 1} cores"


def note_machine(run: Path) -> None:
    """Adds this machine to those that trained the run, unless it is among them."""
    known = trained_on(run)
    if (machine := describe_devices()) not in known:
        write_json(run / MACHINES_FILE, {"machines": [*known, machine]})


def trained_on(run: Path) -> list[str]:
    """The machines that trained a run, first to last without repetition; empty if none is noted.

    Raises:
      UserError: if the file is damaged.
    """
    path = run / MACHINES_FILE
    if not path.exists():
        return []
    try:
        machines = json.loads(path.read_text(encoding="utf-8"))["machines"]
        if not isinstance(machines, list) or not all(isinstance(machine, str) for machine in machines):
            raise ValueError("machines is no list of names")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); mend it or move it away") from error
    return machines
