"""What is still to train, and how long that takes: measured throughput, nothing guessed but where it says so."""

from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.runs.inspect import Run, TrainingData
from experiments.tables.build import logged_clips_per_second
from experiments.tables.paper import CLIPS, TRAINING_CLIPS
from experiments.tables.throughput import Throughput, measure_throughput
from vqvae_jax.report.table import pipes
from vqvae_jax.training.resume import trained_on

MANY = 8  # devices


def plan(runs: Sequence[Run], data: TrainingData, weights: Path | None, say: Callable[[str], None]) -> None:
    """Says which runs are missing, part done or complete, and the hours to go on one device and on eight.

    Raises:
      UserError: if throughput must be measured and data or weights are missing.
    """
    rows, sources = [], []
    for run in runs:
        if not run.complete:
            say(f"{run.experiment.name}: {run.state}, {run.to_go:,} steps to go ...")
        rate, source = _rate(run, data.folder, weights)
        sources.append(f"{run.experiment.name}: {source}")
        size = run.experiment.data.batch_size
        whole = run.experiment.training.total_steps(TRAINING_CLIPS, size)
        hours = [_hours(run.to_go * size, rate), _hours(run.to_go * size, rate, MANY)]
        rows.append(
            [run.experiment.name, run.state, f"{run.to_go:,}", *hours, f"{whole:,}", _hours(whole * size, rate)]
        )
    head = ["run", "state", "steps to go", "hours, 1 device", f"hours, {MANY} devices"]
    head += ["steps on full UCF101", "hours, 1 device"]
    for line in [
        "",
        *pipes(head, rows),
        "",
        f"Training split of {data.folder}: {data.clips:,} clips. Full UCF101: {TRAINING_CLIPS:,} of {CLIPS:,} clips to "
        "train on; experiments with a fixed number of steps take as many there.",
        *sources,
        f"{MANY} devices: 1/{MANY} of the time of one, an assumption and not measured; at batch 8 each would get one "
        "clip. Validation, checkpoints, compilation and evaluation come on top.",
    ]:
        say(line)


def _rate(run: Run, data: Path, weights: Path | None) -> tuple[float | None, str]:
    """Clips per second of one device, and where the figure comes from."""
    logged = logged_clips_per_second(run.folder)
    if logged is not None:
        machines = trained_on(run.folder)
        devices = machines[-1].devices if machines else 1
        named = str(machines[-1]) if machines else "the machine that trained it, not recorded"
        return logged / devices, f"{logged:.2f} clips/s, median of what the run has logged on {named}"
    measured: Throughput = measure_throughput(run.experiment, data, weights)
    return measured.clips_per_second / measured.devices, (
        f"{measured.clips_per_second:.2f} clips/s, {measured.steps} steps timed now on {measured.devices} x "
        f"{measured.device} (compiled in {measured.compile_seconds:.0f} s)"
    )


def _hours(clips: int, rate: float | None, devices: int = 1) -> str:
    if rate is None:
        return "not measured"
    hours = clips / rate / devices / 3600
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2g}"
