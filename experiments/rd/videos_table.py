"""Figures by video, for whoever wants to know which content a codec is good at: `rd_videos.csv`."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from experiments.rd.schema import Point, RateDistortion
from vqvae_jax.data.names import video_of
from vqvae_jax.metrics.rate import bytes_to_bpp

FIGURES = ("psnr", "ssim", "difference_psnr", "perceptual")


def videos_csv(rd: RateDistortion) -> str:
    """A row per codec, setting and video: clips, bits per pixel of whole files, means over the video's clips."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["codec", "setting", "video", "clips", "bpp", *FIGURES])
    frames, height, width = rd["data"]["clip_shape"][:3]
    for name, entry in rd["codecs"].items():
        for point in entry["points"]:
            for video, positions in clips_by_video(point).items():
                bpp = bytes_to_bpp(_mean(point["rate"]["bytes"], positions), (frames, height, width))
                clips = point["quality"]["clips"]
                lists = {
                    "psnr": clips["psnr"],
                    "ssim": clips["ssim"],
                    "difference_psnr": clips["difference_psnr"],
                    "perceptual": clips["perceptual"],
                }
                figures = ["" if (f := lists[n]) is None else f"{_mean(f, positions):.6g}" for n in FIGURES]
                writer.writerow([name, point["setting"], video, len(positions), f"{bpp:.6g}", *figures])
    return text.getvalue()


def clips_by_video(point: Point) -> dict[str, list[int]]:
    """Positions in the point's lists by video; a clip's id is its video's name, a slash and a number."""
    found: dict[str, list[int]] = {}
    for position, clip_id in enumerate(point["clip_ids"]):
        found.setdefault(video_of(clip_id), []).append(position)
    return found


def _mean(values: Sequence[float], positions: Sequence[int]) -> float:
    return float(np.mean([values[position] for position in positions]))
