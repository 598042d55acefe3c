"""Families that fit a model to every clip: the command line writes the file, a fresh process decodes it alone."""

import hashlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from experiments.rd.decode_process import ROOT, Receiver
from experiments.rd.ffmpeg import Processes
from experiments.rd.learned import TITLES
from experiments.rd.schema import CodecEntry, codec_entry
from vqvae_jax import __version__
from vqvae_jax.evaluation.coder import CODER, LEARNED_SUFFIX, Kind, check_decoded

NOTE = (
    "Bytes of the whole .msv file, which holds the model: a network that was fitted to the clip. RGB throughout. A "
    "point for each wished-for rate; what the files have is measured. Encoding is training: its seconds are those of "
    "{epochs} looks at every frame."
)
FOLDER = "fits"  # of the output: runs, so that a fit that was stopped goes on
LONGEST_FIT = 14 * 24 * 3600.0  # seconds


class FittedCoder:
    """A family at one wished-for rate; see `Coder`.

    Args:
      family: that fits.
      bpp: bits per pixel of the whole file, about.
      epochs: looks at every frame.
      fps: frames per second.
      processes: that run fits and decoders.
      receiver: a process without a bundle.
      runs: folder for the fits.
    """

    kind: Kind = "learned"
    suffix = LEARNED_SUFFIX
    _turn = threading.Lock()  # of all: a fit has all cores already

    def __init__(
        self, family: str, bpp: float, epochs: int, fps: float, processes: Processes, receiver: Receiver, runs: Path
    ) -> None:
        self.family = self.codec = family
        self.setting = f"bpp {bpp:g} epochs {epochs}"
        self._processes, self._receiver, self._runs = processes, receiver, runs
        rate = Fraction(fps).limit_denominator(1001)
        self._arguments = ["--family", family, "--bpp", f"{bpp:g}", "--epochs", str(epochs), "--source-fps", str(rate)]
        self.key: dict[str, Any] = {"vqvae_jax": __version__, "coder": CODER, "arguments": self._arguments}
        self.encode_command = f"vqvae-jax encode IN OUT {' '.join(self._arguments)}"
        self.decode_command = "vqvae-jax decode IN OUT"

    def encode(self, clip_THWC: np.ndarray, path: Path) -> tuple[float, int | None]:
        digest = hashlib.sha256(repr(clip_THWC.shape).encode() + clip_THWC.tobytes()).hexdigest()[:16]
        run = self._runs / f"{self.family} {self.setting} {digest}".replace(" ", "_")
        with self._turn, tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            source, out = Path(folder) / "clip.npy", Path(folder) / "clip.msv"
            np.save(source, clip_THWC)
            options = [*self._arguments, "--run", str(run.resolve()), "--json"]
            command = [sys.executable, "-m", "vqvae_jax", "encode", str(source), str(out), *options]
            said, _ = self._processes.run(command, timeout=LONGEST_FIT, cwd=ROOT)
            path.write_bytes(out.read_bytes())
            return time.monotonic() - started, sum(json.loads(said)["payload_bytes"].values())

    def decode(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
        clip, seconds = self._receiver.decode(path)
        check_decoded(clip, shape)
        return clip, seconds


def open_fitted(
    family: str, bpps: Sequence[float], epochs: int, fps: float, processes: Processes, out: Path
) -> tuple[CodecEntry, list[FittedCoder]]:
    """An entry without points, and a coder for each wished-for rate; none without such rates."""
    reason = None if bpps else "it fits a model to every clip, which takes long: --bpp 0.05 0.1 asks for that"
    title, note = TITLES.get(family, family), NOTE.format(epochs=epochs)
    entry = codec_entry("learned", family, title, note, f"vqvae_jax {__version__}" if bpps else None, reason)
    receiver = Receiver(processes, None)
    return entry, [FittedCoder(family, bpp, epochs, fps, processes, receiver, out / FOLDER) for bpp in bpps]
