"""Latents of a group of pictures in coding order, the same walk for writing and for reading."""

import zlib
from typing import Protocol

import numpy as np

from vqvae_jax.entropy import rans
from vqvae_jax.entropy.gaussian_symbols import GaussianSymbols
from vqvae_jax.entropy.rans import FINE_BITS, CorruptStreamError
from vqvae_jax.entropy.symbols import Intervals, TableRows
from vqvae_jax.envc.codec.order import Step, all_at_once, filled, wavefronts, windows
from vqvae_jax.envc.codec.programs import Programs
from vqvae_jax.envc.coding import Inter, Intra, inter_shapes, intra_shapes
from vqvae_jax.envc.mixture import Mixture
from vqvae_jax.errors import UserError

LIMIT = 1 << 15  # of latents


class Distributions(Protocol):
    """Of integers [N]."""

    def write(self, values: np.ndarray) -> Intervals:
        """Starts and frequencies, with totals of 24 bits."""

    def read(self, reader: rans.Reader) -> list[int]:
        """The integers, or a `CorruptStreamError`."""


class Coder(Protocol):
    """Writes or reads integers."""

    def code(self, name: str, known: Distributions, values: np.ndarray | None) -> np.ndarray:
        """The integers [N] of a part of a frame; `values` are those that a writer writes."""


class Writer:
    """Collects symbols.

    Attributes:
      bits: of each part so far, as its frequencies say.
    """

    def __init__(self) -> None:
        self._intervals: list[np.ndarray] = [np.zeros((2, 0), np.uint32)]
        self.bits: dict[str, float] = {}

    def code(self, name: str, known: Distributions, values: np.ndarray | None) -> np.ndarray:
        assert values is not None
        intervals = np.array(known.write(values), np.uint32)
        self._intervals.append(intervals)
        spent = float(np.sum(FINE_BITS - np.log2(intervals[1].astype(np.float64))))
        self.bits[name] = self.bits.get(name, 0.0) + spent
        return values

    def stream(self) -> bytes:
        """All of it."""
        starts, frequencies = np.concatenate(self._intervals, axis=1).tolist()
        return rans.encode(starts, frequencies, FINE_BITS)


class Reader:
    """The inverse.

    Raises:
      CorruptStreamError: if no writer wrote these bytes.
    """

    def __init__(self, stream: bytes) -> None:
        self._reader = rans.Reader(stream, FINE_BITS)

    def code(self, name: str, known: Distributions, values: np.ndarray | None) -> np.ndarray:
        found = np.array(known.read(self._reader), np.int64)
        if found.size and np.abs(found).max() > LIMIT:
            raise CorruptStreamError(f"a latent of {int(np.abs(found).max())}")
        return found

    def check_end(self) -> None:
        """Raises `CorruptStreamError` unless the stream ends here."""
        self._reader.check_end()


class Walk:
    """The latents of frames, one frame after the other.

    Args:
      programs: of the model.
      tables: of its bundle.
      coder: a `Writer` or a `Reader`.
      size: height and width of padded pictures.

    Attributes:
      crc: CRC-32 of the integers of the frame before: of all that decides their distributions, and of latents.
    """

    def __init__(self, programs: Programs, tables: dict[str, np.ndarray], coder: Coder, size: tuple[int, int]) -> None:
        self._programs, self._tables, self._coder = programs, tables, coder
        self._intra = intra_shapes(programs.config, 1, *size)
        self._inter = inter_shapes(programs.config, 1, *size)
        order = wavefronts if programs.config.ar else all_at_once
        self._steps = order(*self._intra["y"][1:3])
        self._together = max(len(step.rows) for step in self._steps)
        self.crc = 0

    def intra(self, known: Intra[np.ndarray] | None = None) -> Intra[np.ndarray]:
        """The next I frame's latents, int32 [1, h, w, C]; `known` are those that a writer writes."""
        self.crc = 0
        z = self._table("intra_z", self._intra["z"], known and known.z)
        return Intra(z, self._mixtures("intra_y", "intra", z, self._intra["y"], known and known.y))

    def inter(self, known: Inter[np.ndarray] | None = None) -> Inter[np.ndarray]:
        """The next P frame's latents, likewise."""
        self.crc = 0
        shapes = self._inter
        if self._programs.config.ar:
            m = self._mixtures("inter_m", "motion", None, shapes["m"], known and known.m)
        else:
            m = self._table("inter_m", shapes["m"], known and known.m)
        z = self._table("inter_z", shapes["z"], known and known.z)
        return Inter(m, z, self._mixtures("inter_r", "inter", z, shapes["r"], known and known.r))

    def _table(self, name: str, shape: tuple[int, ...], values: np.ndarray | None) -> np.ndarray:
        """Latents whose distribution is that of their channel."""
        channels = np.tile(np.arange(shape[-1]), int(np.prod(shape[:-1])))
        known = TableRows(self._tables[name], channels, FINE_BITS)
        found = self._coder.code(name, known, None if values is None else values.ravel()).reshape(shape)
        return self._checked(found)

    def _mixtures(
        self, name: str, model: str, z: np.ndarray | None, shape: tuple[int, ...], values: np.ndarray | None
    ) -> np.ndarray:
        """Latents whose distributions are mixtures."""
        hyper = None if z is None else self._programs.hyper(model, z)
        grid = np.zeros(shape[1:], np.int64)
        for step in self._steps:
            known = self._symbols(model, hyper, grid, step)
            self.crc = known.crc(self.crc)
            wanted = None if values is None else values[0][step].ravel()
            grid[step] = self._coder.code(name, known, wanted).reshape(len(step.rows), -1)
        return self._checked(grid[None])

    def _symbols(self, model: str, hyper: np.ndarray | None, grid: np.ndarray, step: Step) -> GaussianSymbols:
        programs = self._programs
        if not programs.config.ar:
            assert hyper is not None
            found = programs.mixture(model, hyper, None)
        else:
            seen = windows(grid, step, self._together)
            if hyper is None:
                found = programs.motion_mixture(seen)
            else:
                found = programs.mixture(model, filled(hyper[0][step][:, None, None], self._together), seen)
        return symbols_of(found, len(step.rows))

    def _checked(self, latents: np.ndarray) -> np.ndarray:
        whole = latents.astype(np.int32)
        self.crc = zlib.crc32(whole.astype("<i4").tobytes(), self.crc)
        return whole


def symbols_of(found: Mixture, positions: int) -> GaussianSymbols:
    """Distributions of all latents of the first positions, channel by channel.

    Args:
      found: arrays [B, h, w, 3, M].
      positions: how many.

    Raises:
      UserError: if they are not finite.
    """
    if not all(np.isfinite(part).all() for part in found):
        raise UserError("the model gives distributions that are not finite; its bundle is of no use")
    parts = map(np.asarray, found)
    flat = (np.moveaxis(part.reshape(-1, *part.shape[3:])[:positions], 1, 2) for part in parts)
    return GaussianSymbols(*(part.reshape(-1, part.shape[-1]) for part in flat))
