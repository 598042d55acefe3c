"""Stages of a training: which one a step falls into, its program, and what of a batch it sees."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from vqvae_jax.training.compiled import Compiled
from vqvae_jax.training.task import Stage


class Program(NamedTuple):
    """What makes the steps of one stage."""

    stage: Stage
    end: int  # steps done when the stage is over
    step: Compiled
    flops: float  # of the model, for a global batch
    seconds: float  # that compiling took

    @property
    def steps(self) -> str:
        """Which ones it makes, for the log; nothing of a stage without a name."""
        return f"stage {self.stage.name}, steps {self.stage.first + 1} to {self.end}" if self.stage.name else ""

    @property
    def cost(self) -> str:
        """What it took and takes, for the log."""
        memory = (self.step.argument_bytes + self.step.temporary_bytes) / 2**20
        model = f"a step: {self.flops / 1e9:.0f} GFLOP of the model, {memory:.0f} MiB per device"
        return f"compiled in {self.seconds:.0f} s; {model}"


def stage_at(stages: Sequence[Stage], done: int, total: int) -> tuple[Stage, int]:
    """The stage of the step that follows `done` others, and the number of steps done when that stage is over.

    Args:
      stages: in order, the first at step 0.
      done: steps.
      total: steps of all stages; where none follows, the last stage is meant.
    """
    ends = [*(stage.first for stage in stages[1:]), total]
    found = zip(stages, ends, strict=True)
    return next(((stage, end) for stage, end in found if done < end), (stages[-1], total))


def seen(stage: Stage, clips_BTHWC: np.ndarray, records_B: np.ndarray) -> Any:
    """What a step of the stage is given of a batch: its frames of the clips, and record numbers (int32) if it asks."""
    clips = clips_BTHWC[:, : stage.frames]
    return (clips, records_B.astype(np.int32)) if stage.numbered else clips
