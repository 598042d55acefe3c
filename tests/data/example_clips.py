"""Tiny data sets in both formats."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from vqvae_jax.data.records import DATASET_NAME, features

SHARD = 5


def random_clips(count: int, shape: tuple[int, ...] = (4, 8, 8, 3), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def write_npy(folder: Path, splits: dict[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True)
    for split, clips in splits.items():
        if len(clips):
            np.save(folder / f"{split}.npy", clips)
    _write_card(folder, splits, "npy")
    return folder


def write_shards(folder: Path, splits: dict[str, np.ndarray]) -> Path:
    tfds = pytest.importorskip("tensorflow_datasets", reason="writes ArrayRecord shards")
    module = pytest.importorskip("array_record.python.array_record_module", reason="writes ArrayRecord shards")
    folder.mkdir(parents=True)
    shape = next(iter(splits.values())).shape[1:]
    example_features = features(shape)
    infos = []
    for split, clips in splits.items():
        if not len(clips):
            continue
        parts = [range(i, min(i + SHARD, len(clips))) for i in range(0, len(clips), SHARD)]
        for number, part in enumerate(parts):
            name = f"{DATASET_NAME}-{split}.array_record-{number:05d}-of-{len(parts):05d}"
            writer = module.ArrayRecordWriter(str(folder / name), "group_size:1")
            for i in part:
                example = {"clip": clips[i], "id": f"v_{i}", "label": "a", "group": "g"}
                writer.write(example_features.serialize_example(example))
            writer.close()
        template = tfds.core.ShardedFileTemplate(
            data_dir=folder, dataset_name=DATASET_NAME, split=split, filetype_suffix="array_record"
        )
        infos.append(
            tfds.core.SplitInfo(
                name=split, shard_lengths=[len(p) for p in parts], num_bytes=clips.nbytes, filename_template=template
            )
        )
    tfds.folder_dataset.write_metadata(data_dir=folder, features=example_features, split_infos=infos, check_data=False)
    _write_card(folder, splits, "arrayrecord")
    return folder


def _write_card(folder: Path, splits: dict[str, np.ndarray], format_: str) -> None:
    card = {
        "format": format_,
        "splits": {
            split: {
                "clips": len(clips),
                "digest": hashlib.sha256(clips.tobytes()).hexdigest(),
                "ids": [f"v_{i}" for i in range(len(clips))],
            }
            for split, clips in splits.items()
        },
    }
    (folder / "card.json").write_text(json.dumps(card))
