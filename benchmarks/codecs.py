"""Seconds per clip to encode and decode, ours against x265 and libaom at our PSNR, on the same clips; and the bits.

    python -m benchmarks.codecs [--data DIR] [--bundle FILE] [--clips 4]

Every side runs on one and the same core, peers with one thread: their sizes then do not vary. Peers run as in
`experiments.rd` (FFmpeg, real elementary streams) at its slowest affordable preset, and at faster ones; the CRF is the
whole number whose mean PSNR over the clips comes closest to ours, found by bisection. A peer that none brings within
0.3 dB is left out: speeds and bits at another quality compare nothing. The bits stand beside the seconds, since a
faster codec that needs more of them is not faster at the same work. Every clip is a file of its own and a process of
its own, both ways and on both sides. "start" is what a process takes that does no coding: FFmpeg's from
`ffmpeg -version`; ours (Python, JAX, loading the bundle, compilation) is the process less the same work in a process
that is warm. Ours writes .msv files with header and index, which are counted; the bundle is not.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from benchmarks.inputs import Bundle, Count, DataSet, clips_of, data_facts
from benchmarks.report import Result, Row, benchmark, in_turns, missing, spent
from experiments.rd.classical import AV1, X265, Classical, ClassicalCoder, encoder_version
from experiments.rd.ffmpeg import Processes, ffmpeg_path, ffmpeg_version
from vqvae_jax.data.source import read_card
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.coder import Coder, ModelCoder
from vqvae_jax.evaluation.opening import DEFAULT_FPS
from vqvae_jax.metrics.psnr import frame_psnr
from vqvae_jax.packaged import bundle_path

HIGHEST_CRF = {"x265": 51, "av1": 63}
#: Difference of mean PSNR up to which two codecs are compared.
MATCHED_DB = 0.3
ROOT = Path(__file__).parents[1]


def at_preset(codec: Classical, option: str, preset: str) -> Classical:
    """A codec of `experiments.rd` at another preset; the title says which.

    Args:
      option: FFmpeg's, that sets it: "-preset" or "-cpu-used".
    """
    place = codec.arguments.index(option) + 1
    usual, word = codec.arguments[place], option.removeprefix("-")
    arguments = (*codec.arguments[:place], preset, *codec.arguments[place + 1 :])
    settings = codec.settings.replace(f"{word} {usual}", f"{word} {preset}")
    named = preset if word == "preset" else f"{word} {preset}"
    return replace(codec, title=f"{codec.title} {named}", arguments=arguments, settings=settings)


PEERS = (
    *(at_preset(X265, "-preset", preset) for preset in ("veryslow", "medium", "ultrafast")),
    *(at_preset(AV1, "-cpu-used", preset) for preset in ("2", "8")),
)


class Sample(NamedTuple):
    """One clip, once through one codec."""

    encode_s: float  # of the process
    decode_s: float
    warm_encode_s: float | None  # without the process's start, where it can be timed directly
    warm_decode_s: float | None
    bytes: int
    psnr: float


Coded = Callable[[int], Sample]  # codes the clip of that number and measures it


def psnr(clip_THWC: np.ndarray, decoded_THWC: np.ndarray) -> float:
    """Mean over frames."""
    return float(np.mean(frame_psnr(jnp.asarray(clip_THWC)[None], jnp.asarray(decoded_THWC)[None])))


def closest_crf(quality: Callable[[int], float], wanted: float, highest: int) -> int:
    """The CRF in [0, highest] whose PSNR is closest to `wanted`; PSNR falls as CRF rises."""
    low, high = 0, highest  # the last above `wanted`, the first below, but at the ends of the range
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if quality(middle) >= wanted else (low, middle)
    return min((low, high), key=lambda crf: abs(quality(crf) - wanted))


def through_file(coder: Coder, clip_THWC: np.ndarray, path: Path) -> tuple[Sample, np.ndarray]:
    """A clip coded into a file and decoded from it."""
    encode_s, _ = coder.encode(clip_THWC, path)
    decoded, decode_s = coder.decode(path, clip_THWC.shape)
    return Sample(encode_s, decode_s, None, None, path.stat().st_size, psnr(clip_THWC, decoded)), decoded


def once(coder: Coder, clips_NTHWC: np.ndarray, path: Path, number: int) -> Sample:
    """The clip of that number."""
    return through_file(coder, clips_NTHWC[number], path)[0]


def mean_psnr(coder: Coder, clips_NTHWC: np.ndarray, path: Path) -> float:
    """Over all clips."""
    return float(np.mean([once(coder, clips_NTHWC, path, number).psnr for number in range(len(clips_NTHWC))]))


def unmatched(quality: float, wanted: float) -> str | None:
    """Why codecs of these two PSNRs are not compared; None if they are."""
    if abs(quality - wanted) <= MATCHED_DB:
        return None
    return f"gives {quality:.2f} dB, ours {wanted:.2f}: more than {MATCHED_DB:g} dB apart"


def pin_to_one_core() -> None:
    """Starts this program again on one core: threads that NumPy has started for two would wait for each other."""
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        os.sched_setaffinity(0, {min(cores)})
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.codecs", *sys.argv[1:]])


def ours_twice(coder: ModelCoder, clip_THWC: np.ndarray, folder: Path) -> Sample:
    """Our codec, in processes through the command line and again warm in this one."""
    source = folder / "clip.npy"
    file, back, path = (source.with_name(f"clip{end}") for end in (".msv", ".back.npy", ".warm.msv"))
    np.save(source, clip_THWC, allow_pickle=False)

    def process(*arguments: str) -> float:
        command = [sys.executable, "-m", "vqvae_jax", *arguments, "--bundle", str(coder.path), "--force"]
        return spent(lambda: Processes().run(command, cwd=ROOT)).wall_s

    rate = str(coder.key["rate"])
    encode_s = process("encode", str(source), str(file), "--size", "native", "--source-fps", rate)
    decode_s = process("decode", str(file), str(back))
    warm, frames = through_file(coder, clip_THWC, path)
    if file.read_bytes() != path.read_bytes() or not np.array_equal(frames, np.load(back, allow_pickle=False)):
        raise AssertionError("the command line and the library code a clip differently")
    return Sample(encode_s, decode_s, warm.encode_s, warm.decode_s, warm.bytes, warm.psnr)


def row(name: str, setting: str, samples: Sequence[Sample], pixels: int, start_s: float | None) -> Row:
    """One codec's figures; `start_s` where the start was timed by itself."""

    def median(field: str) -> float:
        return statistics.median(getattr(sample, field) for sample in samples)

    found: Row = {"codec": name, "setting": setting, "PSNR dB": float(np.mean([s.psnr for s in samples]))}
    found["bpp"] = 8 * float(np.mean([s.bytes for s in samples])) / pixels
    for way in ("encode", "decode"):
        process = median(f"{way}_s")
        coding = median(f"warm_{way}_s") if start_s is None else max(process - start_s, 0.0)
        found |= {f"{way} process s": process, f"of it {way} start s": process - coding, f"{way} s": coding}
    return found


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """Every peer's figures against ours (the first row): difference of PSNR; ratios, above 1 where ours is better."""
    ours = rows[0]
    rows = [{**found, "PSNR difference dB": found["PSNR dB"] - ours["PSNR dB"]} for found in rows]
    what = {"encode s": "its / our encode s", "decode s": "its / our decode s"}
    what |= {"encode process s": "its / our encode process s", "decode process s": "its / our decode process s"}
    what |= {"bpp": "its / our bits"}
    return [
        found | {title: found[key] / ours[key] if number else None for key, title in what.items()}
        for number, found in enumerate(rows)
    ]


