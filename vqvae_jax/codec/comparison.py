"""One video against another, frame by frame: PSNR and SSIM as everywhere else, in constant memory."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import jax
import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.metrics.psnr import CAP_DB, frame_psnr
from vqvae_jax.metrics.ssim import frame_ssim

BLOCK = 16  # frames measured at a time


class Comparison(NamedTuple):
    """Means over frames."""

    frames: int
    width: int
    height: int
    psnr: float  # dB, every frame capped at 100
    ssim: float | None  # none where a side is under 7 pixels
    lossless_frames: int
    psnr_by_frame: list[float]


def compare(reference: Iterable[np.ndarray], estimate: Iterable[np.ndarray]) -> Comparison:
    """Compares two sequences of uint8 RGB frames [H, W, 3].

    Raises:
      UserError: if sizes or numbers of frames differ, or there are none.
    """
    psnr: list[np.ndarray] = []
    ssim: list[np.ndarray] = []
    small = False
    measure_psnr, measure_ssim = jax.jit(frame_psnr), jax.jit(frame_ssim)
    pairs = itertools.zip_longest(reference, estimate)
    count = 0
    while block := list(itertools.islice(pairs, BLOCK)):
        for number, (a, b) in enumerate(block, start=count):
            if a is None or b is None:
                shorter = "first" if a is None else "second"
                raise UserError(f"the {shorter} video ends after {number} frames, the other does not")
            if a.shape != b.shape:
                raise UserError(
                    f"frame {number} is {_size(a)} in the first video and {_size(b)} in the second; give videos of one "
                    "size (`encode --verify` measures a file against what was coded)"
                )
        count += len(block)
        # Filled up, so that the last block does not compile anew.
        filled = block + block[-1:] * (BLOCK - len(block))
        first, second = (np.stack(side)[None] for side in zip(*filled, strict=True))
        psnr.append(np.asarray(measure_psnr(first, second))[0, : len(block)])
        small = min(first.shape[2:4]) < 7
        if not small:
            ssim.append(np.asarray(measure_ssim(first, second))[0, : len(block)])
    if not count:
        raise UserError("there is no frame to compare")
    by_frame = np.concatenate(psnr).astype(np.float64)
    mean_ssim = None if small else float(np.concatenate(ssim).astype(np.float64).mean())
    height, width = first.shape[2:4]
    return Comparison(
        count, width, height, float(by_frame.mean()), mean_ssim, int((by_frame >= CAP_DB).sum()), by_frame.tolist()
    )


def _size(frame: np.ndarray) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"
