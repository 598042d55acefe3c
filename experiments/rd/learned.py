"""Models, of whatever family: which ones are compared, the entry and coders of each, decoded by a fresh process."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.rd.cache import setting_folder
from experiments.rd.decode_process import Decoded, decode_files
from experiments.rd.ffmpeg import Processes
from experiments.rd.schema import CodecEntry
from vqvae_jax import __version__
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.coder import CodecError, ModelCoder, check_decoded
from vqvae_jax.packaged import bundle_path

TITLES = {"msvqvae": "MS-VQ-VAE"}  # of families; others are called by their name
NOTE = (
    "Bytes of the whole .msv file; payload: its entropy-coded parts without header, checksums and index. "
    "The bundle (the model), which sender and receiver both need, is not counted. RGB throughout: no chroma "
    "subsampling. Encoded by the library, decoded by one fresh process for all clips; the commands are the equivalent "
    "ones. A rate weight w is what a bit is worth to the encoder: instead of the nearest codes it sends those of least "
    "squared distance + w x bits, distances in units of the mean one to the nearest codes."
)


class ProcessCoder(ModelCoder):
    """A model whose files are decoded beforehand, all in one fresh process; see `Coder`.

    Args:
      path: of the bundle.
      fps: frames per second.
      processes: that run the decoder.
      rate_weight: what a bit is worth to the encoder.

    Raises:
      UserError: if the bundle cannot be read, or its family knows no rate weight.
    """

    in_bulk = True

    def __init__(self, path: Path, fps: float, processes: Processes | None, rate_weight: float = 0.0) -> None:
        super().__init__(path, fps, rate_weight)
        self._processes = processes
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._opened: dict[Path, Decoded] = {}

    def open_files(self, paths: Sequence[Path]) -> None:
        """Decodes all files in a fresh process; forgets those of the last call."""
        self.close()
        if not paths:
            return
        assert self._processes is not None
        self._folder = tempfile.TemporaryDirectory()
        self._opened = decode_files(self._processes, self.path, paths, Path(self._folder.name))

    def decode(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
        if path not in self._opened:
            raise CodecError("its file could not be made, or the decoder's process failed")
        target, seconds, failure = self._opened[path]
        if failure is not None:
            raise CodecError(failure)
        clip = np.load(target, allow_pickle=False)
        check_decoded(clip, shape)
        return clip, seconds

    def close(self) -> None:
        """Removes decoded clips."""
        self._opened = {}
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def open_learned(
    families: Sequence[str],
    given: Sequence[Path],
    rate_weights: Sequence[float],
    fps: float,
    processes: Processes,
    one_curve: bool = False,
) -> tuple[dict[str, CodecEntry], dict[str, list[ProcessCoder]]]:
    """An entry without points for each model, and its coders, one for each rate weight; both by the codec's name.

    The one model of a family has the family's name; several are FAMILY:NAME each, or together with `one_curve`: points
    at the first rate weight. Where bundles are of one name their files' names stand for it, with the beginning of the
    digest where those are alike too. A family without rate weights has the point without one.

    Raises:
      UserError: if a bundle that was named cannot be read, is of none of the families, or is named twice.
    """
    try:
        paths = [bundle_path(path) for path in given] or [bundle_path(None)]
    except UserError as error:
        return {name: learned_entry(name, _title(name), None, str(error)) for name in families}, {
            name: [] for name in families
        }
    weights = rate_weights[:1] if one_curve else rate_weights
    models, refused = zip(*(_at_rates(path, fps, processes, weights) for path in paths), strict=True)
    for path, coders in zip(paths, models, strict=True):
        if coders[0].family not in families:
            raise UserError(f"bundle {path} is of the family {coders[0].family}, which --codecs does not name")
    if len({coders[0].digest for coders in models}) < len(models):
        raise UserError("bundle: the same model is named twice")
    _tell_apart(models, [path.stem for path in paths])
    entries: dict[str, CodecEntry] = {}
    found: dict[str, list[ProcessCoder]] = {}
    for family in families:
        mine = [coders for coders in models if coders[0].family == family]
        if not mine:
            entries[family], found[family] = learned_entry(family, _title(family), None, "no bundle is of it"), []
        for coders in mine:
            several = len(mine) > 1 and not one_curve
            codec = f"{family}:{coders[0].name}" if several else family
            title = _title(family) if one_curve else f"{_title(family)} {coders[0].name}"
            reason = "; ".join(refused[models.index(coders)]) or None
            entries[codec] = learned_entry(family, title, f"vqvae_jax {__version__}", reason)
            found.setdefault(codec, []).extend(coders)
            for coder in coders:
                coder.codec = codec
    listed = [coder for coders in found.values() for coder in coders]
    if len({(coder.family, setting_folder(coder.setting)) for coder in listed}) < len(listed):
        raise UserError(
            f"bundle: the names {', '.join(c[0].name for c in models)} are too alike; export one as another"
        )
    return entries, found


def _at_rates(
    path: Path, fps: float, processes: Processes, rate_weights: Sequence[float]
) -> tuple[list[ProcessCoder], list[str]]:
    """A coder for each rate weight, or one without where all are refused; and the refusals."""
    plain = ProcessCoder(path, fps, processes)  # says what is wrong with the bundle itself
    coders, refused = [], []
    for weight in rate_weights:
        try:
            coders.append(ProcessCoder(path, fps, processes, weight) if weight else plain)
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


def _title(family: str) -> str:
    return TITLES.get(family, family)


def learned_entry(family: str, title: str, version: str | None, reason: str | None) -> CodecEntry:
    return {
        "kind": "learned",
        "family": family,
        "codec": family,
        "title": title,
        "version": version,
        "note": NOTE,
        "points": [],
        "reason": reason,
    }
