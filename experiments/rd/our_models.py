"""The models of ours that are compared: which ones, and the entry and coders of each."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from experiments.rd.cache import setting_folder
from experiments.rd.ffmpeg import Processes
from experiments.rd.names import OURS
from experiments.rd.ours import NOTE, OurCoder, bundle_paths
from experiments.rd.schema import CodecEntry
from vqvae_jax import __version__
from vqvae_jax.errors import UserError

TITLE = "MS-VQ-VAE"


def open_ours(
    given: Sequence[Path], rate_weights: Sequence[float], fps: float, processes: Processes
) -> tuple[dict[str, CodecEntry], dict[str, list[OurCoder]]]:
    """An entry without points for each model, and its coders, one for each rate weight; both by the codec's name.

    One model is `msvqvae`; several are `msvqvae:NAME` each, with the beginning of the digest where names are alike.

    Raises:
      UserError: if a bundle that was named cannot be read, or one is named twice.
    """
    try:
        paths = bundle_paths(given)
    except UserError as error:
        return {OURS: our_entry(TITLE, None, str(error))}, {OURS: []}
    models = [[OurCoder(path, fps, processes, weight) for weight in rate_weights] for path in paths]
    if len({coders[0].digest for coders in models}) < len(models):
        raise UserError("bundle: the same model is named twice")
    used = Counter(setting_folder(coders[0].name) for coders in models)
    entries, found = {}, {}
    for coders in models:
        if used[setting_folder(coders[0].name)] > 1:
            for coder in coders:
                coder.rename(f"{coder.name} {coder.digest[:8]}")
        codec = OURS if len(models) == 1 else f"{OURS}:{coders[0].name}"
        for coder in coders:
            coder.codec = codec
        entries[codec] = our_entry(f"{TITLE} {coders[0].name}", f"vqvae_jax {__version__}", None)
        found[codec] = coders
    folders = {setting_folder(coder.setting) for coders in found.values() for coder in coders}
    if len(folders) < len(models) * len(rate_weights):
        raise UserError(
            f"bundle: the names {', '.join(c[0].name for c in models)} are too alike; export one as another"
        )
    return entries, found


def our_entry(title: str, version: str | None, reason: str | None) -> CodecEntry:
    return {"codec": OURS, "title": title, "version": version, "note": NOTE, "points": [], "reason": reason}
