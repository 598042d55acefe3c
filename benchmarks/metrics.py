"""PSNR, SSIM and difference PSNR of clips on the device, against scikit-image in a loop over frames; the aim is 20x.

    python -m benchmarks.metrics [--data DIR] [--clips 32]

Both measure the same clips with the same noise: every frame's PSNR and SSIM, and the PSNR of frame differences, as the
evaluation job does (without the perceptual distance; ours also counts lossless frames). Before anything is timed the
numbers must agree: 1e-3 dB, 1e-4 of SSIM. Ours starts from arrays on the host and ends with arrays on the host.
"ratio by CPU" compares CPU seconds, which other programs on the machine disturb less: a ratio core for core.
"""

import functools

import jax
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmarks.inputs import Count, DataSet, read_clips
from benchmarks.report import Result, Row, aim, benchmark, cores, timings, versions
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

    def psnr(reference: np.ndarray, estimate: np.ndarray) -> list[float]:
        return [peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(reference, estimate, strict=True)]

    def ssim(reference: np.ndarray, estimate: np.ndarray) -> list[float]:
        pairs = zip(reference, estimate, strict=True)
        return [structural_similarity(a, b, channel_axis=-1, data_range=255) for a, b in pairs]

    def difference_psnr(reference: np.ndarray, estimate: np.ndarray) -> list[float]:
        return psnr(*(np.diff(clip.astype(np.int16), axis=0) for clip in (reference, estimate)))

    figures = {"psnr": psnr, "ssim": ssim, "difference_psnr": difference_psnr}
    return {name: np.array(list(map(figures[name], reference_NTHWC, estimate_NTHWC))) for name in names}


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
        ours, theirs = found["ours"], found["scikit-image"]
        rows.append(
            {
                "figure": "all" if names == every else names[0],
                "peer": "scikit-image, loop over frames",
                "ours ms/clip": 1e3 * ours.median_s / clips,
                "peer ms/clip": 1e3 * theirs.median_s / clips,
                "ratio": theirs.median_s / ours.median_s,
                "ratio by CPU": theirs.cpu_s / ours.cpu_s,
                "compile s": ours.first_s - ours.median_s,
                "largest difference": max(largest.values()) if names == every else largest[names[0]],
            }
        )
    return rows


@benchmark
def main(data: DataSet = None, split: str = "test", clips: Count = 32, repeats: int = 7) -> Result:
    reference, facts = read_clips(data, split, clips)
    rows = compare(reference, noisy(reference), repeats)
    return {
        "rows": rows,
        "peers": versions("scikit-image", "scipy"),
        "threads": {"ours": cores(), "scikit-image": 1},
        "aims": [aim("all figures, times scikit-image's speed", rows[0]["ratio"], at_least=AIM)],
        "repeats": repeats,
        "tolerances": TOLERANCES,
        "data": facts,
    }


if __name__ == "__main__":
    main()
