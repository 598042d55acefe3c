"""A training of this family whose steps are compiled in a minute each."""

from dataclasses import replace

import jax
import numpy as np

from tests.envc.tiny_envc import TINY, frames, tiny_params
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.envc.experiment import Experiment, LossConfig, StagesConfig
from vqvae_jax.training.mapping import DeviceMap
from vqvae_jax.training.task import Start


def experiment(batch=1, rate=1e-3, ema=0.0, **loss):
    """Two frames in every stage but the first."""
    base = Experiment()
    return replace(
        base,
        model=TINY,
        loss=LossConfig(**loss),
        stages=StagesConfig(joint_frames=2, frames=2),
        data=PipelineConfig(batch_size=batch, frames=2),
        optimizer=replace(base.optimizer, learning_rate=rate, weight_ema=ema),
    )


def clips(batch=1, count=2):
    """Pictures that follow one another, uint8 [B, T, 64, 64, 3]."""
    pictures = [np.concatenate([np.roll(frames(b), t, axis=2) for t in range(count)]) for b in range(batch)]
    return np.round(255 * np.stack(pictures)).astype(np.uint8)


class Runner:
    """One stage of a task, compiled."""

    def __init__(self, task, number, devices=None, mapping="auto"):
        self.map = DeviceMap(mapping, devices or jax.devices()[:1])
        self.task, self.phase, self.stage = task, task.phases[number - 1], task.stages[number - 1]
        self._key = self.map.replicate(jax.random.key(1))
        self._step = self.map.map(self.stage.step, (False, True, False, False), (False, False))

    def start(self, done=0):
        """The state after so many steps of the stage, had they changed nothing."""
        state = self.task.init(jax.random.key(0), None, Start(tiny_params(), {}))
        return self.map.replicate(state._replace(step=np.int32(self.phase.first + done)))

    def __call__(self, state, batch):
        return self._step(state, self.map.split(batch[:, : self.stage.frames]), self._key, None)
