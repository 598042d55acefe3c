"""The pictures' frames: originals from the data set, every codec's decoded once more from its stored stream."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.rd.cache import Cache
from experiments.rd.classical import FAMILY, decode_stream
from experiments.rd.clips import Shown, shown_clips
from experiments.rd.ffmpeg import Processes
from experiments.rd.schema import CodecEntry, Point, RateDistortion
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.interface import Model
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.clip_figures import DEFAULT_FPS
from vqvae_jax.evaluation.coder import LEARNED_SUFFIX, CodecError
from vqvae_jax.families import load_model
from vqvae_jax.packaged import bundle_path, find_coded_with


class Streams:
    """Decodes what the measuring left in OUT/cache.

    Args:
      out: folder of rd.json.
      codecs: of rd.json.
      shape: (T, H, W, 3) of the clips.
      bundles: models that theirs may have been coded with, found by what each file names; else those of the package.
    """

    def __init__(
        self, out: Path, codecs: Mapping[str, CodecEntry], shape: tuple[int, ...], bundles: Sequence[Path]
    ) -> None:
        self._cache, self._codecs, self._shape, self._bundles = Cache(out), codecs, shape, bundles
        self._models: dict[bytes, Model] = {}

    def decode(self, codec: str, point: Point, clip_id: str) -> np.ndarray:
        """The clip, (T, H, W, 3) uint8.

        Raises:
          UserError: if its stream is gone or does not decode, or there is no such codec or model.
        """
        learned = self._codecs[codec]["kind"] == "learned"
        if not learned and codec not in FAMILY:
            raise UserError(f"this program knows no codec {codec!r}")
        suffix = LEARNED_SUFFIX if learned else FAMILY[codec].suffix
        path = self._cache.stream_path(codec, point["setting"], clip_id, suffix)
        if not path.is_file():
            raise UserError("its stream is no longer in the cache")
        if learned:
            with Decoder(self._model(path), path) as decoder:
                return np.stack(list(decoder.frames()))
        try:
            return decode_stream(Processes(), path, self._shape)[0]
        except CodecError as error:
            raise UserError(str(error)) from error

    def _model(self, path: Path) -> Model:
        with Reader(path) as reader:
            identity = reader.header.bundle
        if identity not in self._models:
            given = (load_model(bundle_path(named)) for named in self._bundles)
            fitting = next((model for model in given if model.identity == identity), None)
            self._models[identity] = fitting or find_coded_with(None, identity.hex(), path)
        return self._models[identity]


def shown_from_streams(
    rd: RateDistortion, out: Path, anchor: str, data: Path | None = None, bundles: Sequence[Path] = ()
) -> Shown:
    """Clips for the page and the pictures; without the data set none, and `missing` says why.

    Args:
      rd: the file.
      out: its folder, which holds the streams.
      anchor: see `matched_rate`.
      data: data set, if not where the file says.
      bundles: models of ours, if not the package's.
    """
    from vqvae_jax.data.open import open_split

    folder = data or Path(rd["data"]["folder"])
    try:
        source = open_split(folder, rd["data"]["split"])
    except UserError as error:
        return _nothing(rd, f"{error}; --data names another place")
    if source.digest != rd["data"]["digest"]:
        return _nothing(rd, f"{folder} is another data set than was measured")
    streams = Streams(out, rd["codecs"], tuple(rd["data"]["clip_shape"]), bundles)
    records = {clip_id: record for record, clip_id in enumerate(source.ids(range(len(source))))}
    lost = [clip_id for clip_id in rd["data"]["clip_ids"] if clip_id not in records]
    if lost:
        return _nothing(rd, f"{folder} has no clip {lost[0]}")

    def originals(rows: list[int]) -> np.ndarray:
        return source.read([records[rd["data"]["clip_ids"][row]] for row in rows])

    return shown_clips(rd, anchor, originals, streams.decode)


def _nothing(rd: RateDistortion, reason: str) -> Shown:
    return Shown((), None, rd["data"]["fps"] or DEFAULT_FPS, (f"No clips are shown: {reason}.",))
