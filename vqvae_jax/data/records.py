"""The clip format on disk: names, record features, digests. What data_prep writes and every reader relies on."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

DATASET_NAME = "clips"


def clip_id(video: str, number: int) -> str:
    """A clip's name: `v_Biking_g03_c01/0002`."""
    return f"{video}/{number:04d}"


def features(clip_shape: tuple[int, int, int, int]) -> Any:
    """The TFDS features of one record: clip (T, H, W, 3) uint8, id, label, group. Needs tensorflow_datasets."""
    import tensorflow_datasets as tfds

    text = tfds.features.Text
    # "bytes": the default encoding is a third larger and many times slower to decode.
    clip = tfds.features.Tensor(shape=clip_shape, dtype=np.uint8, encoding="bytes")
    return tfds.features.FeaturesDict({"clip": clip, "id": text(), "label": text(), "group": text()})


def clip_digest(clip_id: str, clip_THWC: np.ndarray) -> str:
    """SHA-256 of a clip's name, shape and pixels."""
    header = f"{clip_id}\0{','.join(map(str, clip_THWC.shape))}\0".encode()
    return hashlib.sha256(header + np.ascontiguousarray(clip_THWC).tobytes()).hexdigest()


def combined_digest(digests: Iterable[str]) -> str:
    """One digest of many, whatever their order."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
