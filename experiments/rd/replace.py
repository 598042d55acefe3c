"""A measurement is not lost to a smaller one that happens to go to the same folder."""

from collections.abc import Collection, Mapping
from pathlib import Path

from experiments.rd.result import read_rd
from vqvae_jax.errors import UserError


def refuse_other_result(
    path: Path, clip_ids: Collection[str], digest: str, settings: Mapping[str, Collection[str]]
) -> None:
    """Raises a `UserError` if there is an rd.json that holds more than what is to be measured, or something else.

    Args:
      path: where the result will go.
      clip_ids: clips to be measured.
      digest: of their data set.
      settings: points to be measured, by codec.
    """
    if not path.exists():
        return
    hint = "choose another --out, or --force to replace it"
    try:
        old = read_rd(path)
    except UserError as error:
        raise UserError(f"{error}; {hint}") from error
    if old["data"]["digest"] != digest:
        raise UserError(f"{path} is of another data set or split ({old['data']['folder']}); {hint}")
    lost = len(set(old["data"]["clip_ids"]) - set(clip_ids))
    if lost:
        raise UserError(f"{path} has {lost} clips that would not be measured now; {hint}")
    for name, entry in old["codecs"].items():
        for point in entry["points"]:
            if point["setting"] not in settings.get(name, ()):
                raise UserError(f"{path} has {entry['title']}, {point['setting']}, which would be lost; {hint}")
