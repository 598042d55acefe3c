"""Our codec at one bundle: clips to real .msv files by the library's encoder, decoded by a fresh process."""

import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from experiments.rd.decode_process import Decoded, decode_files
from experiments.rd.ffmpeg import CodecError, Processes
from experiments.rd.names import OUR_SUFFIX, OURS
from vqvae_jax import __version__
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.errors import UserError
from vqvae_jax.families import load_model

#: To be raised whenever encoder, decoder or model code changes what they give: files kept under another are made anew.
CODER = 2
NOTE = (
    "Bytes of the whole .msv file; payload: its entropy-coded indices without header, checksums and index. "
    "The bundle (the model), which sender and receiver both need, is not counted. RGB throughout: no chroma "
    "subsampling. Encoded by the library, decoded by one fresh process for all clips; the commands are the equivalent "
    "ones. A rate weight w is what a bit is worth to the encoder: instead of the nearest codes it sends those of least "
    "squared distance + w x bits, distances in units of the mean one to the nearest codes."
)


class OurCoder:
    """A bundle; see `Coder`.

    Args:
      path: of the bundle.
      fps: frames per second.
      processes: that run the decoder.
      rate_weight: what a bit is worth to the encoder (`Encoder`); 0 sends the nearest codes.

    Raises:
      UserError: if the bundle cannot be read.
    """

    suffix, in_bulk = OUR_SUFFIX, True

    def __init__(self, path: Path, fps: float, processes: Processes, rate_weight: float = 0.0) -> None:
        self._path, self._processes = path.resolve(), processes
        self._rate = Fraction(fps).limit_denominator(1001)
        self._encoder = Encoder(load_model(path), rate_weight=rate_weight)
        weight = f" --rate-weight {rate_weight:g}" if rate_weight else ""
        self._weight = weight.replace(" --", " ")
        self.codec = OURS
        self.rename(self._encoder.model.name)
        self.digest = self._encoder.model.digest
        self.key = {
            "vqvae_jax": __version__,
            "coder": CODER,
            "bundle": self.digest,
            "mode": self._encoder.options.mode,
            "rate": str(self._rate),
            "rate_weight": rate_weight,
        }
        self.encode_command = (
            f"vqvae-jax encode IN OUT --bundle {path.name} --size native --source-fps {self._rate}{weight}"
        )
        self.decode_command = f"vqvae-jax decode IN OUT --bundle {path.name}"
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._opened: dict[Path, Decoded] = {}

    def rename(self, name: str) -> None:
        """Gives the model another name than its bundle has, so that two of one name can be told apart."""
        self.name, self.setting = name, name + self._weight

    def encode(self, clip_THWC: np.ndarray, path: Path) -> tuple[float, int | None]:
        started = time.monotonic()
        try:
            encoded = self._encoder.encode(clip_THWC, path, self._rate, overwrite=True)
        except UserError as error:
            raise CodecError(str(error)) from error
        return time.monotonic() - started, sum(encoded.payload_bytes.values())

    def open_files(self, paths: Sequence[Path]) -> None:
        """Decodes all files in a fresh process; forgets those of the last call."""
        self.close()
        if not paths:
            return
        self._folder = tempfile.TemporaryDirectory()
        self._opened = decode_files(self._processes, self._path, paths, Path(self._folder.name))

    def decode(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
        if path not in self._opened:
            raise CodecError("its file could not be made, or the decoder's process failed")
        target, seconds, failure = self._opened[path]
        if failure is not None:
            raise CodecError(failure)
        clip = np.load(target, allow_pickle=False)
        if clip.shape != shape:
            raise CodecError(f"decodes to a clip of {clip.shape}, expected {shape}")
        return clip, seconds

    def close(self) -> None:
        """Removes decoded clips."""
        self._opened = {}
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
