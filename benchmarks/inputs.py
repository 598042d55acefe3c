"""What benchmarks are fed: clips of a data set or, without one, of videos made on the spot."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro.conf import arg

from data_prep.config import PrepConfig
from data_prep.prepare import prepare
from experiments.demo_videos import make_demo_videos
from vqvae_jax.codec.interface import Model
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import ClipSet, few

GENERATED_VIDEOS, GENERATED_DATA = "generated_videos", "generated_data"  # names that results show

DataSet = Annotated[Path | None, arg(help="data set of data_prep; default: one of generated videos")]
Videos = Annotated[Path | None, arg(help="folder of video files; default: generated ones")]
Count = Annotated[int, arg(help="clips, evenly spread; 0 for all")]
Bundle = Annotated[Path | None, arg(help="default: $VQVAE_JAX_BUNDLE, else the package's own")]


def generate(folder: Path) -> tuple[Path, Path]:
    """30 videos of 6 s at 320x240 and the data set made of them, in two new folders inside `folder`."""
    videos, data = folder / GENERATED_VIDEOS, folder / GENERATED_DATA
    make_demo_videos(videos)
    prepare(PrepConfig(videos, data))
    return videos, data


@contextlib.contextmanager
def clips_of(data: Path | None, split: str, count: int = 0) -> Iterator[ClipSet]:
    """Clips of the data set, or of one that is gone afterwards.

    Args:
      data: of data_prep; none to generate one.
      split: its name.
      count: evenly spread; 0 for all.
    """
    with contextlib.ExitStack() as stack:
        data = data or generate(Path(stack.enter_context(tempfile.TemporaryDirectory())))[1]
        yield few(open_split(data, split), count)


def read_clips(data: Path | None, split: str, count: int = 0) -> tuple[np.ndarray, dict[str, Any]]:
    """The clips of `clips_of`, uint8 [clips, T, H, W, 3], and what a result says about them."""
    with clips_of(data, split, count) as chosen:
        return chosen.read(range(len(chosen))), data_facts(chosen)


@contextlib.contextmanager
def videos_or_generated(videos: Path | None) -> Iterator[Path]:
    """The folder of videos, or one that is gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = videos or Path(stack.enter_context(tempfile.TemporaryDirectory())) / GENERATED_VIDEOS
        if videos is None:
            make_demo_videos(folder)
        yield folder


def data_facts(clips: ClipSet) -> dict[str, Any]:
    """What a result says about its clips; the digest is of the whole split, of which it may have used a few."""
    facts = {"name": clips.data_dir.name, "split": clips.split, "digest": clips.digest}
    return facts | {"clips": len(clips), "clip_shape": list(clips.clip_shape)}


def bundle_facts(model: Model) -> dict[str, Any]:
    """What a result says about its model."""
    return {"name": model.name, "digest": model.digest, **model.origin}
