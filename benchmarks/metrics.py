"""PSNR, SSIM and difference PSNR of clips on the device, against scikit-image in a loop over frames; the aim is 20x.

    python -m benchmarks.metrics [--data DIR] [--clips 32]

Both measure the same clips with the same noise: every frame's PSNR and SSIM, and the PSNR of frame differences, as the
evaluation job does (without the perceptual distance; ours also counts lossless frames). Before anything is timed the
numbers must agree: 1e-3 dB, 1e-4 of SSIM. Ours starts from arrays on the host and ends with arrays on the host.
"ratio by CPU" compares CPU seconds, which other programs on the machine disturb less: a ratio core for core.
"""

import functools
from pathlib import Path

import jax
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmarks.clocks import alternate_cpu
from benchmarks.inputs import data_facts, data_or_generated
from benchmarks.report import Row, aim, cores, options, timings, versions, write
from vqvae_jax.data.open import open_split
from vqvae_jax.data.source import few
from vqvae_jax.errors import run_command
from vqvae_jax.evaluation.quality import measure_quality

AIM = 20.0
TOLERANCES = {"psnr": 1e-3, "ssim": 1e-4, "difference_psnr": 1e-3}
Figures = dict[str, np.ndarray]  # psnr, ssim: [N, T]; difference_psnr: [N, T-1]


def noisy(clips_NTHWC: np.ndarray, sigma: float = 8.0) -> np.ndarray:
    """The clips with Gaussian noise of `sigma` levels, uint8."""
    noise = np.random.default_rng(0).normal(0, sigma, clips_NTHWC.shape)
    return np.clip(np.rint(clips_NTHWC + noise), 0, 255).astype(np.uint8)


def by_scikit_image(reference_NTHWC: np.ndarray, estimate_NTHWC: np.ndarray, names: tuple[str, ...]) -> Figures:
    """The figures that are asked for, one frame after the other."""
    found: dict[str, list[list[float]]] = {name: [] for name in names}
    for reference, estimate in zip(reference_NTHWC, estimate_NTHWC, strict=True):
        if "psnr" in names:
            found["psnr"].append(
                [peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(reference, estimate, strict=True)]
            )
        if "ssim" in names:
            found["ssim"].append(
                [
                    structural_similarity(a, b, channel_axis=-1, data_range=255)
                    for a, b in zip(reference, estimate, strict=True)
                ]
            )
        if "difference_psnr" in names:
            differences = (np.diff(clip.astype(np.int16), axis=0) for clip in (reference, estimate))
            found["difference_psnr"].append(
                [peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(*differences, strict=True)]
            )
    return {name: np.array(values) for name, values in found.items()}


@functools.partial(jax.jit, static_argnums=2)
def _on_device(reference: jax.Array, estimate: jax.Array, names: tuple[str, ...]) -> dict[str, jax.Array]:
    figures = measure_quality(reference, estimate, None, (1.0, 1.0, 1.0))
    # What is not asked for the compiler leaves out.
    return {name: figures[name] for name in (*names, *(["lossless"] if len(names) == len(TOLERANCES) else []))}


def by_ours(reference_NTHWC: np.ndarray, estimate_NTHWC: np.ndarray, names: tuple[str, ...]) -> Figures:
    """The figures that are asked for, all clips at once; with all of them also `lossless`."""
    return jax.device_get(_on_device(reference_NTHWC, estimate_NTHWC, names))


def largest_differences(ours: Figures, theirs: Figures) -> dict[str, float]:
    """The largest difference of every figure.

    Raises:
      AssertionError: if one is beyond its tolerance; a speed at other numbers is none.
    """
    largest = {name: float(np.abs(ours[name] - theirs[name]).max()) for name in theirs}
    for name, difference in largest.items():
        if not difference <= TOLERANCES[name]:
            raise AssertionError(f"{name} differs from scikit-image by {difference:.2g}, more than {TOLERANCES[name]}")
    return largest


def compare(reference_NTHWC: np.ndarray, estimate_NTHWC: np.ndarray, repeats: int) -> list[Row]:
    """A row for all figures together and one for each."""
    every = tuple(TOLERANCES)
    largest = largest_differences(
        by_ours(reference_NTHWC, estimate_NTHWC, every), by_scikit_image(reference_NTHWC, estimate_NTHWC, every)
    )
    rows: list[Row] = []
    for names in (every, *((name,) for name in every)):
        calls = {
            "ours": functools.partial(by_ours, reference_NTHWC, estimate_NTHWC, names),
            "scikit-image": functools.partial(by_scikit_image, reference_NTHWC, estimate_NTHWC, names),
        }
        jax.clear_caches()  # so that the first call is with compilation
        found, clips = timings(calls, repeats), len(reference_NTHWC)
        cpu = alternate_cpu(calls, repeats)
        rows.append(
            {
                "figure": "all" if names == every else names[0],
                "peer": "scikit-image, loop over frames",
                "ours ms/clip": 1e3 * found["ours"].median_s / clips,
                "peer ms/clip": 1e3 * found["scikit-image"].median_s / clips,
                "ratio": found["scikit-image"].median_s / found["ours"].median_s,
                "ratio by CPU": cpu["scikit-image"] / cpu["ours"],
                "compile s": found["ours"].first_s - found["ours"].median_s,
                "largest difference": max(largest.values()) if names == every else largest[names[0]],
            }
        )
    return rows


def main() -> None:
    parser = options("metrics", __doc__)
    parser.add_argument("--data", type=Path, help="data set of data_prep; default: one of generated videos")
    parser.add_argument("--split", default="test")
    parser.add_argument("--clips", type=int, default=32, help="evenly spread; 0 for all")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    with data_or_generated(arguments.data) as data:
        clips = few(open_split(data, arguments.split), arguments.clips)
        reference, facts = clips.read(range(len(clips))), data_facts(clips)
    rows = compare(reference, noisy(reference), arguments.repeats)
    write(
        arguments.out,
        "metrics",
        rows,
        peers=versions("scikit-image", "scipy"),
        threads={"ours": cores(), "scikit-image": 1},
        aims=[aim("all figures, times scikit-image's speed", rows[0]["ratio"], at_least=AIM)],
        repeats=arguments.repeats,
        tolerances=TOLERANCES,
        data=facts,
    )


if __name__ == "__main__":
    run_command("benchmarks.metrics", main)
