"""A codec at one setting, whatever it is: what writes a clip's file, and what shows the file alone."""

import time
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from vqvae_jax import __version__
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import Model
from vqvae_jax.errors import UserError
from vqvae_jax.families import load_model

Kind = Literal["learned", "classical"]
#: To be raised whenever encoder, decoder or model code changes what they give: files kept under another are made anew.
CODER = 2
LEARNED_SUFFIX = "msv"


class CodecError(Exception):
    """A codec could not code or decode a clip; the message is one line."""


class Coder(Protocol):
    """One codec at one setting: one point of a curve."""

    kind: Kind
    family: str  # "x265"; of a learned one the name of its model family
    codec: str  # the curve it belongs to: its family, or one of several models of it, "FAMILY:NAME"
    setting: str  # "crf 36"; for learned ones the model's name and, if not 0, the rate weight: "edge rate-weight 0.1"
    suffix: str  # of its files
    key: dict[str, Any]  # JSON values: all that decides the file, but the clip
    encode_command: str  # that does the same, with IN and OUT for file names
    decode_command: str

    def encode(self, clip_THWC: np.ndarray, path: Path) -> tuple[float, int | None]:
        """Writes a clip's file; returns seconds, and bytes of payload where the file has more than that.

        Raises:
          CodecError: if the clip cannot be coded.
        """
        ...

    def decode(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
        """The clip of a file, uint8 RGB `shape`, from the file's bytes alone; and the seconds.

        Raises:
          CodecError: if it does not decode, or to something else.
        """
        ...


class ModelCoder:
    """A model in a file, through the library's encoder and decoder; see `Coder`.

    Args:
      path: of the bundle.
      fps: frames per second.
      rate_weight: what a bit is worth to the encoder; 0 spends none of the quality on it.
      quality: of a model of several rates; by default its own choice.
      effort: of the encoder.
      gop: frames of a chunk; by default the model's choice.

    Raises:
      UserError: if the bundle cannot be read.
    """

    kind: Kind = "learned"
    suffix = LEARNED_SUFFIX

    def __init__(
        self,
        path: Path,
        fps: float,
        rate_weight: float = 0.0,
        quality: float | None = None,
        effort: int = 0,
        gop: int | None = None,
    ) -> None:
        self.path, self.model = path.resolve(), load_model(path)
        self._rate = Fraction(fps).limit_denominator(1001)
        self._encoder = Encoder(self.model, chunk_frames=gop, rate_weight=rate_weight, quality=quality, effort=effort)
        options = {"rate-weight": rate_weight or None, "quality": quality, "effort": effort or None, "gop": gop}
        given = {name: value for name, value in options.items() if value is not None}
        typed = "".join(f" --{name} {value:g}" for name, value in given.items())
        self._given = typed.replace(" --", " ")
        self.family = self.codec = self.model.family
        self.rename(self.model.name)
        self.digest = self.model.digest
        self.key = {
            "vqvae_jax": __version__,
            "coder": CODER,
            "bundle": self.digest,
            "mode": self._encoder.options.mode,
            "rate": str(self._rate),
            "rate_weight": rate_weight,
        } | {name: value for name, value in given.items() if name != "rate-weight"}
        self.encode_command = (
            f"vqvae-jax encode IN OUT --bundle {path.name} --size native --source-fps {self._rate}{typed}"
        )
        self.decode_command = f"vqvae-jax decode IN OUT --bundle {path.name}"

    def rename(self, name: str) -> None:
        """Gives the model another name than its bundle has, so that two of one name can be told apart."""
        self.name, self.setting = name, name + self._given

    def encode(self, clip_THWC: np.ndarray, path: Path) -> tuple[float, int | None]:
        started = time.monotonic()
        try:
            encoded = self._encoder.encode(clip_THWC, path, self._rate, overwrite=True)
        except UserError as error:
            raise CodecError(str(error)) from error
        return time.monotonic() - started, sum(encoded.payload_bytes.values())

    def decode(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
        started = time.monotonic()
        try:
            with Decoder(self._receiver, path) as decoder:
                clip = np.stack(list(decoder.frames()))
        except UserError as error:
            raise CodecError(str(error)) from error
        check_decoded(clip, shape)
        return clip, time.monotonic() - started

    @cached_property
    def _receiver(self) -> Model:
        """The model read once more: a receiver has the bundle's file, and nothing of the sender's."""
        return load_model(self.path)


def coders_at(path: Path, fps: float, qualities: Sequence[float]) -> dict[float, ModelCoder]:
    """A coder for each quality of a model of several rates.

    Raises:
      UserError: if the bundle cannot be read, or is not of such a model.
    """
    return {quality: ModelCoder(path, fps, quality=quality) for quality in qualities}


def check_decoded(clip: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raises a `CodecError` unless a decoded clip has the shape of the original."""
    if clip.shape != shape:
        raise CodecError(f"decodes to a clip of {clip.shape}, expected {shape}")
