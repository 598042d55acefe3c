"""`vqvae-jax info`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from vqvae_jax.cli.packaged import name_of
from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import say


@dataclass(frozen=True)
class Options:
    """What an .msv file holds. Needs no model."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE.msv")]
    """An .msv file."""
    json: bool = False
    """Print JSON."""


def run(options: Options) -> None:
    """Prints it."""
    facts = describe(options.file)
    if options.json:
        print(json.dumps(facts, indent=1))
        return
    levels = ", ".join(
        f"{name} {level['codes']} codes at {level['strides']}" for name, level in facts["levels"].items()
    )
    shares = ", ".join(f"{name} {level['payload_bytes']:,}" for name, level in facts["levels"].items())
    bundle = facts["bundle"] + (f" ({facts['bundle_name']})" if facts["bundle_name"] else "")
    say(
        f"{options.file}: {facts['frames']} frames of {facts['width']}x{facts['height']} at {facts['fps']} fps "
        f"({facts['seconds']:.1f} s), to be shown as {facts['source_width']}x{facts['source_height']}",
        f"{facts['bytes']:,} bytes, {facts['bpp']:.4f} bpp, {facts['kbit_per_s']:.1f} kbit/s; payload: {shares} bytes",
        f"mode {facts['mode']}, {facts['chunks']} chunks of {facts['chunk_frames']} frames, bundle {bundle}",
        f"levels: {levels}",
    )
    if found := damage(facts):
        say(f"damaged: {'; '.join(found)}")


def damage(facts: dict[str, Any]) -> list[str]:
    """What is wrong with the file, if anything."""
    found = []
    if chunks := facts["damaged_chunks"]:
        found.append(f"chunks {', '.join(map(str, chunks))} of {facts['chunks']} (from 0) cannot be decoded")
    if facts["missing_chunks"]:
        found.append(f"the last {facts['missing_chunks']} of {facts['chunks']} chunks are missing")
    if facts["index_damaged"]:
        found.append("the index is missing or damaged, chunks are found by their own lengths")
    return found


def describe(path: Path) -> dict[str, Any]:
    """Everything the header says and the chunks' sizes, as JSON values.

    Raises:
      UserError: if it is no .msv file.
    """
    with Reader(path) as reader:
        header = reader.header
        payload, damaged = [0] * len(header.levels), []
        for chunk in range(reader.whole_chunks):
            try:
                for number, data in enumerate(reader.read_chunk(chunk)):
                    payload[number] += len(data)
            except DamagedChunk:
                damaged.append(chunk)
        seconds = float(header.frames / header.rate)
        return {
            "bytes": reader.size,
            "frames": header.frames,
            "width": header.width,
            "height": header.height,
            "padded_width": header.padded_width,
            "padded_height": header.padded_height,
            "source_width": header.source_width,
            "source_height": header.source_height,
            "fps": str(header.rate),
            "seconds": seconds,
            "bpp": 8 * reader.size / (header.frames * header.width * header.height),
            "kbit_per_s": 8e-3 * reader.size / seconds,
            "mode": header.mode,
            "bundle": header.bundle.hex(),
            "bundle_name": name_of(header.bundle.hex()),
            "chunks": header.chunks,
            "chunk_frames": header.chunk_frames,
            "levels": {
                level.name: {"codes": level.codes, "strides": list(level.strides), "payload_bytes": size}
                for level, size in zip(header.levels, payload, strict=True)
            },
            "damaged_chunks": damaged,
            "missing_chunks": header.chunks - reader.whole_chunks,
            "index_damaged": reader.index_damaged,
        }
