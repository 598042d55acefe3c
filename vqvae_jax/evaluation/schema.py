"""The evaluation file: one JSON object per run and clip set, as types. docs/evaluation.md explains the fields.

Every number is finite; what could not be measured is null, with a reason beside it.
"""

from typing import TypedDict

SCHEMA = "vqvae_jax.evaluation"
VERSION = 3


class MeanFigures(TypedDict):
    """Means over the frames of a clip, then over clips."""

    psnr: float
    ssim: float
    difference_psnr: float | None
    perceptual: float | None
    lossless_frames: int


class ClipFigures(TypedDict):
    """One value per clip, in the order of `data.clip_ids`."""

    psnr: list[float]
    ssim: list[float]
    difference_psnr: list[float] | None
    perceptual: list[float] | None
    lossless_frames: list[int]


class Quality(TypedDict):
    mean: MeanFigures
    psnr_by_position: list[float]
    clips: ClipFigures


class Baseline(TypedDict):
    quality: Quality | None
    reason: str | None


class Files(TypedDict):
    """Real files, one per clip, and what is decoded from their bytes alone. Lists follow `clip_ids`."""

    clips: int
    clip_ids: list[str]
    bytes: list[int]
    bpp: float
    psnr: float
    ssim: float
    clip_psnr: list[float]
    clip_ssim: list[float]
    fitted_on: int | None
    bundle: str
    command: str


class RatePoint(TypedDict):
    """The same clips' files at another of a model's several rates."""

    quality: float  # 0 to 100
    files: Files


class Without(TypedDict):
    """Without one part of the code."""

    psnr: float
    clip_psnr: list[float]


class Hardware(TypedDict):
    platform: str
    device: str
    devices: int
    cores: int


class Surroundings(TypedDict):
    hardware: Hardware
    versions: dict[str, str]
    date: str


class CheckpointResult(Surroundings):
    step: int
    digest: str
    weights: str
    trained_on: str | None
    quality: Quality
    files: Files | None
    files_reason: str | None
    curve: list[RatePoint]
    estimates: dict[str, float]
    without: dict[str, Without]
    diagnostics: dict[str, object]
    batch_size: int
    seconds: float


class RunEntry(TypedDict):
    kind: str  # "run" or "bundle"
    family: str
    name: str
    folder: str
    identity: str
    cost: dict[str, int]
    training_trunk: str | None
    config: dict[str, object]


class DataEntry(TypedDict):
    folder: str
    split: str
    digest: str
    clip_shape: list[int]
    fps: float | None
    clips_in_split: int
    clip_ids: list[str]


class Perceptual(TypedDict):
    trunk: str | None
    provenance: str | None
    layer_means: list[float] | None
    reason: str | None


class H264(TypedDict):
    settings: str
    encoder: str | None
    bpp: float | None
    clip_bytes: list[int] | None
    reason: str | None


class Result(TypedDict):
    """The whole file."""

    schema: str
    version: int
    run: RunEntry
    data: DataEntry
    perceptual: Perceptual
    h264: H264
    baselines: dict[str, Baseline]
    checkpoints: list[CheckpointResult]