def start_seconds(repeats: int = 7) -> float:
    """Median of an FFmpeg process that does nothing."""
    processes, command = Processes(), [ffmpeg_path(), "-version"]
    return statistics.median(spent(lambda: processes.run(command)).wall_s for _ in range(repeats))


def matched_peer(
    codec: Classical, clips_NTHWC: np.ndarray, fps: float, folder: Path, wanted: float
) -> tuple[ClassicalCoder, str]:
    """A classical codec at the rate that comes closest to our quality, and its version.

    Raises:
      UserError: if the codec cannot run here, or no rate is close enough; without its name.
    """
    version = encoder_version(codec)

    def at(crf: int) -> ClassicalCoder:
        return ClassicalCoder(codec, crf, clips_NTHWC.shape[1:], fps, version, Processes())

    @cache
    def quality(crf: int) -> float:
        return mean_psnr(at(crf), clips_NTHWC, folder / f"quality.{codec.suffix}")

    crf = closest_crf(quality, wanted, HIGHEST_CRF[codec.name])
    if reason := unmatched(quality(crf), wanted):
        raise UserError(f"{codec.option} {crf}, the closest, {reason}")
    return at(crf), version


def compare(
    ours: ModelCoder, clips_NTHWC: np.ndarray, fps: float, repeats: int
) -> tuple[list[Row], dict[str, str], list[str]]:
    """Rows (ours first), versions of the peers, and which could not run and why."""
    versions, left_out = {}, []
    pixels = int(np.prod(clips_NTHWC.shape[1:4]))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        coders: dict[str, Coded] = {"ours": lambda number: ours_twice(ours, clips_NTHWC[number], folder)}
        settings, wanted = {"ours": ours.name}, mean_psnr(ours, clips_NTHWC, folder / "quality.msv")
        for codec in PEERS if missing("FFmpeg", "imageio_ffmpeg", "") is None else ():
            try:
                peer, versions[codec.encoder] = matched_peer(codec, clips_NTHWC, fps, folder, wanted)
            except UserError as error:
                left_out.append(f"{codec.title}: {error}")
                continue
            stream = folder / f"clip.{codec.suffix}"
            coders[codec.title] = partial(once, peer, clips_NTHWC, stream)
            settings[codec.title] = f"{codec.settings}, {peer.setting}"
        samples = by_turns(coders, len(clips_NTHWC), repeats)
        start_s = start_seconds() if len(coders) > 1 else None
    rows = [
        row(name, settings[name], found, pixels, None if name == "ours" else start_s) for name, found in samples.items()
    ]
    return with_ratios(rows), versions, left_out


