"""`vqvae-jax info`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from vqvae_jax.cli.packaged import name_of
from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError
from vqvae_jax.families import FIRST, family


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
    levels = ", ".join(f"{name} {v['codes']} codes at {v['strides']}" for name, v in facts.get("levels", {}).items())
    shares = ", ".join(f"{name} {size:,}" for name, size in facts["payload_bytes"].items())
    mode = f"mode {facts['mode']}, " if "mode" in facts else ""
    bundle = facts["bundle"] + (f" ({facts['bundle_name']})" if facts["bundle_name"] else "")
    print(
        f"{options.file}: {facts['frames']} frames of {facts['width']}x{facts['height']} at {facts['fps']} fps "
        f"({facts['seconds']:.1f} s), to be shown as {facts['source_width']}x{facts['source_height']}\n"
        f"{facts['bytes']:,} bytes, {facts['bpp']:.4f} bpp, {facts['kbit_per_s']:.1f} kbit/s; payload: {shares} bytes\n"
        f"{mode}{facts['chunks']} chunks of {facts['chunk_frames']} frames, {facts['family']}, bundle {bundle}"
        + (f"\nlevels: {levels}" if levels else "")
    )
    if found := damage(facts):
        print(f"damaged: {'; '.join(found)}")


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
        of_file = family(header.family, reader.name)
        try:
            described = of_file.describe(header)
        except UserError as error:
            raise UserError(f"{reader.name}: {error}") from error
        payload, damaged = dict.fromkeys(header.parts, 0), []
        for chunk in range(reader.whole_chunks):
            try:
                for name, data in reader.read_chunk(chunk).items():
                    payload[name] += len(data)
            except DamagedChunk:
                damaged.append(chunk)
        for name, level in described.get("levels", {}).items():
            level["payload_bytes"] = payload[name]
        seconds = float(header.frames / header.rate)
        return {
            "bytes": reader.size,
            "frames": header.frames,
            "width": header.width,
            "height": header.height,
            "source_width": header.source_width,
            "source_height": header.source_height,
            "fps": str(header.rate),
            "seconds": seconds,
            "bpp": 8 * reader.size / (header.frames * header.width * header.height),
            "kbit_per_s": 8e-3 * reader.size / seconds,
            "family": header.family or FIRST,
            "bundle": header.bundle.hex(),
            "bundle_name": name_of(header.bundle.hex()),
            "chunks": header.chunks,
            "chunk_frames": header.chunk_frames,
            "payload_bytes": payload,
            "damaged_chunks": damaged,
            "missing_chunks": header.chunks - reader.whole_chunks,
            "index_damaged": reader.index_damaged,
            **described,
        }
