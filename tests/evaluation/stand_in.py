"""A job whose measuring is stood in for: its figures depend on the step alone."""

import numpy as np
from example_run import moving_squares

from vqvae_jax.evaluation.job import evaluate
from vqvae_jax.evaluation.model_figures import ModelFigures
from vqvae_jax.evaluation.quality import summarise
from vqvae_jax.evaluation.result_file import read_result

CLIPS = moving_squares(5)


class StandIn:
    """Figures that depend on the step alone."""

    measured: list[int] = []  # noqa: RUF012

    def __init__(self, task, batches, trunk, divisors):
        self.batches = batches

    def measure(self, snapshot, progress):
        self.measured.append(snapshot.step)
        clips = self.batches.count
        without = {name: {"psnr": 9.0, "clip_psnr": [9.0] * clips} for name in ("top", "bottom")}
        diagnostics = {"anything": [1, {"the family": "knows"}]}
        return ModelFigures(quality(float(snapshot.step), clips), {"formula": 0.5}, without, diagnostics)

    def reconstruct(self, snapshot, records):
        return self.batches.clips.read(records)


def quality(psnr, clips=5):
    flat = np.full((clips, 4), psnr, np.float32)
    return summarise({"psnr": flat, "ssim": flat, "lossless": flat > 99, "difference_psnr": flat[:, 1:]})


def baselines(clips):
    return {name: {"quality": quality(20.0, clips), "reason": None} for name in ("mean_frame", "block_means_4x4")}


def run(config, said=None):
    return evaluate(config, say=(lambda line: None) if said is None else said.append)


def steps_in(config):
    return [entry["step"] for entry in read_result(config.out)["checkpoints"]]
