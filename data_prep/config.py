"""What a data set is made with: every option of `python -m data_prep`, checked."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vqvae_jax.config import check, check_choice
from vqvae_jax.data.parts import share_of

SplitRule = Literal["group", "video", "official-1", "official-2", "official-3"]
_OFFICIAL_TEST_GROUPS = {"official-1": range(1, 8), "official-2": range(8, 15), "official-3": range(15, 22)}
_LARGEST_SIDE = 4096
_LARGEST_CLIP = 2**28  # bytes; a clip is held in memory


@dataclasses.dataclass(frozen=True)
class PrepConfig:
    """Turns a folder of video files into clips with splits. Needs no GPU; uses all cores.

    Class and group come from UCF101's names (v_Class_gNN_cNN); otherwise the class is the parent folder and every file
    is a group of its own. Files that cannot be used are skipped, counted and listed with the reason.

    Raises:
      ConfigError: if an option is outside its allowed values.
    """

    videos: Path
    """Folder with video files, searched through all sub-folders."""
    out: Path
    """Folder to write, outside of --videos; must not exist. It appears when it is whole."""
    fps: int | Literal["native"] = 16
    """Frames per second: output frame k is the source frame nearest to k/fps seconds. native: every frame."""
    frames: int = 32
    """Frames per clip."""
    hop: int | None = None
    """Frames from one clip's start to the next; default: as many as --frames. With fewer, clips overlap."""
    size: str = "64"
    """Side in pixels, or HEIGHTxWIDTH. The picture is scaled to it, not cropped."""
    resize: Literal["pillow", "scipy"] = "pillow"
    """pillow: bicubic with antialiasing. scipy: the paper's cubic spline without antialiasing."""
    decoder: Literal["pyav", "opencv"] = "pyav"
    """pyav: every codec, at the file's own times, in exact colours. opencv: the paper's, with --resize scipy --fps
    native only; every decoded frame in order, colours about a level too dark."""
    split: SplitRule = "group"
    """group: no group in two splits. video: by video (the paper's). official-N: UCF101's test groups of split N."""
    test_groups: str = ""
    """Instead of --split: group numbers of the test split, as 3-7 or 1,4,9-12. The rest is train and validation."""
    ratios: tuple[float, float, float] = (70, 15, 15)
    """Shares of train, validation and test, by number of clips."""
    seed: int = 0
    """Seed of the split. Same videos, same seed: same split and order, whatever the number of workers."""
    workers: int = 0
    """Processes; 0: one per core."""
    format: Literal["arrayrecord", "npy"] = "arrayrecord"
    """arrayrecord: a TFDS data set of ArrayRecord shards. npy: one array file per split; reading needs only NumPy."""
    strict: bool = False
    """End with exit code 2, without a data set, if any file had to be skipped."""
    near_duplicates: Literal["list", "refuse"] = "list"
    """Videos that look alike in different splits: list them in the card with a warning, or end with exit code 2."""
    runner: Literal["local", "direct", "flink", "dataflow"] = "local"
    """What decodes. local: processes of this machine. Others: an Apache Beam pipeline; its own options follow `--`."""
    shard: str = ""
    """I/N, as 2/4: decode only the I-th of N equal shares of the files, into a part for `data_prep.merge`."""

    def __post_init__(self) -> None:
        check(self.out.name not in ("", ".."), "out", str(self.out), "the name of a new folder")
        check(self.fps == "native" or 1 <= self.fps <= 240, "fps", self.fps, "1 to 240, or native")
        check(1 <= self.frames <= 4096, "frames", self.frames, "1 to 4096")
        check(self.hop is None or 1 <= self.hop <= 4096, "hop", self.hop, "1 to 4096")
        check(re.fullmatch(r"\d{1,4}(x\d{1,4})?", self.size) is not None, "size", self.size, "such as 64 or 96x128")
        height, width = self.height_width
        check(min(height, width) >= 1 and max(height, width) <= _LARGEST_SIDE, "size", self.size, "1 to 4096 a side")
        clip_bytes = self.frames * height * width * 3
        check(
            clip_bytes <= _LARGEST_CLIP, "frames", self.frames, f"clips of at most {_LARGEST_CLIP} bytes at this size"
        )
        check_choice("resize", self.resize, ("pillow", "scipy"))
        check_choice("decoder", self.decoder, ("pyav", "opencv"))
        check(
            self.decoder == "pyav" or (self.resize == "scipy" and self.fps == "native"),
            "decoder",
            self.decoder,
            "pyav, or opencv with resize=scipy and fps=native",
        )
        check_choice("split", self.split, ("group", "video", *_OFFICIAL_TEST_GROUPS))
        check(
            _is_ranges(self.test_groups), "test_groups", self.test_groups, "numbers and ranges such as 3-7 or 1,4,9-12"
        )
        check(
            not (self.test_groups and self.split != "group"),
            "test_groups",
            self.test_groups,
            f"none with split={self.split}",
        )
        finite = all(0 <= share < float("inf") for share in self.ratios)
        check(finite and sum(self.ratios) > 0, "ratios", self.ratios, "three shares, none negative, not all 0")
        if self.numbered_test_groups is not None:
            check(self.ratios[0] + self.ratios[1] > 0, "ratios", self.ratios, "a share for train or validation")
        check(0 <= self.seed < 2**63, "seed", self.seed, "an integer in [0, 2**63)")
        check(0 <= self.workers <= 1024, "workers", self.workers, "0 to 1024")
        check_choice("format", self.format, ("arrayrecord", "npy"))
        check_choice("near_duplicates", self.near_duplicates, ("list", "refuse"))
        check_choice("runner", self.runner, ("local", "direct", "flink", "dataflow"))
        check(not self.shard or self.runner == "local", "runner", self.runner, "local with a shard: Beam shares out")
        check(
            not self.shard or share_of(self.shard) is not None, "shard", self.shard, "I/N with 1 <= I <= N, such as 2/4"
        )

    @property
    def height_width(self) -> tuple[int, int]:
        """Clip height and width in pixels."""
        height, _, width = self.size.partition("x")
        return int(height), int(width or height)

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""
        return (self.frames, *self.height_width, 3)

    @property
    def step(self) -> int:
        """Frames from one clip's start to the next."""
        return self.hop or self.frames

    @property
    def numbered_test_groups(self) -> frozenset[int] | None:
        """The group numbers that make the test split, or None if the split is drawn."""
        if self.test_groups:
            return frozenset(_numbers(self.test_groups))
        return frozenset(_OFFICIAL_TEST_GROUPS[self.split]) if self.split in _OFFICIAL_TEST_GROUPS else None


def _is_ranges(text: str) -> bool:
    if not text:
        return True
    if not re.fullmatch(r"\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*", text):
        return False
    return all(int(low) <= int(high or low) for low, _, high in (part.partition("-") for part in text.split(",")))


def _numbers(text: str) -> list[int]:
    bounds = (part.partition("-") for part in text.split(","))
    return [n for low, _, high in bounds for n in range(int(low), int(high or low) + 1)]


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as `--test-groups` takes them: [1, 2, 3, 7] -> "1-3,7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
