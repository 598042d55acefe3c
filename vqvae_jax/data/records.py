"""The clip format on disk: names, record features, digests. What data_prep writes and every reader relies on."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

DATASET_NAME = "clips"


def clip_id(video: str, number: int) -> str:
    """A clip's name: `v_Biking_g03_c01/0002`."""
    return f"{video}/{number:04d}"


def clip_names(split: str) -> str:
    """Which list beside the card names the clips of an `.npy` file, in its order: `id`, `label`, `group` of each."""
    return f"clips-{split}"


def features(clip_shape: tuple[int, int, int, int]) -> Any:
    """The TFDS features of one record: clip (T, H, W, 3) uint8, id, label, group. Needs tensorflow_datasets."""
    import tensorflow_datasets as tfds

    text = tfds.features.Text
    # "bytes": the default encoding is a third larger and many times slower to decode.
    clip = tfds.features.Tensor(shape=clip_shape, dtype=np.uint8, encoding="bytes")
    return tfds.features.FeaturesDict({"clip": clip, "id": text(), "label": text(), "group": text()})


def clip_digest(clip_id: str, clip_THWC: np.ndarray) -> str:
    """SHA-256 of a clip's name, shape and pixels."""
    digest = hashlib.sha256(f"{clip_id}\0{','.join(map(str, clip_THWC.shape))}\0".encode())
    digest.update(np.ascontiguousarray(clip_THWC).data)
    return digest.hexdigest()


class Digests:
    """Digests of many clips, in 32 bytes each: a million of them should not fill the memory."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, digest: str) -> None:
        """Takes one, in hexadecimal."""
        self._bytes += bytes.fromhex(digest)

    def __len__(self) -> int:
        return len(self._bytes) // 32

    def __iter__(self) -> Iterator[str]:
        """In ascending order."""
        # NumPy leaves zeros at the end out when it compares: no matter, for no two SHA-256 differ in those alone.
        ordered = np.sort(np.frombuffer(self._bytes, "S32")).tobytes()
        return (ordered[at : at + 32].hex() for at in range(0, len(ordered), 32))


def sorted_digest(digests: Iterable[str]) -> str:
    """`combined_digest` of digests that come in ascending order; holds one at a time."""
    total, between = hashlib.sha256(), ""
    for digest in digests:
        total.update(f"{between}{digest}".encode())
        between = "\n"
    return total.hexdigest()


def combined_digest(digests: Iterable[str]) -> str:
    """One digest of many, whatever their order."""
    return sorted_digest(sorted(digests))
