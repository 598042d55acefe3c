"""The models of ours that are compared: which ones, and the entry and coders of each."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from experiments.rd.cache import setting_folder
from experiments.rd.ffmpeg import Processes
from experiments.rd.names import OURS
from experiments.rd.ours import NOTE, OurCoder
from experiments.rd.schema import CodecEntry
from vqvae_jax import __version__
from vqvae_jax.errors import UserError
from vqvae_jax.packaged import bundle_path

TITLE = "MS-VQ-VAE"


def open_ours(
    given: Sequence[Path], rate_weights: Sequence[float], fps: float, processes: Processes, one_curve: bool = False
) -> tuple[dict[str, CodecEntry], dict[str, list[OurCoder]]]:
    """An entry without points for each model, and its coders, one for each rate weight; both by the codec's name.

    One model is `msvqvae`; several are `msvqvae:NAME` each, or together with `one_curve`: points at the first rate
    weight. Where bundles are of one name their files' names stand for it, with the beginning of the digest where those
    are alike too.

    Raises:
      UserError: if a bundle that was named cannot be read, or one is named twice.
    """
    try:
        paths = [bundle_path(path) for path in given] or [bundle_path(None)]
    except UserError as error:
        return {OURS: our_entry(TITLE, None, str(error))}, {OURS: []}
    if one_curve:
        rate_weights = rate_weights[:1]
    models = [[OurCoder(path, fps, processes, weight) for weight in rate_weights] for path in paths]
    if len({coders[0].digest for coders in models}) < len(models):
        raise UserError("bundle: the same model is named twice")
    _tell_apart(models, [path.stem for path in paths])
    if one_curve:
        found = {OURS: [coder for coders in models for coder in coders]}
        titles = {OURS: TITLE}
    else:
        found = {OURS if len(models) == 1 else f"{OURS}:{coders[0].name}": coders for coders in models}
        titles = {codec: f"{TITLE} {coders[0].name}" for codec, coders in found.items()}
    for codec, coders in found.items():
        for coder in coders:
            coder.codec = codec
    folders = {setting_folder(coder.setting) for coders in found.values() for coder in coders}
    if len(folders) < len(models) * len(rate_weights):
        raise UserError(
            f"bundle: the names {', '.join(c[0].name for c in models)} are too alike; export one as another"
        )
    return {codec: our_entry(title, f"vqvae_jax {__version__}", None) for codec, title in titles.items()}, found


def _tell_apart(models: Sequence[Sequence[OurCoder]], stems: Sequence[str]) -> None:
    """Renames models of one name."""
    for names in (stems, [f"{stem} {coders[0].digest[:8]}" for stem, coders in zip(stems, models, strict=True)]):
        used = Counter(setting_folder(coders[0].name) for coders in models)
        for coders, name in zip(models, names, strict=True):
            if used[setting_folder(coders[0].name)] > 1:
                for coder in coders:
                    coder.rename(name)


def our_entry(title: str, version: str | None, reason: str | None) -> CodecEntry:
    return {"codec": OURS, "title": title, "version": version, "note": NOTE, "points": [], "reason": reason}
