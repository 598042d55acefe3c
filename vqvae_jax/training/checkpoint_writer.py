"""Writing steps in the background through Orbax's CheckpointManager, and removing those that need not be kept."""

import logging
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from vqvae_jax.errors import UserError

REMOVED = "removed"  # steps on their way out, inside the checkpoints' folder


class CheckpointWriter:
    """Writes one step at a time. A step appears under its number by one rename, when it is whole, and leaves by one.

    Args:
      folder: made on the first save; what a killed run left half-written in it is then removed.
      keep_latest, keep_every: how many of the last steps, and which multiples, are kept beside the best.
    """

    def __init__(self, folder: Path, keep_latest: int, keep_every: int | None) -> None:
        self._folder, self._best = folder, _KeepBest()
        policies = ocp.checkpoint_managers
        self._keep: list[Any] = [policies.LatestN(keep_latest), self._best]
        if keep_every is not None:
            self._keep.append(policies.EveryNSteps(keep_every))
        self._manager: ocp.CheckpointManager | None = None
        self._saving: int | None = None

    def start(self, step: int, arguments: ocp.args.Composite, psnr: Mapping[int, float]) -> None:
        """Begins to write a step that does not exist; returns before it is on disk.

        Args:
          step: its number.
          arguments: what to write.
          psnr: of all steps including this one, where finite; the highest is kept.

        Raises:
          UserError: if it, or the step before, cannot be written.
        """
        self.wait()
        self._best.psnr = dict(psnr)
        try:
            self._opened().save(step, args=arguments, force=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise self._not_written(step, error) from error
        self._saving = step

    def wait(self) -> None:
        """Waits until the step under way is on disk.

        Raises:
          UserError: if it could not be written.
        """
        if self._manager is None:
            return
        step, self._saving = self._saving, None
        try:
            self._manager.wait_until_finished()
        except (OSError, ValueError, RuntimeError) as error:
            raise self._not_written(step, error) from error
        shutil.rmtree(self._folder / REMOVED, ignore_errors=True)

    def reload(self) -> None:
        """Takes notice of steps that were moved by others than Orbax."""
        if self._manager is not None:
            self._manager.reload()

    def close(self) -> None:
        """Waits, and ends Orbax's threads; the writer may be used again.

        Raises:
          UserError: as `wait`.
        """
        try:
            self.wait()
        finally:
            manager, self._manager = self._manager, None
            if manager is not None:
                manager.close()

    def _opened(self) -> ocp.CheckpointManager:
        if self._manager is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self._folder / REMOVED, ignore_errors=True)
            logging.getLogger("absl").addFilter(_not_from_orbax)
            _hush_late_arrays()
            index = jax.process_index()
            self._manager = ocp.CheckpointManager(
                self._folder,
                options=ocp.CheckpointManagerOptions(
                    create=False,
                    cleanup_tmp_directories=True,
                    # `best_fn` with `max_to_keep` would remove a worse latest step.
                    preservation_policy=ocp.checkpoint_managers.AnyPreservationPolicy(self._keep),
                    todelete_subdir=REMOVED,  # removal by rename: readers never meet half a step
                    lightweight_initialize=True,  # a damaged step must not keep the run from starting
                    # This process alone: the others need not take part in barriers for what they do not write.
                    multiprocessing_options=ocp.options.MultiprocessingOptions(
                        primary_host=index, active_processes={index}, barrier_sync_key_prefix=f"vqvae_jax_{index}"
                    ),
                ),
            )
        return self._manager

    def _not_written(self, step: int | None, error: BaseException) -> UserError:
        for partial in self._folder.glob(f"{step}.orbax-checkpoint-tmp*"):
            shutil.rmtree(partial, ignore_errors=True)
        # TensorStore gives the system's reason as the last part of a long chain.
        number = re.search(r"os_error_code='(\d+)'", str(error))
        reason = os.strerror(int(number[1])) if number else getattr(error, "strerror", None) or str(error)
        return UserError(
            f"checkpoint of step {step} could not be written to {self._folder}: {' '.join(reason.split())}"
        )


class _KeepBest:
    """Orbax preservation policy: the step with the highest PSNR. Orbax's own takes NaN for the best."""

    def __init__(self) -> None:
        self.psnr: dict[int, float] = {}

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        best = best_of({info.step: self.psnr[info.step] for info in checkpoints if info.step in self.psnr})
        return [info.step == best for info in checkpoints]


def best_of(psnr: Mapping[int, float]) -> int | None:
    """The step with the highest PSNR, the first of equals; None if there is none."""
    return max(psnr, key=lambda step: (psnr[step], -step), default=None)


def _hush_late_arrays() -> None:
    """At the first array that cannot be written Orbax closes its event loop; those still under way then fail to report
    to it, in TensorStore's threads, each with a traceback of its own.
    """
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _unraisable


def _unraisable(lost: "sys.UnraisableHookArgs") -> None:
    if str(lost.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(lost)


def _not_from_orbax(entry: logging.LogRecord) -> bool:
    """Orbax logs what it then raises, with its traceback, and its housekeeping as warnings."""
    return f"{os.sep}orbax{os.sep}" not in entry.pathname
