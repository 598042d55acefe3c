"""What a damaged file may end in: a `UserError`, chunks that are lost, or indices that the model can decode."""

import contextlib
import gc
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.codec.example_bundle import golden_model
from tests.container.mend import mend
from tests.container.mutate import mutate
from vqvae_jax.cli.info import describe
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.interface import Indices
from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.codec.layout import Layout
from vqvae_jax.msvqvae.codec.model import CodecModel

GOLDEN = Path(__file__).parent / "golden"
MEMORY_MIB = 200  # that a file may take beyond what the process holds with its model compiled
OUTCOMES = ("refused", "no chunk", "some chunks", "all chunks")


class Original(NamedTuple):
    """An undamaged file and what it holds."""

    name: str
    data: bytes
    model: CodecModel
    header: Header
    chunks: list[Indices | None]


def originals() -> list[Original]:
    """The golden files: every mode, one level and two, odd sizes, a last chunk that is shorter."""
    found = []
    for path in sorted(GOLDEN.glob("*.msv")):
        which = 1 if "one_level" in path.stem else 2, path.stem.startswith("contexts")
        model = golden_model(*which)
        with Decoder(model, path) as decoder:
            header, chunks = decoder.reader.header, decoded_chunks(decoder)
        found.append(Original(path.stem, path.read_bytes(), model, header, chunks))
    return found


def mutant(original: Original, rng: random.Random, mended: bool) -> bytes:
    """The file with one to three mutations; `mended`: its checksums put right again, half the time its index too."""
    data = mutate(original.data, rng)
    return mend(data, rebuild_index=rng.random() < 0.5) if mended else data


def outcome(original: Original, path: Path, mended: bool) -> str:
    """Opens a mutant and decodes all of its chunks to indices; one of `OUTCOMES`.

    Raises:
      AssertionError: if an error is more than one line, or a file whose checksums were not mended gives anything but
        what was written.
    """
    try:
        facts = describe(path)
        with Decoder(original.model, path) as decoder:
            header, chunks = decoder.reader.header, decoded_chunks(decoder)
            assert facts["missing_chunks"] == header.chunks - decoder.reader.whole_chunks
    except UserError as error:
        assert "\n" not in str(error), error
        return "refused"
    if not mended:
        assert header == original.header
        assert all(chunk is None or same(chunk, wrote) for chunk, wrote in zip(chunks, original.chunks, strict=False))
    found = sum(chunk is not None for chunk in chunks)
    return "all chunks" if found == header.chunks else "some chunks" if found else "no chunk"


def decoded_chunks(decoder: Decoder) -> list[Indices | None]:
    """Indices of the chunks that are there, and of the first that is not, if there is one; None for those lost."""
    chunks: list[Indices | None] = []
    header = decoder.reader.header
    layout = Layout.parse(header)
    for chunk in range(min(header.chunks, decoder.reader.whole_chunks + 1)):
        try:
            indices = decoder.content(chunk).indices
        except DamagedChunk as error:
            assert error.chunk == chunk and "\n" not in str(error)
            chunks.append(None)
            continue
        for name, shape in layout.grids(header.frames_in_chunk(chunk)).items():
            grid = indices[name]
            assert grid.shape == shape and 0 <= grid.min() <= grid.max() < layout.levels[name].codes
        chunks.append(indices)
    return chunks


def same(chunk: Indices, other: Indices | None) -> bool:
    return other is not None and all(np.array_equal(chunk[name], grid) for name, grid in other.items())


@contextlib.contextmanager
def memory_ceiling(mebibytes: float = MEMORY_MIB) -> Iterator[None]:
    """Resident memory must not rise by more than this inside: XLA's is none that Python could count.

    Raises:
      AssertionError: if it does.
    """
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident_peak()
    yield
    grown = resident_peak() - before
    assert grown < mebibytes, f"{grown:.0f} MiB, at most {mebibytes} are allowed"


def resident_peak() -> float:
    """The most memory that this process has held since the peak was last reset, in MiB."""
    (line,) = (row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM:"))
    return int(line.split()[1]) / 2**10


def check_pictures(original: Original, path: Path) -> None:
    """Decodes a mutant to pictures, if they are of the original's size, for which the model is quick to compile.

    Raises:
      AssertionError: if pictures are not of the size and number that the header states, or take too much memory.
    """
    try:
        with Decoder(original.model, path) as decoder:
            header, old = decoder.reader.header, original.header
            if (header.width, header.height) != (old.width, old.height):
                return
            with memory_ceiling():
                frames = list(decoder.frames(on_error="skip"))
            assert len(frames) == min(header.frames, decoder.reader.whole_chunks * header.chunk_frames)
            assert all(f.shape == (old.height, old.width, 3) and f.dtype == np.uint8 for f in frames)
    except UserError as error:
        assert "\n" not in str(error), error
