"""What a kernel's rANS coder begins and ends with (`rans.h`)."""

import numpy as np

from vqvae_jax.entropy import rans
from vqvae_jax.entropy.kernel.machine import Heap

#: The fields of `rans.h`.
CODER = np.dtype(
    [
        ("writing", "<i4"),
        ("status", "<i4"),
        ("detail", "<i8"),
        ("state", "<u8"),
        ("words", "<u4"),
        ("words_count", "<u4"),
        ("position", "<u4"),
        ("intervals", "<u4"),
        ("symbols", "<u4"),
    ],
    align=True,
)
_ERRORS = (
    None,
    rans.TOO_EARLY,
    rans.NO_END,
    rans.NOT_AT_BEGINNING,
    "an entropy-coded stream holds the number {detail}",
    "a latent of {detail}",
)


def writer() -> np.ndarray:
    """A coder that has written nothing: [1] of CODER."""
    coder = np.zeros(1, CODER)
    coder["writing"] = 1
    return coder


def reader(stream: bytes) -> tuple[np.ndarray, np.ndarray]:
    """A coder at the beginning of a stream, [1] of CODER, and the stream's words, uint16.

    Raises:
      CorruptStreamError: if the length or the state cannot be an encoder's.
    """
    state, words = rans.split(stream)
    coder = np.zeros(1, CODER)
    coder["state"], coder["words_count"] = state, len(words)
    return coder, np.array(words, np.uint16)


def check(coder: np.ndarray) -> None:
    """Raises a `CorruptStreamError` if the kernel found the stream damaged."""
    message = _ERRORS[int(coder["status"][0])]
    if message:
        raise rans.CorruptStreamError(message.format(detail=int(coder["detail"][0])))


def stream_of(heap: Heap, coder: np.ndarray) -> bytes:
    """The stream that the kernel wrote."""
    words = heap.view(int(coder["words"][0]), "<u2", int(coder["words_count"][0]))
    return int(coder["state"][0]).to_bytes(rans.state_bytes(), "little") + words.tobytes()
