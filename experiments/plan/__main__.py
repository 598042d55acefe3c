"""What a training will need on machines that are not at hand: `python -m experiments.plan NAME --topology v5e:4x4`.

It compiles the named experiment's programs for them, which takes minutes and no accelerator, and says whether they
compile and fit, what they send, and how long the training will take. Nothing is run: no speed is measured.
"""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import tyro

from experiments import configs
from experiments.plan.programs import UNKNOWN_STEPS, Compiled, Programs
from experiments.plan.topology import Topology, describe
from vqvae_jax.command_line import parse
from vqvae_jax.config import check
from vqvae_jax.errors import run_command, say
from vqvae_jax.precision import DTypeName
from vqvae_jax.progress import Progress
from vqvae_jax.report.table import pipes

PROGRAM = "python -m experiments.plan"
SHOWN_PARTS = 12


@dataclass(frozen=True)
class PlanCommand:
    """Compiles a named experiment for machines that are not here, and says what it will need there."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="{" + ",".join(configs.names()) + "}")]
    """A named experiment: a file of experiments/configs/."""
    topology: str
    """The chips, such as v5e:4x4, v5p:2x2x2, v6e:1 or h100:8."""
    batch: int | None = None
    """Clips in a global batch; default: the experiment's own, or one for each chip if those are more."""
    dtype: DTypeName | None = None
    """Type of convolutions; default: the experiment's own."""
    clips: int | None = None
    """Clips in the training split, for experiments whose length is in epochs."""
    share: float = 0.4
    """Share of the chips' peak that the training is supposed to reach, for its hours."""
    largest: bool = False
    """Also look for the largest batch that fits, by compiling several."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        check(self.batch is None or self.batch >= 1, "batch", self.batch, "a whole number of at least 1")
        check(self.clips is None or self.clips >= 1, "clips", self.clips, "a whole number of at least 1")
        check(0 < self.share <= 1, "share", self.share, "a number in (0, 1]")


def plan(command: PlanCommand, progress: Progress) -> dict[str, Any]:
    """What the page says, as JSON values.

    Raises:
      UserError: if name or topology are unknown, the compiler is not installed, or a program does not compile.
    """
    experiment = configs.load(command.name)
    if command.dtype is not None:
        experiment = dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, dtype=command.dtype))
    topology = describe(command.topology)
    chips, chip = len(topology.devices), topology.chip
    batch = command.batch or max(experiment.data.batch_size, chips)
    programs = Programs(experiment, topology, command.clips)
    stages, compiled = programs.task(batch).stages, []
    for number, stage in enumerate(stages):
        progress.doing(f"compiling the train step{f' of stage {stage.name}' if stage.name else ''}")
        compiled.append(programs.train_step(batch, number))
    largest_stage = max(range(len(stages)), key=lambda number: compiled[number].peak)
    step = compiled[largest_stage]
    progress.doing("compiling validation")
    validation = programs.validation(batch)
    largest = None
    if command.largest:
        progress.doing("looking for the largest batch")
        largest = programs.largest_batch(
            lambda tried, fits: progress.note(f"batch {tried}: {'fits' if fits else 'no'}"), largest_stage
        )
    counted, steps = programs.task(batch).cost(programs.clip), programs.steps(batch)
    ends = [*(stage.first for stage in stages[1:]), steps or UNKNOWN_STEPS]
    lengths = [end - stage.first for stage, end in zip(stages, ends, strict=True)]
    work = [length * each.flops for length, each in zip(lengths, compiled, strict=True)]
    parts = [
        {"name": stage.name, "frames": stage.frames or programs.clip[0], "steps": steps and length}
        | {"peak": each.peak, "flops": each.flops, "share": done / sum(work)}
        for stage, length, each, done in zip(stages, lengths, compiled, work, strict=True)
    ]
    flops = sum(work) / ends[-1]
    return {
        "experiment": command.name,
        "topology": {"name": topology.name, "chip": chip.title, "chips": chips, "memory": chip.memory},
        "batch": batch,
        "dtype": experiment.model.dtype,
        "clip": list(programs.clip),
        "parameters": counted.parameters,
        "fits": step.peak <= chip.memory and validation.peak <= chip.memory,
        "largest_batch": largest,
        "stages": parts if len(parts) > 1 else [],
        "train_step": step._asdict() | {"collectives": [entry._asdict() for entry in step.collectives]},
        "validation": validation._asdict() | {"collectives": [entry._asdict() for entry in validation.collectives]},
        "training": _training(command, topology, step, flops, steps),
    }


def _training(
    command: PlanCommand, topology: Topology, step: Compiled, flops: float, steps: int | None
) -> dict[str, Any]:
    """Steps, seconds a step and hours at the stated share of the peak; none where the length is not known.

    Args:
      command: what was asked for.
      topology: the chips.
      step: what the compiler estimates is of this one.
      flops: of a step, the mean over all.
      steps: of the training.
    """
    counted = flops / (command.share * topology.chip.flops)
    seconds = counted if math.isfinite(counted) else None
    hours = None if steps is None or seconds is None else steps * seconds / 3600
    estimate = sum(step.cycles.values()) / topology.chip.cycles if step.cycles and topology.chip.cycles else None
    return {
        "steps": steps,
        "share_of_peak": command.share,
        "seconds_per_step": seconds,
        "hours": hours,
        "compilers_seconds_per_step": estimate,
    }


def show(found: dict[str, Any]) -> str:
    """The plan as a page of text."""
    topology, training, memory = found["topology"], found["training"], found["topology"]["memory"]
    frames, height, width = found["clip"]
    clips = f"{found['batch']} clips of {frames}x{height}x{width} a step"
    lines = [
        f"{found['experiment']}: {found['parameters']:,} parameters, {clips}, {found['dtype']}, on "
        f"{topology['chips']} x {topology['chip']}",
        f"it compiles{', and fits' if found['fits'] else ', and does NOT fit'} ({memory / 2**30:.0f} GiB a chip)",
    ]
    if found["largest_batch"] is not None:
        lines.append(f"largest batch that fits: {found['largest_batch']}")
    if training["seconds_per_step"] is not None:
        lines.append(
            f"at {training['share_of_peak']:.0%} of the peak {training['seconds_per_step'] * 1e3:.1f} ms a step"
            + (f"; {training['steps']:,} steps take {_duration(training['hours'])}" if training["hours"] else "")
            + ("" if training["steps"] else "; --clips N, of the training split, for the hours of its epochs")
        )
    if training["compilers_seconds_per_step"] is not None:
        lines.append(
            f"the compiler's own estimate, no measurement: {training['compilers_seconds_per_step'] * 1e3:.1f} ms"
        )
    if found["stages"]:
        columns = ("stage", "steps", "frames", "peak", "FLOPs a step", "share of all FLOPs")
        lines += ["", *pipes(columns, [_stage_row(stage) for stage in found["stages"]], 1)]
        lines.append("the table below is of the stage whose step takes most memory")
    header, rows = ("a chip", "train step", "validation"), list[tuple[str, ...]]()
    both = [found["train_step"], found["validation"]]
    for label, key in (("arguments", "arguments"), ("temporaries", "temporaries"), ("peak", "peak")):
        rows.append((label, *(f"{program[key] / 2**20:,.0f} MiB" for program in both)))
    rows.append(("donated", *(f"{program['donated'] / 2**20:,.0f} MiB" for program in both)))
    rows.append(("FLOPs", *(f"{program['flops'] / 1e12:,.3f} T" for program in both)))
    rows.append(("convolutions", *(_counts(program["convolutions"]) for program in both)))
    rows.append(("collectives", *(_sent(program["collectives"]) for program in both)))
    lines += ["", *pipes(header, rows, 1)]
    for title, program in (("train step", both[0]), ("validation", both[1])):
        if program["cycles"]:
            total = sum(program["cycles"].values())
            shown = list(program["cycles"].items())[:SHOWN_PARTS]
            lines += ["", f"where the {title} goes, by the compiler's estimated cycles:"]
            lines += [f"  {cycles / total:6.1%}  {name}" for name, cycles in shown]
    return "\n".join(lines)


def _stage_row(stage: dict[str, Any]) -> tuple[str, ...]:
    peak, flops = f"{stage['peak'] / 2**20:,.0f} MiB", f"{stage['flops'] / 1e12:,.3f} T"
    steps = "" if stage["steps"] is None else f"{stage['steps']:,}"
    return stage["name"], steps, str(stage["frames"]), peak, flops, f"{stage['share']:.0%}"


def _duration(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in found.items()) or "none left as such"


def _sent(found: list[dict[str, Any]]) -> str:
    shown = [f"{e['operations']} {e['kind']} {e['dtype']} {e['bytes'] / 2**20:,.2f} MiB" for e in found]
    return ", ".join(shown) or "none"


def main() -> None:
    """Parses the command line, compiles, prints."""
    command = parse(PlanCommand, PROGRAM)
    jax.config.update("jax_platforms", "cpu")  # this machine's accelerators are left alone
    with Progress("plan", speaks=not command.json) as progress:
        found = plan(command, progress)
    say(*([json.dumps(found)] if command.json else show(found).splitlines()))


if __name__ == "__main__":
    run_command("plan", main)
