"""The pictures' frames: originals from the data set, every codec's decoded once more from its stored stream."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.rd.cache import Cache
from experiments.rd.classical import FAMILY, decode_stream
from experiments.rd.clips import Shown, nothing_shown, shown_clips
from experiments.rd.ffmpeg import Processes
from experiments.rd.schema import Point, RateDistortion
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.interface import Model
from vqvae_jax.container.reader import Reader
from vqvae_jax.data.open import open_split
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.coder import LEARNED_SUFFIX, CodecError
from vqvae_jax.families import load_model
from vqvae_jax.packaged import bundle_path, find_for_file


def shown_from_streams(
    rd: RateDistortion, out: Path, anchor: str, data: Path | None = None, bundles: Sequence[Path] = ()
) -> Shown:
    """Clips for the page and the pictures; without the data set none, and `missing` says why.

    Args:
      rd: the file.
      out: its folder, which holds the streams.
      anchor: see `matched_rate`.
      data: data set, if not where the file says.
      bundles: models that theirs may have been coded with, found by what each file names; else the package's.
    """
    folder = data or Path(rd["data"]["folder"])
    try:
        source = open_split(folder, rd["data"]["split"])
    except UserError as error:
        return nothing_shown(rd, f"{error}; --data names another place")
    if source.digest != rd["data"]["digest"]:
        return nothing_shown(rd, f"{folder} is another data set than was measured")
    records = {clip_id: record for record, clip_id in enumerate(source.ids(range(len(source))))}
    lost = [clip_id for clip_id in rd["data"]["clip_ids"] if clip_id not in records]
    if lost:
        return nothing_shown(rd, f"{folder} has no clip {lost[0]}")

    def originals(rows: list[int]) -> np.ndarray:
        return source.read([records[rd["data"]["clip_ids"][row]] for row in rows])

    streams, shape = Cache(out), tuple(rd["data"]["clip_shape"])

    models: dict[bytes, Model] = {}

    def model_of(path: Path) -> Model:
        with Reader(path) as reader:
            identity = reader.header.bundle
        if identity not in models:
            given = (load_model(bundle_path(named)) for named in bundles)
            fitting = next((model for model in given if model.identity.startswith(identity)), None)
            models[identity] = fitting or find_for_file(None, path)
        return models[identity]

    def decode(codec: str, point: Point, clip_id: str) -> np.ndarray:
        learned = rd["codecs"][codec]["kind"] == "learned"
        if not learned and codec not in FAMILY:
            raise UserError(f"this program knows no codec {codec!r}")
        suffix = LEARNED_SUFFIX if learned else FAMILY[codec].suffix
        path = streams.stream_path(codec, point["setting"], clip_id, suffix)
        if not path.is_file():
            raise UserError("its stream is no longer in the cache")
        if learned:
            with Decoder(model_of(path), path) as decoder:
                return np.stack(list(decoder.frames()))
        try:
            return decode_stream(Processes(), path, shape)[0]
        except CodecError as error:
            raise UserError(str(error)) from error

    return shown_clips(rd, anchor, originals, decode)
