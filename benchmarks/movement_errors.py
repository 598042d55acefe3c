"""Where errors of frames and of frame differences lie: by how much a pixel changes, a model beside libaom.

    python -m benchmarks.movement_errors --bundle ntc --data DIR [--split test] [--clips 24] \
        [--qualities 20 45] [--crfs 63 58]

Each pixel but those of first frames belongs to a class by its change since the frame before, the mean over colours of
the absolute difference of 8-bit values. A row is a class of a coded setting: its share of the pixels, its mean squared
errors of the frame and of the difference, its share of the difference's squared error, and what repeating the frame
before would have ("repeated"). Rows without a class are of all pixels. PSNR is the mean over frames, so that quiet
ones count as much as others; mean squared errors are those of all pixels together.
"""

import io
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from benchmarks.inputs import Bundle, Count, DataSet, bundle_facts, read_clips
from benchmarks.report import Result, Row, benchmark
from experiments.rd.classical import AV1, ClassicalCoder, encoder_version
from experiments.rd.ffmpeg import Processes
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import Model
from vqvae_jax.metrics.psnr import difference_psnr, frame_psnr
from vqvae_jax.packaged import find_bundle

RATE = Fraction(16)
#: Least change of each class, in 8-bit levels.
CLASSES = (0, 2, 4, 8, 16, 32)

Coded = Callable[[np.ndarray], tuple[int, np.ndarray]]


def by_movement(clip_THWC: np.ndarray, decoded_THWC: np.ndarray) -> np.ndarray:
    """Of each class of `CLASSES`: pixels, and sums of squared errors of frames, differences, and of repeated frames.

    Args:
      clip_THWC, decoded_THWC: uint8.

    Returns:
      float64, (classes, 4); errors are means over colours, in squared 8-bit levels.
    """
    clip = clip_THWC.astype(np.float64)
    change, error = np.diff(clip, axis=0), decoded_THWC - clip
    kind = np.digitize(np.abs(change).mean(-1), CLASSES) - 1
    squares = (error[1:], np.diff(error, axis=0), change)
    sums = [np.ones(kind.shape), *(np.mean(values**2, axis=-1) for values in squares)]
    return np.stack([np.bincount(kind.ravel(), each.ravel(), len(CLASSES)) for each in sums], axis=-1)


def rows_of(setting: str, clips_NTHWC: np.ndarray, coded: Coded) -> list[Row]:
    """One row for all pixels, and one for each class."""
    sums, total, frames, differences = np.zeros((len(CLASSES), 4)), 0, [], []
    for clip in tqdm(clips_NTHWC, setting, disable=None):
        size, decoded = coded(clip)
        of_clip = by_movement(clip, decoded)
        total, sums = total + size, sums + of_clip
        pair = jnp.asarray(clip[None]), jnp.asarray(decoded[None])
        frames.append(frame_psnr(*pair).mean())
        differences.append(difference_psnr(*pair).mean())
    bpp = 8 * total / clips_NTHWC[..., 0].size
    everything: Row = {"setting": setting, "bpp": bpp, "psnr": float(np.mean(frames))}
    everything["difference psnr"] = float(np.mean(differences))
    pixels, errors = sums[:, 0], sums[:, 1:] / np.maximum(sums[:, :1], 1)
    frame, difference, repeated = sums[:, 1:].sum(axis=0) / pixels.sum()
    everything |= {"frame mse": frame, "difference mse": difference, "repeated": repeated}
    return [everything] + [
        {
            "setting": setting,
            "change": f"{low} to {high}" if high else f"{low} or more",
            "share of pixels": pixels[place] / pixels.sum(),
            "frame mse": errors[place, 0],
            "difference mse": errors[place, 1],
            "share of difference error": sums[place, 2] / sums[:, 2].sum(),
            "repeated": errors[place, 2],
        }
        for place, (low, high) in enumerate(zip(CLASSES, (*CLASSES[1:], 0), strict=True))
    ]


def by_model(model: Model, quality: float, clip_THWC: np.ndarray) -> tuple[int, np.ndarray]:
    """Bytes of the clip's file, and what it decodes to."""
    out = io.BytesIO()
    size = Encoder(model, quality=quality).encode(clip_THWC, out, RATE).bytes
    with Decoder(model, out.getvalue()) as decoder:
        return size, np.stack(list(decoder.frames()))


def by_libaom(crf: int, processes: Processes, path: Path, clip_THWC: np.ndarray) -> tuple[int, np.ndarray]:
    """Bytes of the clip's stream, written to `path`, and what it decodes to."""
    coder = ClassicalCoder(AV1, crf, clip_THWC.shape, float(RATE), encoder_version(AV1), processes)
    coder.encode(clip_THWC, path)
    return path.stat().st_size, coder.decode(path, clip_THWC.shape)[0]


@benchmark
def main(
    bundle: Bundle = None,
    data: DataSet = None,
    split: str = "test",
    clips: Count = 24,
    qualities: tuple[float, ...] = (20, 45),
    crfs: tuple[int, ...] = (63, 58),
) -> Result:
    model = find_bundle(bundle)
    read, facts = read_clips(data, split, clips)
    rows: list[Row] = []
    for quality in qualities:
        rows += rows_of(f"{model.name}, quality {quality:g}", read, partial(by_model, model, quality))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{AV1.suffix}"
        for crf in crfs:
            rows += rows_of(f"libaom, CRF {crf}", read, partial(by_libaom, crf, Processes(), path))
    return {
        "rows": rows,
        "bundle": bundle_facts(model),
        "data": facts,
    }


if __name__ == "__main__":
    main()