def by_turns(coders: Mapping[str, Coded], clips: int, repeats: int) -> dict[str, list[Sample]]:
    """Every clip through every coder, `repeats` times."""
    numbers = list(range(clips)) * repeats
    turns = {name: partial(next, map(coded, numbers)) for name, coded in coders.items()}
    return in_turns(turns, len(numbers))


@benchmark
def main(
    data: DataSet = None, split: str = "test", bundle: Bundle = None, clips: Count = 4, repeats: int = 3
) -> Result:
    no_ffmpeg = missing("FFmpeg", "imageio_ffmpeg", "pip install 'vqvae_jax[rd]'; no row has a ratio")
    with clips_of(data, split, clips) as found:
        fps = read_card(found.data_dir).get("fps")
        fps = float(fps) if isinstance(fps, int | float) else DEFAULT_FPS
        chosen, facts = found.read(range(len(found))), data_facts(found)
    ours = ModelCoder(bundle_path(bundle), fps)
    rows, versions, left_out = compare(ours, chosen, fps, repeats)
    return {
        "rows": rows,
        "peers": versions | ({} if no_ffmpeg else {"FFmpeg": ffmpeg_version()}),
        "threads": {"ours": 1, "peers": 1},
        "left_out": [no_ffmpeg, *left_out],
        "repeats": repeats,
        "matched_within_db": MATCHED_DB,
        "bundle": {"name": ours.name, "digest": ours.digest},
        "data": facts,
    }


if __name__ == "__main__":
    pin_to_one_core()
    main()
