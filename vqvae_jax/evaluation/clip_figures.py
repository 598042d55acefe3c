"""What does not depend on any checkpoint: the clips as H.264, and reconstructions without learning."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib import metadata

import numpy as np
from jax import Array

from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Batches, Progress
from vqvae_jax.evaluation.quality import Divisors, measure_quality, summarise
from vqvae_jax.evaluation.schema import H264, Baseline
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.metrics.baselines import block_means, mean_frame
from vqvae_jax.metrics.h264 import h264_bytes
from vqvae_jax.metrics.rate import bytes_to_bpp

BLOCK = (1, 4, 4)
MEAN_FRAME, BLOCK_MEANS = "mean_frame", "block_means_4x4"
H264_SETTINGS = "libx264 at its defaults (medium, crf 23), yuv420p, one thread, without SEI"
DEFAULT_FPS = 16


def measure_baselines(
    batches: Batches, trunk: VggTrunk | None, divisors: Divisors, progress: Progress = lambda clips: None
) -> dict[str, Baseline]:
    """Quality of each clip's mean frame, and of means over 4x4 blocks brought back by bicubic interpolation."""
    height, width = batches.clips.clip_shape[1:3]
    estimates = {MEAN_FRAME: mean_frame}
    if height % BLOCK[1] == 0 and width % BLOCK[2] == 0:
        estimates[BLOCK_MEANS] = partial(block_means, block=BLOCK)

    def run(trunk: VggTrunk | None, x_BTHWC: Array) -> tuple[dict[str, dict[str, Array]]]:
        return ({name: measure_quality(x_BTHWC, f(x_BTHWC), trunk, divisors) for name, f in estimates.items()},)

    mapped = batches.devices.map(run, (False, True), (True,))
    (figures,) = batches.map(mapped, (batches.devices.replicate(trunk),), progress=progress)
    result: dict[str, Baseline] = {name: {"quality": summarise(figures[name]), "reason": None} for name in estimates}
    if BLOCK_MEANS not in result:
        reason = f"blocks of {BLOCK[1]}x{BLOCK[2]} do not divide frames of {height}x{width}"
        result[BLOCK_MEANS] = {"quality": None, "reason": reason}
    return result


def measure_h264(batches: Batches, fps: float | None) -> H264:
    """Size of every clip as H.264; null with the reason where it cannot be encoded here."""
    size = batches.clips.clip_shape[:3]
    rate = max(1, round(fps or DEFAULT_FPS))
    first = batches.clips.read([0])[0]
    try:
        h264_bytes(first, rate)
    except UserError as error:
        return {"settings": H264_SETTINGS, "encoder": None, "bpp": None, "clip_bytes": None, "reason": str(error)}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        sizes: list[int] = []
        for start in range(0, batches.count, batches.size):
            clips = batches.clips.read(range(start, min(start + batches.size, batches.count)))
            pending: list[Future[int]] = [pool.submit(h264_bytes, clip, rate) for clip in clips]
            sizes += [future.result() for future in pending]
    return {
        "settings": f"{H264_SETTINGS}, {rate} frames/s",
        "encoder": f"PyAV {metadata.version('av')}",
        "bpp": bytes_to_bpp(float(np.mean(sizes)), size),
        "clip_bytes": sizes,
        "reason": None,
    }
