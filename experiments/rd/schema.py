"""The rate-distortion file `rd.json`, as types. `data`, `perceptual`, `quality`, `hardware` are the evaluation job's.

Every number is finite; what could not be measured is null, with a reason beside it. Codecs go by the name of one of
FFmpeg's, by that of a model family, or by FAMILY:NAME for each of several models.
"""

from collections.abc import Mapping
from typing import TypedDict

from vqvae_jax.evaluation.schema import DataEntry, Hardware, Perceptual, Quality

SCHEMA = "vqvae_jax.rate_distortion"
VERSION = 3
CLASSICAL = ("x264", "x265", "svtav1", "av1", "vvc")


class Failure(TypedDict):
    """A clip that a codec could not code or decode."""

    clip_id: str
    reason: str  # one line


class PointRate(TypedDict):
    """Sizes of real files; bits per pixel of one frame, T x H x W pixels a clip. Lists follow `Point.clip_ids`."""

    bpp: float  # the whole file
    payload_bpp: float | None  # ours: without header and index; null for elementary streams, which have neither
    bytes: list[int]
    payload_bytes: list[int] | None


class ExtraFigures(TypedDict):
    """Figures that only some sizes allow: per clip, and their mean."""

    mean: float | None
    clips: list[float] | None
    reason: str | None  # why not


class Point(TypedDict):
    """One codec at one setting, over all clips that went through."""

    setting: str  # what varies, in words: "crf 36", "qp 32", "edge rate-weight 0.1" (bundle; what a bit is worth)
    encode_command: str  # IN and OUT for file names; as run, for ours the equivalent (the library did it)
    decode_command: str
    clip_ids: list[str]  # of data.clip_ids, those that went through
    quality: Quality
    ms_ssim: ExtraFigures
    vmaf: ExtraFigures
    rate: PointRate
    # Medians over clips of wall times as they were: several processes at once, on some day, ours without a process's
    # start. Not to be compared; `benchmarks.codecs` measures speed.
    encode_seconds: float
    decode_seconds: float
    failures: list[Failure]


class CodecEntry(TypedDict):
    """A codec and its points, by falling rate."""

    kind: str  # "learned" or "classical"
    family: str  # "x265"; of a model the family it is of, "msvqvae"
    codec: str  # as on the command line; its key in `codecs` also names the model where there are several
    title: str  # for people: "x265", "SVT-AV1", "MS-VQ-VAE edge"
    version: str | None  # of the encoder, in its own words
    note: str  # what is and is not counted
    points: list[Point]
    reason: str | None  # why there are no points


class Added(TypedDict):
    """What was measured earlier, by another command, on the same clips."""

    codecs: list[str]  # keys of `codecs`
    command: str
    hardware: Hardware
    versions: dict[str, str]
    date: str


class RateDistortion(TypedDict):
    """The whole file."""

    schema: str
    version: int
    command: str
    data: DataEntry
    perceptual: Perceptual
    codecs: dict[str, CodecEntry]  # one entry for each classical codec, one for each model
    added: list[Added]  # those of `codecs` that `command` did not measure
    hardware: Hardware
    versions: dict[str, str]
    date: str


def family(codec: str) -> str:
    """The codec as on the command line: without the model's name."""
    return codec.partition(":")[0]


def kind(codec: str) -> str:
    """What a codec is by its name alone, for files that do not say it: "classical" or "learned"."""
    return "classical" if codec in CLASSICAL else "learned"


def first_learned(codecs: Mapping[str, CodecEntry]) -> CodecEntry | None:
    """The first model that has points."""
    return next((entry for entry in codecs.values() if entry["kind"] == "learned" and entry["points"]), None)


def codec_entry(
    kind: str, family: str, title: str, note: str, version: str | None = None, reason: str | None = None
) -> CodecEntry:
    """An entry without points."""
    about = {"kind": kind, "family": family, "codec": family, "title": title, "version": version, "note": note}
    return {**about, "points": [], "reason": reason}  # type: ignore[typeddict-item]
