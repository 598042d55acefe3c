"""What a damaged file may end in: a `UserError`, chunks that are lost, or what the model can decode: indices of the
first family, values of weights and embeddings of the one whose files bring their model along.
"""

import contextlib
import gc
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from tests.codec.example_bundle import golden_model
from tests.container.mend import mend
from tests.container.mutate import mutate
from vqvae_jax.cli.info import describe
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.interface import Model
from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.header import Header
from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.codec.layout import Layout
from vqvae_jax.mvc.codec.model import FileDecoder, MvcModel

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_SCENES = Path(__file__).parents[1] / "mvc" / "codec" / "golden"
Arrays = dict[str, np.ndarray]  # what a chunk holds
MEMORY_MIB = 200  # that a file may take beyond what the process holds with its model compiled
OUTCOMES = ("refused", "no chunk", "some chunks", "all chunks")


class Original(NamedTuple):
    """An undamaged file and what it holds."""

    name: str
    data: bytes
    model: Model
    header: Header
    chunks: list[Arrays | None]


def originals() -> list[Original]:
    """The golden files: every mode, one level and two, odd sizes, a last chunk that is shorter; scenes of networks."""
    found = []
    for path in [*sorted(GOLDEN.glob("*.msv")), *sorted(GOLDEN_SCENES.glob("*.msv"))]:
        which = 1 if "one_level" in path.stem else 2, path.stem.startswith("contexts")
        model = MvcModel() if path.parent == GOLDEN_SCENES else golden_model(*which)
        with Decoder(model, path) as decoder:
            header, chunks = decoder.reader.header, decoded_chunks(decoder)
        found.append(Original(path.stem, path.read_bytes(), model, header, chunks))
    return found


def mutant(original: Original, rng: random.Random, mended: bool) -> bytes:
    """The file with one to three mutations; `mended`: its checksums put right again, half the time its index too."""
    data = mutate(original.data, rng)
    return mend(data, rebuild_index=rng.random() < 0.5) if mended else data


def outcome(original: Original, path: Path, mended: bool) -> str:
    """Opens a mutant and decodes all of its chunks to arrays; one of `OUTCOMES`.

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


def decoded_chunks(decoder: Decoder) -> list[Arrays | None]:
    """What the chunks hold that are there, and the first that is not, if there is one; None for those lost."""
    chunks: list[Arrays | None] = []
    header = decoder.reader.header
    arrays = scene_arrays if decoder.model.family == MvcModel.family else checked_indices
    for chunk in range(min(header.chunks, decoder.reader.whole_chunks + 1)):
        try:
            chunks.append(arrays(decoder, chunk))
        except DamagedChunk as error:
            assert error.chunk == chunk and "\n" not in str(error)
            chunks.append(None)
    return chunks


def checked_indices(decoder: Decoder, chunk: int) -> Arrays:
    """Indices by level, of the shapes and in the ranges that the header states."""
    indices, layout = decoder.content(chunk).indices, Layout.parse(decoder.reader.header)
    for name, shape in layout.grids(decoder.reader.header.frames_in_chunk(chunk)).items():
        grid = indices[name]
        assert grid.shape == shape and 0 <= grid.min() <= grid.max() < layout.levels[name].codes
    return indices


def scene_arrays(decoder: Decoder, chunk: int) -> Arrays:
    """Embeddings of a chunk's frames, and the weights of their scenes, all finite."""
    found, frames, coder = Arrays(), 0, cast(FileDecoder, decoder._coder)
    for segment, embedding in decoder.content(chunk):
        frames += segment.frames.stop - segment.frames.start
        weights = coder.scene(segment.scene).weights
        found |= {f"{segment.scene}/{name}": array for name, array in weights.items()}
        if embedding is not None:
            found[f"{segment.scene} from {segment.frames.start}"] = embedding
    assert frames == decoder.reader.header.frames_in_chunk(chunk)
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in found.values())
    return found


def same(chunk: Arrays, other: Arrays | None) -> bool:
    return other is not None and chunk.keys() == other.keys() and all(np.array_equal(chunk[n], other[n]) for n in chunk)


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
