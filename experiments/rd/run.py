"""`python -m experiments.rd` from its configuration to OUT/rd.json."""

import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata

from experiments.rd.cache import Cache
from experiments.rd.classical import FAMILY, ClassicalCoder, encoder_version, note
from experiments.rd.config import RdConfig
from experiments.rd.entries import point_entry
from experiments.rd.ffmpeg import Processes, ffmpeg_version
from experiments.rd.job import Outcome, RdJob
from experiments.rd.learned import open_learned
from experiments.rd.measure import Measure
from experiments.rd.result import RESULT, refuse_other_result, write_rd
from experiments.rd.schema import SCHEMA, VERSION, CodecEntry, RateDistortion
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import ClipSet, few, read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.clip_figures import DEFAULT_FPS
from vqvae_jax.evaluation.coder import Coder
from vqvae_jax.evaluation.header import data_entry, perceptual_entry
from vqvae_jax.evaluation.surroundings import hardware, versions
from vqvae_jax.files import make_folder
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.losses.vgg_weights import find_vgg_weights, load_vgg


class RdInterrupt(KeyboardInterrupt):
    """A signal came; the message says how far it was."""


def measure_codecs(config: RdConfig, say: Callable[[str], None] = print) -> RateDistortion:
    """Codes, decodes and measures; writes OUT/rd.json.

    Args:
      config: what to measure.
      say: told a line about every codec that cannot run, failure and the end.

    Raises:
      UserError: if data set, split, a named bundle or the trunk are missing, no codec can run, or OUT holds another
        result and `force` is not given; nothing is written then.
      RdInterrupt: if interrupted; what was measured until then is in the cache.
    """
    clips = few(open_split(config.data, config.split), config.clips)
    count = len(clips)
    weights = find_vgg_weights(config.vgg_weights)
    trunk = None if weights is None else load_vgg(weights)
    divisors = LossConfig().layer_means
    data = data_entry(clips, count, read_card(config.data))
    processes = Processes()
    codecs, coders = open_codecs(config, clips, data["fps"] or DEFAULT_FPS, processes)
    for entry in codecs.values():
        if entry["reason"] is not None:
            say(f"{entry['codec']}: {entry['reason']}")
    if not any(coders.values()):
        raise UserError(
            "none of the codecs can run: " + "; ".join(sorted({e["reason"] or "" for e in codecs.values()}))
        )
    if not config.force:
        wanted = {name: {coder.setting for coder in group} for name, group in coders.items()}
        refuse_other_result(config.out / RESULT, data["clip_ids"], data["digest"], wanted)
    make_folder(config.out)
    measure = Measure(clips.clip_shape, trunk, divisors, processes)
    listed = [coder for group in coders.values() for coder in group]
    job = RdJob(clips, count, listed, measure, Cache(config.out), processes, config.jobs)
    try:
        outcomes = job.run(say)
    except KeyboardInterrupt as stop:
        raise RdInterrupt(
            f"{job.done} of {job.total} codings are done and kept in {config.out}; the same command goes on"
        ) from stop
    if job.found["damaged"]:
        say(f"{job.found['damaged']} damaged entries of {config.out} were made anew")
    fill_points(codecs, coders, outcomes, data["clip_ids"], measure, clips.clip_shape)
    result: RateDistortion = {
        "schema": SCHEMA,
        "version": VERSION,
        "command": "python -m experiments.rd " + shlex.join(sys.argv[1:]),
        "data": data,
        "perceptual": perceptual_entry(trunk, divisors),
        "codecs": codecs,
        "hardware": hardware(),
        "versions": versions() | _versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_rd(config.out / RESULT, result)
    return result


def open_codecs(
    config: RdConfig, clips: ClipSet, fps: float, processes: Processes
) -> tuple[dict[str, CodecEntry], dict[str, list[Coder]]]:
    """An entry without points for every codec and model, with the reason if it cannot run; and the coders.

    Raises:
      UserError: if a bundle that was named cannot be read.
    """
    codecs: dict[str, CodecEntry] = {}
    coders: dict[str, list[Coder]] = {}
    families = [name for name in config.names if name not in FAMILY]
    for name in config.names:
        if name in FAMILY:
            codecs[name], coders[name] = _open_classical(name, config, clips, fps, processes)
        elif name == families[0]:
            entries, models = open_learned(
                families, config.bundle, config.rate_weight, fps, processes, config.one_curve
            )
            codecs |= entries
            coders |= {codec: list(found) for codec, found in models.items()}
    return codecs, coders


def _open_classical(
    name: str, config: RdConfig, clips: ClipSet, fps: float, processes: Processes
) -> tuple[CodecEntry, list[Coder]]:
    codec = FAMILY[name]
    entry: CodecEntry = {
        "kind": "classical",
        "family": name,
        "codec": name,
        "title": codec.title,
        "version": None,
        "note": codec.settings,
        "points": [],
        "reason": None,
    }
    try:
        version = encoder_version(codec)
    except UserError as error:
        return {**entry, "reason": str(error)}, []
    rates = config.rates.get(name, codec.rates)
    found: list[Coder] = [ClassicalCoder(codec, rate, clips.clip_shape, fps, version, processes) for rate in rates]
    return {**entry, "version": version, "note": note(codec)}, found


def fill_points(
    codecs: dict[str, CodecEntry],
    coders: dict[str, list[Coder]],
    outcomes: dict[tuple[str, str], list[Outcome]],
    clip_ids: list[str],
    measure: Measure,
    shape: tuple[int, ...],
) -> None:
    """Puts points, by falling rate, into the codecs' entries; a point without any clip becomes a reason."""
    for name, group in coders.items():
        points, lost = [], []
        for coder in group:
            done = outcomes[coder.codec, coder.setting]
            point = point_entry(coder, clip_ids, done, measure, shape)
            if point is None:
                lost.append(f"{coder.setting}: every clip failed ({done[0].failure})")
            else:
                points.append(point)
        codecs[name]["points"] = sorted(points, key=lambda point: -point["rate"]["bpp"])
        known = codecs[name]["reason"]
        codecs[name]["reason"] = "; ".join([known, *lost] if known else lost) or None


def _versions() -> dict[str, str]:
    """FFmpeg, where it was asked for and is there."""
    try:
        return {"ffmpeg": ffmpeg_version(), "imageio-ffmpeg": metadata.version("imageio-ffmpeg")}
    except (UserError, metadata.PackageNotFoundError):
        return {}
