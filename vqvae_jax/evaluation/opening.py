"""The evaluation file at its start: who, which clips, with what, and what does not depend on any checkpoint."""

import dataclasses
import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from vqvae_jax import __version__
from vqvae_jax.codec.interface import Model
from vqvae_jax.data.source import ClipSet, read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.batches import Advance, Batches
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.evaluation.overview import describe_baselines
from vqvae_jax.evaluation.quality import Divisors, measure_quality, summarise
from vqvae_jax.evaluation.result_file import check_continues, read_result, write_result
from vqvae_jax.evaluation.schema import (
    H264,
    SCHEMA,
    VERSION,
    Baseline,
    DataEntry,
    Hardware,
    Perceptual,
    Result,
    RunEntry,
    Surroundings,
)
from vqvae_jax.families import config_of, task_of
from vqvae_jax.files import make_folder
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.losses.vgg_weights import ENVIRONMENT
from vqvae_jax.metrics.baselines import block_means, mean_frame
from vqvae_jax.metrics.h264 import h264_bytes
from vqvae_jax.metrics.rate import bytes_to_bpp
from vqvae_jax.progress import Progress, working
from vqvae_jax.training.resume import read_frozen
from vqvae_jax.training.snapshot import run_identity

BLOCK = (1, 4, 4)
MEAN_FRAME, BLOCK_MEANS = "mean_frame", "block_means_4x4"
H264_SETTINGS = "libx264 at its defaults (medium, crf 23), yuv420p, one thread, without SEI"
DEFAULT_FPS = 16
PACKAGES = ("jax", "jaxlib", "flax", "numpy")

Say = Callable[[str], None]


def open_result(
    config: EvaluateConfig, run: RunEntry, batches: Batches, trunk: VggTrunk | None, divisors: Divisors, say: Say
) -> Result:
    """The file that is there, if it is of this run, clip set and trunk; else a new one, with H.264 and baselines.

    Raises:
      UserError: if the file is of something else, or cannot be written.
    """
    result: Result = {
        "schema": SCHEMA,
        "version": VERSION,
        "run": run,
        "data": data_entry(batches.clips, batches.count, read_card(config.data)),
        "perceptual": perceptual_entry(trunk, divisors),
        "h264": {"settings": "", "encoder": None, "bpp": None, "clip_bytes": None, "reason": None},
        "baselines": {},
        "checkpoints": [],
    }
    if config.out.exists() and not config.force:
        old = read_result(config.out)
        check_continues(config.out, old, result)
        say(describe_baselines(old))
        return old
    make_folder(config.out.parent)  # before hours of work depend on it
    with working("coding the clips with H.264"):
        result["h264"] = measure_h264(batches, result["data"]["fps"])
    with Progress("baselines", batches.count, "clips") as progress:
        result["baselines"] = measure_baselines(batches, trunk, divisors, progress.advance)
    write_result(config.out, result)
    say(describe_baselines(result))
    return result


def run_entry(folder: Path, experiment: Any, clip_shape: Sequence[int]) -> RunEntry:
    """The run: name, configuration, size of the model."""
    config, shape = config_of(experiment), (clip_shape[0], clip_shape[1], clip_shape[2])
    counted = dataclasses.asdict(task_of(experiment).cost(shape))
    return {
        "kind": "run",
        "family": config["family"],
        "name": experiment.name,
        "folder": str(folder),
        "identity": run_identity(config),
        "cost": {name: number for name, number in counted.items() if isinstance(number, int)},
        "training_trunk": read_frozen(folder, "vgg"),
        "config": config,
    }


def bundle_entry(path: Path, model: Model) -> RunEntry:
    """A bundle in the place of a run."""
    return {
        "kind": "bundle",
        "family": model.family,
        "name": model.name,
        "folder": str(path),
        "identity": model.digest,
        "cost": {"file_bytes": path.stat().st_size},
        "training_trunk": None,
        "config": {},
    }


def layer_means(experiment: Any) -> Divisors:
    """What the layers of the perceptual distance are divided by: as in the run's loss, if it has one."""
    divisors: Divisors = getattr(getattr(experiment, "loss", None), "layer_means", LossConfig().layer_means)
    return divisors


def data_entry(clips: ClipSet, count: int, card: dict[str, Any]) -> DataEntry:
    """The first `count` clips of a split, by name."""
    return {
        "folder": str(clips.data_dir),
        "split": clips.split,
        "digest": clips.digest,
        "clip_shape": list(clips.clip_shape),
        "fps": single_rate(card),
        "clips_in_split": card["splits"][clips.split]["clips"],
        "clip_ids": clips.ids(range(count)),
    }


def single_rate(card: dict[str, Any]) -> float | None:
    """Frames per second of a data set's clips; "native" ones have no single rate."""
    fps = card.get("fps")
    return float(fps) if isinstance(fps, int | float) else None


def perceptual_entry(trunk: VggTrunk | None, divisors: Divisors) -> Perceptual:
    """The trunk and what its layers are divided by, or why there is none."""
    if trunk is None:
        reason = f"no VGG-16 weights: neither --vgg-weights nor ${ENVIRONMENT} names any"
        return {"trunk": None, "provenance": None, "layer_means": None, "reason": reason}
    return {"trunk": trunk.digest, "provenance": trunk.provenance, "layer_means": list(divisors), "reason": None}


def hardware() -> Hardware:
    """The local devices."""
    device = jax.local_devices()[0]
    return {
        "platform": device.platform,
        "device": device.device_kind,
        "devices": jax.local_device_count(),
        "cores": os.cpu_count() or 1,
    }


def versions() -> dict[str, str]:
    """Python and the packages that decide the numbers."""
    ours = {"python": platform.python_version(), "vqvae_jax": __version__}
    return ours | {name: metadata.version(name) for name in PACKAGES}


def surroundings() -> Surroundings:
    """Where and when."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {"hardware": hardware(), "versions": versions(), "date": date}


def measure_baselines(
    batches: Batches, trunk: VggTrunk | None, divisors: Divisors, progress: Advance = lambda clips: None
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
            sizes += pool.map(partial(h264_bytes, fps=rate), clips)
    return {
        "settings": f"{H264_SETTINGS}, {rate} frames/s",
        "encoder": f"PyAV {metadata.version('av')}",
        "bpp": bytes_to_bpp(float(np.mean(sizes)), size),
        "clip_bytes": sizes,
        "reason": None,
    }
