"""`python -m experiments.rd` from its configuration to OUT/rd.json."""

import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np

from experiments.rd.cache import Cache
from experiments.rd.classical import FAMILY, ClassicalCoder, encoder_version, note
from experiments.rd.config import RdConfig
from experiments.rd.ffmpeg import Processes, ffmpeg_version
from experiments.rd.fitted import open_fitted
from experiments.rd.job import Outcome, RdJob
from experiments.rd.learned import Points, open_learned
from experiments.rd.measure import Measure
from experiments.rd.result import RESULT, add_results, read_earlier, refuse_other_result, write_rd
from experiments.rd.schema import SCHEMA, VERSION, CodecEntry, ExtraFigures, Point, RateDistortion, codec_entry
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import ClipSet, few, read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.clip_files import stacked_quality
from vqvae_jax.evaluation.coder import Coder
from vqvae_jax.evaluation.opening import DEFAULT_FPS, data_entry, hardware, perceptual_entry, versions
from vqvae_jax.families import fits_videos
from vqvae_jax.files import make_folder
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.vgg_weights import find_vgg_weights, load_vgg
from vqvae_jax.metrics.rate import bytes_to_bpp


class RdInterrupt(KeyboardInterrupt):
    """A signal came; the message says how far it was."""


def measure_codecs(config: RdConfig, say: Callable[[str], None] = print) -> RateDistortion:
    """Codes, decodes and measures; writes OUT/rd.json.

    Args:
      config: what to measure.
      say: told a line about every codec that cannot run, failure and the end.

    Raises:
      UserError: if data set, split, a named bundle or the trunk are missing, no codec can run, or OUT holds another
        result and `force` is not given, or an earlier one does not fit; nothing is written then.
      RdInterrupt: if interrupted; what was measured until then is in the cache.
    """
    clips = few(open_split(config.data, config.split), config.clips)
    weights = find_vgg_weights(config.vgg_weights)
    trunk = None if weights is None else load_vgg(weights)
    divisors = LossConfig().layer_means
    data = data_entry(clips, len(clips), read_card(config.data))
    processes = Processes()
    opened = open_codecs(config, clips, data["fps"] or DEFAULT_FPS, processes)
    for entry, _ in opened.values():
        if entry["reason"] is not None:
            say(f"{entry['codec']}: {entry['reason']}")
    listed = [coder for _, coders in opened.values() for coder in coders]
    if not listed and config.names:
        raise UserError(
            "none of the codecs can run: " + "; ".join(sorted({e["reason"] or "" for e, _ in opened.values()}))
        )
    perceptual = perceptual_entry(trunk, divisors)
    earlier = read_earlier(config.add, data, perceptual, opened)
    if not config.force:
        wanted = {name: {coder.setting for coder in coders} for name, (_, coders) in opened.items()}
        for other in earlier:
            wanted |= {name: {point["setting"] for point in e["points"]} for name, e in other["codecs"].items()}
        refuse_other_result(config.out / RESULT, data["clip_ids"], data["digest"], wanted)
    make_folder(config.out)
    measure = Measure(clips.clip_shape, trunk, divisors, processes)
    job = RdJob(clips, len(clips), listed, measure, Cache(config.out), processes, config.jobs)
    try:
        outcomes = job.run(say)
    except KeyboardInterrupt as stop:
        raise RdInterrupt(
            f"{job.done} of {job.total} codings are done and kept in {config.out}; the same command goes on"
        ) from stop
    if job.found["damaged"]:
        say(f"{job.found['damaged']} damaged entries of {config.out} were made anew")
    for entry, coders in opened.values():
        fill_points(entry, coders, outcomes, data["clip_ids"], measure, clips.clip_shape)
    result: RateDistortion = {
        "schema": SCHEMA,
        "version": VERSION,
        "command": "python -m experiments.rd " + shlex.join(sys.argv[1:]),
        "data": data,
        "perceptual": perceptual,
        "codecs": {name: entry for name, (entry, _) in opened.items()},
        "added": [],
        "hardware": hardware(),
        "versions": versions() | _versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    add_results(result, earlier)
    write_rd(config.out / RESULT, result)
    return result


def open_codecs(
    config: RdConfig, clips: ClipSet, fps: float, processes: Processes
) -> dict[str, tuple[CodecEntry, list[Coder]]]:
    """For every codec and model an entry without points, with the reason if it cannot run; and its coders.

    Raises:
      UserError: if a bundle that was named cannot be read.
    """
    opened: dict[str, tuple[CodecEntry, list[Coder]]] = {}
    fitting = {name for name in config.names if name not in FAMILY and fits_videos(name)}
    families = [name for name in config.names if name not in FAMILY and name not in fitting]
    for name in config.names:
        if name in FAMILY:
            opened[name] = _open_classical(name, config, clips, fps, processes)
        elif name in fitting:
            entry, coders = open_fitted(name, config.bpp, config.epochs, fps, processes, config.out)
            opened[name] = entry, list(coders)
        elif name == families[0]:
            points = Points(config.rate_weight, config.quality, config.effort, config.gop or None)
            models = open_learned(families, config.bundle, points, fps, processes, config.one_curve)
            opened |= {codec: (entry, list(coders)) for codec, (entry, coders) in models.items()}
    return opened


def _open_classical(
    name: str, config: RdConfig, clips: ClipSet, fps: float, processes: Processes
) -> tuple[CodecEntry, list[Coder]]:
    codec = FAMILY[name]
    try:
        version = encoder_version(codec)
    except UserError as error:
        return codec_entry("classical", name, codec.title, codec.settings, reason=str(error)), []
    given = clips.clip_shape, fps, version, processes, config.grouping
    found: list[Coder] = [ClassicalCoder(codec, rate, *given) for rate in config.rates.get(name, codec.rates)]
    return codec_entry("classical", name, codec.title, note(codec, config.grouping), version), found


def fill_points(
    entry: CodecEntry,
    coders: list[Coder],
    outcomes: dict[tuple[str, str], list[Outcome]],
    clip_ids: list[str],
    measure: Measure,
    shape: tuple[int, ...],
) -> None:
    """Puts points, by falling rate, into a codec's entry; a point without any clip becomes a reason."""
    lost = [] if entry["reason"] is None else [entry["reason"]]
    for coder in coders:
        done = dict(zip(clip_ids, outcomes[coder.codec, coder.setting], strict=True))
        failures = {clip: outcome for clip, outcome in done.items() if isinstance(outcome, str)}
        if len(failures) < len(done):
            entry["points"].append(_point(coder, done, measure, shape))
        else:
            lost.append(f"{coder.setting}: every clip failed ({failures[clip_ids[0]]})")
    entry["points"].sort(key=lambda point: -point["rate"]["bpp"])
    entry["reason"] = "; ".join(lost) or None


def _point(coder: Coder, done: dict[str, Outcome], measure: Measure, shape: tuple[int, ...]) -> Point:
    """One point over the clips that went through, at least one."""
    entries = {clip: outcome for clip, outcome in done.items() if not isinstance(outcome, str)}
    figures = [entry.figures or {} for entry in entries.values()]
    sizes = [entry.bytes for entry in entries.values()]
    payloads = [entry.payload_bytes for entry in entries.values() if entry.payload_bytes is not None]
    size = (shape[0], shape[1], shape[2])
    return {
        "setting": coder.setting,
        "encode_command": coder.encode_command,
        "decode_command": coder.decode_command,
        "clip_ids": list(entries),
        "quality": stacked_quality(figures),
        "ms_ssim": _extra(figures, "ms_ssim", measure.ms_ssim_reason),
        "vmaf": _extra(figures, "vmaf", measure.vmaf_reason),
        "rate": {
            "bpp": bytes_to_bpp(float(np.mean(sizes)), size),
            "payload_bpp": bytes_to_bpp(float(np.mean(payloads)), size) if payloads else None,
            "bytes": sizes,
            "payload_bytes": payloads or None,
        },
        "encode_seconds": float(np.median([entry.encode_seconds for entry in entries.values()])),
        "decode_seconds": float(np.median([entry.decode_seconds or 0.0 for entry in entries.values()])),
        "failures": [{"clip_id": clip, "reason": o} for clip, o in done.items() if isinstance(o, str)],
    }


def _extra(figures: list[dict[str, Any]], name: str, reason: str | None) -> ExtraFigures:
    if reason is not None:
        return {"mean": None, "clips": None, "reason": reason}
    values = [float(f[name]) for f in figures]
    return {"mean": float(np.mean(values)), "clips": values, "reason": None}


def _versions() -> dict[str, str]:
    """FFmpeg, where it was asked for and is there."""
    try:
        return {"ffmpeg": ffmpeg_version(), "imageio-ffmpeg": metadata.version("imageio-ffmpeg")}
    except (UserError, metadata.PackageNotFoundError):
        return {}
