"""Figures of decoded clips: the evaluation job's on the device, MS-SSIM there too, VMAF by FFmpeg's libvmaf."""

import re
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.rd.ffmpeg import Processes, ffmpeg_path, ffmpeg_version
from experiments.rd.quality_measures import vmaf_too_small
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.coder import CodecError
from vqvae_jax.evaluation.quality import ClipMeasure, Divisors
from vqvae_jax.losses.vgg import VggTrunk
from vqvae_jax.metrics.ms_ssim import SMALLEST_SIDE, frame_ms_ssim

#: To be raised whenever a definition below changes, or VMAF is wanted of smaller frames: figures kept under
#: another number are measured again.
DEFINITIONS = 1
VMAF_MODEL = "vmaf_v0.6.1"


class Measure(ClipMeasure):
    """Measures estimates of clips of one shape.

    Args:
      shape: (T, H, W, 3) of the clips.
      trunk: of the perceptual distance; without one the figure is left out.
      divisors: of its layers.
      processes: that run FFmpeg for VMAF.

    Attributes:
      key: JSON values that say how figures are defined; figures kept under the same key need no new measurement.
      ms_ssim_reason, vmaf_reason: why the figure cannot be had, or None.
    """

    def __init__(
        self, shape: tuple[int, ...], trunk: VggTrunk | None, divisors: Divisors, processes: Processes
    ) -> None:
        self._processes = processes
        smallest = min(shape[1:3])
        self.ms_ssim_reason = (
            None
            if smallest >= SMALLEST_SIDE
            else f"MS-SSIM with five scales needs sides of at least {SMALLEST_SIDE} pixels; the clips have {smallest}"
        )
        refused = vmaf_refused(processes, shape)
        self.vmaf_reason = vmaf_too_small(shape) or refused
        self.key: dict[str, Any] = {
            "definitions": DEFINITIONS,
            "trunk": None if trunk is None else trunk.digest,
            "divisors": list(divisors),
            "ms_ssim": self.ms_ssim_reason is None,
            # Whatever the size: figures kept before small frames went without VMAF are still good.
            "vmaf": None if refused else f"{VMAF_MODEL}, FFmpeg {ffmpeg_version()}",
        }
        super().__init__(trunk, divisors)

    def pixels(self, reference_BTHWC: Array, estimate_BTHWC: Array) -> dict[str, Array]:
        """Those of the evaluation, and MS-SSIM where frames are large enough."""
        values = super().pixels(reference_BTHWC, estimate_BTHWC)
        if self.ms_ssim_reason is None:
            values["ms_ssim"] = jnp.mean(frame_ms_ssim(reference_BTHWC, estimate_BTHWC), axis=1)
        return values

    def vmaf(self, clip_THWC: np.ndarray, estimate_THWC: np.ndarray) -> float | None:
        """VMAF of a clip, in FFmpeg; None where the size does not allow it.

        Raises:
          CodecError: if libvmaf fails.
          Stopped: if the processes were stopped.
        """
        return None if self.vmaf_reason else run_vmaf(self._processes, clip_THWC, estimate_THWC)


def run_vmaf(processes: Processes, clip_THWC: np.ndarray, estimate_THWC: np.ndarray) -> float:
    """Mean over frames, of both videos as 4:2:0 (libvmaf looks at luma only).

    Both are given as decoded frames side by side, so that no container's time stamps can set them against each other.

    Raises:
      CodecError: if libvmaf fails.
    """
    height, width = clip_THWC.shape[1:3]
    both = np.concatenate([estimate_THWC, clip_THWC], axis=2)
    halves = ";".join(
        f"[{name}]crop={width}:{height}:{left}:0,format=yuv420p[{name}0]" for name, left in (("a", 0), ("b", width))
    )
    graph = f"split[a][b];{halves};[a0][b0]libvmaf=model=version={VMAF_MODEL}:n_threads=1"
    command = [ffmpeg_path(), "-hide_banner", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{2 * width}x{height}"]
    _, said = processes.run([*command, "-r", "16", "-i", "-", "-lavfi", graph, "-f", "null", "-"], both.tobytes())
    found = re.search(r"VMAF score: (-?\d+\.\d+)", said)
    if found is None:
        raise CodecError("libvmaf gave no score")
    return float(found[1])


def vmaf_refused(processes: Processes, shape: tuple[int, ...]) -> str | None:
    """Why there is no VMAF for clips of this shape; None if libvmaf takes them."""
    frames = np.zeros((2, *shape[1:]), np.uint8)
    try:
        run_vmaf(processes, frames, frames)
    except UserError as error:
        return f"VMAF {error}"
    except CodecError as error:
        return f"FFmpeg's libvmaf does not take clips of {shape[2]}x{shape[1]}: {error}"
    return None
