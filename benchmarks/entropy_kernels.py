"""The entropy coder with its WebAssembly kernels against the same in Python: symbols per second of one thread.

    python -m benchmarks.entropy_kernels [--data DIR] [--bundles edge edge4 ntc] [--clips 8]

Both code the same clips in turns, and must give the same bytes. A symbol is an index of a level, or a latent that is
not left out (`ntc`, at `--quality`). Seconds are those of the processor. A ratio is Python's seconds over the kernel's.
Needs wasmtime; "start s" is what its import, the kernel's compilation and its first use take.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.inputs import Count, DataSet, read_clips
from benchmarks.report import Result, Row, benchmark, spent, timings, versions
from vqvae_jax.entropy.kernel.machine import PYTHON, VARIABLE, WASM
from vqvae_jax.errors import UserError
from vqvae_jax.packaged import find_bundle


class Work(NamedTuple):
    """What is coded."""

    symbols: int
    encode: Callable[[], list[Any]]
    decode: Callable[[list[Any]], Any]


@contextmanager
def coded_by(way: str) -> Iterator[None]:
    """The entropy coder by `PYTHON` or `WASM`."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = way
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def index_work(model: Any, clips_NTHWC: np.ndarray) -> Work:
    """Indices of clips under a bundle of MS-VQ-VAE."""
    from benchmarks.entropy import container_coder

    indices = [next(iter(model.coded_chunks(clip, len(clip)))).indices for clip in clips_NTHWC]
    shapes = {level: grid.shape for level, grid in indices[0].items()}
    coder = container_coder(model.weights.tables, "range")
    symbols = sum(grid.size for one in indices for grid in one.values())
    return Work(
        symbols,
        lambda: [coder.encode(one) for one in indices],
        lambda streams: [coder.decode(stream, shapes) for stream in streams],
    )


def latent_work(model: Any, clips_NTHWC: np.ndarray, quality: float) -> Work:
    """Latents of clips under a bundle of ntc."""
    import io
    from fractions import Fraction

    from vqvae_jax.codec.decoder import Decoder
    from vqvae_jax.codec.encoder import Encoder
    from vqvae_jax.ntc.codec.latents import Walk, Writer
    from vqvae_jax.ntc.codec.layout import rate_of

    groups = []
    for clip in clips_NTHWC:
        out = io.BytesIO()
        Encoder(model, quality=quality).encode(clip, out, Fraction(16))
        with Decoder(model, out.getvalue()) as decoder:
            groups += [decoder.content(chunk)[1].astype(np.float64) for chunk in range(decoder.reader.chunk_count)]

    def walk(group: np.ndarray) -> Walk:
        return Walk(model.prior, rate_of(quality, model.config.rates), model.skip, group.shape[1:3])

    def written(group: np.ndarray) -> Writer:
        writer = Writer(walk(group))
        for unit in group:
            writer.unit(unit)
        return writer

    def decode(payloads: list[bytes]) -> list[np.ndarray]:
        pairs = zip(groups, payloads, strict=True)
        return [np.stack(list(walk(group).read(payload, len(group)))) for group, payload in pairs]

    symbols = sum(written(group).symbols for group in groups)
    return Work(symbols, lambda: [written(group).payload() for group in groups], decode)


def row(name: str, work: Work, repeats: int) -> Row:
    """Speeds of both ways.

    Raises:
      AssertionError: if they differ in a byte.
    """

    def call(way: str, what: Callable[[], Any]) -> Callable[[], Any]:
        def calls() -> Any:
            with coded_by(way):
                return what()

        return calls

    start = spent(call(WASM, work.encode))
    streams = call(WASM, work.encode)()
    assert streams == call(PYTHON, work.encode)(), f"{name}: the bytes differ"
    ways = (PYTHON, WASM)
    encode = timings({way: call(way, work.encode) for way in ways}, repeats)
    decode = timings({way: call(way, lambda: work.decode(streams)) for way in ways}, repeats)
    found: Row = {"bundle": name, "symbols": work.symbols}
    for what, seconds in (("encode", encode), ("decode", decode)):
        found |= {f"{what} Msymbols/s, {way}": work.symbols / seconds[way].cpu_s / 1e6 for way in ways}
        found[f"{what}, ratio"] = seconds[PYTHON].cpu_s / seconds[WASM].cpu_s
    return found | {"start s": start.cpu_s - encode[WASM].cpu_s}


@benchmark
def main(
    data: DataSet = None,
    split: str = "test",
    bundles: tuple[str, ...] = ("edge", "edge4", "ntc"),
    clips: Count = 8,
    quality: float = 50.0,
    repeats: int = 5,
) -> Result:
    if not versions("wasmtime"):
        raise UserError("wasmtime is not installed; pip install 'vqvae_jax[fast]'")
    pictures, facts = read_clips(data, split, clips)
    rows = []
    for name in bundles:
        model: Any = find_bundle(Path(name))
        work = index_work(model, pictures) if hasattr(model, "coded_chunks") else latent_work(model, pictures, quality)
        rows.append(row(name, work, repeats))
    return {
        "rows": rows,
        "peers": versions("wasmtime"),
        "threads": {"every coder": 1},
        "repeats": repeats,
        "data": facts,
    }


if __name__ == "__main__":
    main()
