"""Models, of whatever family: which ones are compared, the entry and coders of each, decoded by a fresh process."""

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.rd.cache import setting_folder
from experiments.rd.decode_process import Receiver
from experiments.rd.ffmpeg import Processes
from experiments.rd.schema import CodecEntry, codec_entry
from vqvae_jax import __version__
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.coder import ModelCoder, check_decoded
from vqvae_jax.packaged import bundle_path

TITLES = {
    "msvqvae": "MS-VQ-VAE",
    "ntc": "NTC",
    "envc": "ENVC",
    "mvc": "MVC",
}  # of families; others are called by their name
NOTE = (
    "Bytes of the whole .msv file; payload: its entropy-coded parts without header, checksums and index. "
    "The bundle (the model), which sender and receiver both need, is not counted. RGB throughout: no chroma "
    "subsampling. Encoded by the library, decoded by one fresh process for all clips; the commands are the equivalent "
    "ones. Models of several rates have a point for each quality. A rate weight w is what a bit is worth to the "
    "encoder of a model of one rate: instead of the nearest codes it sends those of least squared distance + w x bits, "
    "distances in units of the mean one to the nearest codes."
)


class Points(NamedTuple):
    """At which settings models are measured."""

    rate_weights: Sequence[float]  # those of one rate
    qualities: Sequence[float]  # those of several
    effort: int
    gop: int | None = None  # frames of a chunk; None for the model's choice


class ProcessCoder(ModelCoder):
    """A model whose files are decoded by a process that has nothing of ours; see `Coder`.

    Args:
      path: of the bundle.
      fps: frames per second.
      receiver: the process, of this bundle; None if nothing will be decoded.
      rate_weight, quality, effort, gop: see `Options`, `gop` as `chunk_frames`.

    Raises:
      UserError: if the bundle cannot be read, or its family does not have what is asked for.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        receiver: Receiver | None,
        rate_weight: float = 0.0,
        quality: float | None = None,
        effort: int = 0,
        gop: int | None = None,
    ) -> None:
        super().__init__(path, fps, rate_weight, quality, effort, gop)
        self._process, self._turn = receiver, threading.Lock()

    def encode(self, clip_THWC: np.ndarray, path: Path) -> tuple[float, int | None]:
        with self._turn:  # one clip has all cores already
            return super().encode(clip_THWC, path)

    def decode(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
        assert self._process is not None
        clip, seconds = self._process.decode(path)
        check_decoded(clip, shape)
        return clip, seconds


def open_learned(
    families: Sequence[str],
    given: Sequence[Path],
    points: Points,
    fps: float,
    processes: Processes,
    one_curve: bool = False,
) -> dict[str, tuple[CodecEntry, list[ProcessCoder]]]:
    """For each model, by the codec's name, an entry without points, and a coder for each of its points.

    The one model of a family has the family's name; several are FAMILY:NAME each, or together with `one_curve`: points
    at the first of their points. Where bundles are of one name their files' names stand for it, with the beginning of
    the digest where those are alike too. A family without rate weights has the point without one.

    Raises:
      UserError: if a bundle that was named cannot be read, is of none of the families, or is named twice.
    """
    titles = {family: TITLES.get(family, family) for family in families}

    def entry(family: str, title: str, version: str | None, reason: str | None) -> CodecEntry:
        return codec_entry("learned", family, title, NOTE, version, reason)

    try:
        paths = [bundle_path(path) for path in given] or [bundle_path(None)]
    except UserError as error:
        return {family: (entry(family, title, None, str(error)), []) for family, title in titles.items()}
    wanted = (
        points._replace(rate_weights=points.rate_weights[:1], qualities=points.qualities[:1]) if one_curve else points
    )
    models, refused = zip(*(_at_rates(path, fps, processes, wanted) for path in paths), strict=True)
    for path, coders in zip(paths, models, strict=True):
        if coders[0].family not in families:
            raise UserError(f"bundle {path} is of the family {coders[0].family}, which --codecs does not name")
    if len({coders[0].digest for coders in models}) < len(models):
        raise UserError("bundle: the same model is named twice")
    _tell_apart(models, [path.stem for path in paths])
    found: dict[str, tuple[CodecEntry, list[ProcessCoder]]] = {}
    for family, title in titles.items():
        mine = [coders for coders in models if coders[0].family == family]
        if not mine:
            found[family] = entry(family, title, None, f"no --bundle is of family {family}"), []
        for coders in mine:
            codec = family if len(mine) == 1 or one_curve else f"{family}:{coders[0].name}"
            for coder in coders:
                coder.codec = codec
            reason = "; ".join(refused[models.index(coders)]) or None
            whose = title if one_curve else f"{title} {coders[0].name}"
            before = found[codec][1] if codec in found else []
            found[codec] = entry(family, whose, f"vqvae_jax {__version__}", reason), [*before, *coders]
    listed = [coder for coders in models for coder in coders]
    if len({(coder.family, setting_folder(coder.setting)) for coder in listed}) < len(listed):
        raise UserError(
            f"bundle: the names {', '.join(c[0].name for c in models)} are too alike; export one as another"
        )
    return found


def _at_rates(path: Path, fps: float, processes: Processes, points: Points) -> tuple[list[ProcessCoder], list[str]]:
    """A coder for each quality or rate weight, or one without where all are refused; and the refusals."""
    receiver = Receiver(processes, path.resolve())
    plain = ProcessCoder(path, fps, receiver, gop=points.gop)  # says what is wrong with the bundle itself
    if plain.model.rate_option == "quality":
        return [ProcessCoder(path, fps, receiver, 0.0, q, points.effort, points.gop) for q in points.qualities], []
    if plain.model.rate_option == "none":
        return [plain], []
    coders, refused = [], []
    for weight in points.rate_weights:
        try:
            coders.append(ProcessCoder(path, fps, receiver, weight, gop=points.gop) if weight else plain)
        except UserError as error:
            refused.append(str(error))
    return coders or [plain], refused


def _tell_apart(models: Sequence[Sequence[ProcessCoder]], stems: Sequence[str]) -> None:
    """Renames models of one name."""
    for names in (stems, [f"{stem} {coders[0].digest[:8]}" for stem, coders in zip(stems, models, strict=True)]):
        used = Counter(setting_folder(coders[0].name) for coders in models)
        for coders, name in zip(models, names, strict=True):
            if used[setting_folder(coders[0].name)] > 1:
                for coder in coders:
                    coder.rename(name)
