"""A table's JSON file, as types. docs/tables.md explains the fields.

Every number is finite; what was not measured is null, with the reason beside it. Paths are relative to the file.
"""

from typing import TypedDict

from vqvae_jax.evaluation.schema import Hardware

SCHEMA = "vqvae_jax.tables"
VERSION = 1


class PaperFigures(TypedDict):
    psnr: float
    ssim: float
    params_m: float | None
    compression_ratio: float | None
    reduction_percent: float | None


class OurFigures(TypedDict):
    psnr: float
    ssim: float
    difference_psnr: float | None
    perceptual: float | None
    params_m: float  # parameters and codebook entries together
    parameters: int
    codebook_entries: int
    formula_bpp: float
    deflate_bpp: float
    entropy_bpp: float
    formula_share_of_raw: float
    deflate_share_of_raw: float
    formula_share_of_h264: float | None
    deflate_share_of_h264: float | None


class RunFacts(TypedDict):
    folder: str
    evaluation: str
    steps: int
    batch_size: int
    seed: int
    checkpoint: str  # digest
    trained_on: str  # digest of the training clips
    training_clips: int
    training_trunk: str | None
    trained_with: list[str]  # machines, as the run's folder names them; empty if it does not
    training_hours: float | None  # by the logged clips/s; null if nothing was logged
    measured_on: Hardware
    measured: str  # date


class Row(TypedDict):
    label: str
    experiment: str
    paper: PaperFigures
    ours: OurFigures | None
    run: RunFacts | None
    reason: str | None  # why there are no figures


class Measured(TypedDict):
    """The clips that the table is measured on."""

    folder: str
    split: str
    digest: str
    clip_shape: list[int] | None
    fps: float | None
    resize: str | None
    split_rule: str | None
    clips: int
    clips_in_split: int


class Baseline(TypedDict):
    name: str
    psnr: float | None
    ssim: float | None
    reason: str | None


class H264(TypedDict):
    settings: str
    bpp: float | None
    reason: str | None


class Figure(TypedDict):
    picture: str
    moving: str
    clip_ids: list[str]
    checkpoints: dict[str, str]  # column -> digest


class Table(TypedDict):
    """The whole file."""

    schema: str
    version: int
    table: int
    title: str
    budget: str
    remark: str
    proves: str  # "path" or "numbers"
    command: str
    data: Measured
    training_data: str  # folder
    rows: list[Row]
    baselines: list[Baseline]
    h264: H264 | None
    figure: Figure | None
    notes: list[str]
    versions: dict[str, str]
    date: str
