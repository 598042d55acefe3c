"""The programs of a training, compiled for chips that are not here from shapes alone."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from experiments.plan.program_text import Collective, collectives, convolutions, cycles
from experiments.plan.topology import Topology
from vqvae_jax.errors import UserError
from vqvae_jax.families import planned_task
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.task import Task

#: For which a training is planned whose length is not known: every stage has some of them.
UNKNOWN_STEPS = 1000


class Compiled(NamedTuple):
    """One program on one chip."""

    arguments: int  # bytes: state, batch
    temporaries: int  # bytes
    peak: int  # bytes: arguments, temporaries, and results that take no argument's place
    donated: int  # bytes of arguments whose memory results take
    flops: float  # of the program as it is written, before any compiler changes it
    collectives: list[Collective]
    convolutions: dict[str, int]  # by number of spatial axes
    cycles: dict[str, int]  # by part; empty where the compiler makes no estimate


class TooLargeError(UserError):
    """The program does not fit the chip."""


class Programs:
    """An experiment on a topology.

    Args:
      experiment: what to train.
      topology: on what.
      clips: in the training split, for experiments whose length is in epochs; none if that is not known.

    Raises:
      UserError: if the configuration does not fit.
    """

    def __init__(self, experiment: Any, topology: Topology, clips: int | None = None) -> None:
        self.experiment, self.topology, self._clips = experiment, topology, clips
        self.devices = DeviceMap("shard_map", topology.devices)
        #: One device of this machine's, to count a chip's share of the work by.
        self.counting = DeviceMap("shard_map", jax.devices("cpu")[:1])

    def steps(self, batch: int) -> int | None:
        """Of the whole training; none where that is not known."""
        settings = self.experiment.training
        return settings.total_steps(self._clips or 0, batch) if settings.steps or self._clips else None

    def task(self, batch: int) -> Task:
        """The experiment's task for a global batch."""
        data = dataclasses.replace(self.experiment.data, batch_size=batch)
        # Of a training whose length is not known all stages are planned.
        return planned_task(dataclasses.replace(self.experiment, data=data), self.steps(batch) or UNKNOWN_STEPS)

    @property
    def clip(self) -> tuple[int, int, int]:
        """(frames, height, width) of what a step sees."""
        frames, height, width = self.experiment.model.clip
        return min(self.experiment.data.frames, frames), height, width

    def train_step(self, batch: int, stage: int = -1) -> Compiled:
        """The train step for a global batch of so many clips, in one of the training's stages."""
        self.devices.check_batch(batch, "batch")
        task = self.task(batch)
        planned, (frames, height, width) = task.stages[stage], self.clip
        seen: Any = jax.ShapeDtypeStruct((batch, planned.frames or frames, height, width, 3), jnp.uint8)
        if planned.numbered:
            seen = seen, jax.ShapeDtypeStruct((batch,), jnp.int32)
        key = jax.eval_shape(lambda: jax.random.key(0))
        rows = (False, True, False, False), (False, False)
        arguments = task.abstract(), seen, key, task.constants
        return self._compiled(lambda devices: devices.map(planned.step, *rows, donate=(0,)), arguments, batched=(1,))

    def validation(self, batch: int) -> Compiled:
        """Clips through the model as it is used, in 8 bits, and their PSNR: what validation and evaluation run."""
        self.devices.check_batch(batch, "batch")
        task = self.task(batch)
        state = task.abstract()

        def run(params: Any, extras: Any, clips: jax.Array) -> tuple[jax.Array, jax.Array]:
            frames, _, _ = task.reconstruct(params, extras, clips)
            return frame_psnr(clips, frames), frames

        rows = (False, False, True), (True, True)
        clips = jax.ShapeDtypeStruct((batch, *self.clip, 3), jnp.uint8)
        arguments = state.eval_params, state.extras, clips
        return self._compiled(lambda devices: devices.map(run, *rows), arguments, batched=(2,))

    def largest_batch(self, tried: Callable[[int, bool], None], stage: int = -1) -> int:
        """The largest global batch whose train step fits, by bisection; 0 if one clip a chip does not.

        Args:
          tried: told of every batch that was tried, and whether it fits.
          stage: the one that takes most memory.
        """
        chips = len(self.topology.devices)

        def fits(clips_a_chip: int) -> bool:
            try:
                found = self.train_step(clips_a_chip * chips, stage).peak <= self.topology.chip.memory
            except TooLargeError:
                found = False
            tried(clips_a_chip * chips, found)
            return found

        if not fits(1):
            return 0
        low, high = 1, 2
        while fits(high):
            low, high = high, 2 * high
        while high - low > max(1, low // 8):  # batches are round numbers: an eighth is near enough
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low * chips

    def _compiled(
        self, mapped: Callable[[DeviceMap], Any], arguments: tuple[Any, ...], batched: tuple[int, ...]
    ) -> Compiled:
        """A function as these devices map it, its arguments' shapes, and which of them are split over devices."""
        try:
            compiled = mapped(self.devices).lower(*arguments).compile()
        except jax.errors.JaxRuntimeError as error:
            first = str(error).splitlines()[0]
            if "RESOURCE_EXHAUSTED" not in first:
                raise UserError(f"it does not compile for {self.topology.name}: {first}") from error
            raise TooLargeError(f"it does not fit {self.topology.chip.title}: {first}") from error
        memory, text = compiled.memory_analysis(), compiled.as_text()
        arguments_size, results = memory.argument_size_in_bytes, memory.output_size_in_bytes
        aliased, temporaries = memory.alias_size_in_bytes, memory.temp_size_in_bytes
        # Compilers count a loop's body once, or nothing (a GPU's); traced for a CPU, units of `ntc` are written out.
        share = (
            jax.tree.map(self._share, value) if index in batched else value for index, value in enumerate(arguments)
        )
        flops = mapped(self.counting).lower(*share).cost_analysis()["flops"]
        return Compiled(
            arguments_size,
            temporaries,
            arguments_size + temporaries + results - aliased,
            aliased,
            float(flops),
            collectives(text),
            convolutions(text),
            cycles(text),
        )

    def _share(self, rows: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        """One chip's share of an array of a batch."""
        batch, *rest = rows.shape
        return jax.ShapeDtypeStruct((batch // len(self.topology.devices), *rest), rows.dtype)
