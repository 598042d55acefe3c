"""Optical flow between the frames of a scene, found once and kept beside the run."""

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vqvae_jax.errors import UserError
from vqvae_jax.files import make_folder, write_atomically
from vqvae_jax.mvc.experiment import LossConfig
from vqvae_jax.progress import Progress
from vqvae_jax.training.digests import leaf_digest

#: From a frame to the next and back: [H, W, 2] float32 each, (dx, dy) in pixels. Of uint8 RGB [H, W, 3].
Pair = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def scene_flow(
    loss: LossConfig, frames_THWC: np.ndarray, cache: Path | None = None, raft: Path | None = None
) -> np.ndarray:
    """What SFCM is told of a scene: [T, H, W, 4] float16, flow t - 1 to t and t to t - 1; 0 at t = 0.

    Args:
      loss: names the source.
      frames_THWC: uint8.
      cache: a folder where the flow is kept, by source and digest of the frames; none finds it anew every time.
      raft: file of RAFT's weights.

    Raises:
      UserError: if the source needs a file and none is given, it does not fit, or the cache holds something else.
    """
    pair = provider(loss, raft)
    if loss.flow_source in ("zero", "shift"):
        cache = None
    path = None if cache is None else cache / f"flow_{loss.flow_source}_{leaf_digest(frames_THWC)}.npz"
    shape = (*frames_THWC.shape[:3], 4)
    if path is not None and path.is_file():
        return _read(path, shape)
    found = np.zeros(shape, np.float16)
    with Progress("flow", total=len(found) - 1, unit="pairs of frames") as progress:
        for t in range(1, len(found)):
            found[t] = np.concatenate(pair(frames_THWC[t - 1], frames_THWC[t]), axis=-1)
            progress.advance()
    if path is not None:
        content = io.BytesIO()
        np.savez_compressed(content, flow=found)
        make_folder(path.parent)
        write_atomically(path, content.getvalue())
    return found


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found: np.ndarray = arrays["flow"]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}); remove it, and the flow is found again") from error
    if found.shape != shape or found.dtype != np.float16:
        raise UserError(f"{path} holds {found.dtype} {found.shape}, not float16 {shape}; remove it")
    return found


def provider(loss: LossConfig, raft: Path | None = None) -> Pair:
    """What finds the flow between two frames.

    Raises:
      UserError: if it needs a file and none is given, or it does not fit.
    """
    if loss.flow_source == "dis":
        return dis()
    if loss.flow_source == "raft":
        if raft is None:
            raise UserError("loss.flow_source=raft needs a file of RAFT-small's weights (.npz): --raft-weights FILE")
        from vqvae_jax.mvc.supervision.raft import Raft

        return Raft(raft)
    shift = np.array(loss.flow_shift if loss.flow_source == "shift" else (0.0, 0.0), np.float32)

    def everywhere(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.broadcast_to(way, (*before.shape[:2], 2)) for way in (shift, -shift))  # type: ignore[return-value]

    return everywhere


def dis() -> Pair:
    """Dense inverse search (Kroeger et al. 2016) of OpenCV, preset medium, on grey pictures."""
    import cv2

    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def pair(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a, b = (cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in (before, after))
        found = (search.calc(*ways, np.zeros((*a.shape, 2), np.float32)) for ways in ((a, b), (b, a)))
        forward, backward = map(np.asarray, found)
        return forward, backward

    return pair
