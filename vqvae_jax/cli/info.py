"""`vqvae-jax info`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.families import FIRST, family
from vqvae_jax.packaged import name_of


@dataclass(frozen=True)
class Options:
    """Says what an .msv file holds. Needs no model. Exit code 1 if frames are missing or damaged: `decode` refuses."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE.msv")]
    """The .msv file to read."""
    json: bool = False
    """Print the result as JSON."""


def run(options: Options) -> None:
    """Prints it.

    Raises:
      UserError: if it is no .msv file.
      SystemExit: with 1, after all has been said, if frames are missing or damaged.
    """
    facts = describe(options.file)
    if options.json:
        print(json.dumps(facts, indent=1))
    else:
        say(*summary(options.file, facts))
    if found := damage(facts):
        say(f"damaged: {'; '.join(found)}", file=sys.stderr if options.json else None)
    if facts["head_damaged"] or facts["damaged_chunks"] or facts["missing_chunks"]:
        sys.exit(1)


def summary(file: Path, facts: dict[str, Any]) -> list[str]:
    """What is in the file, one line each."""
    levels = ", ".join(f"{name} {v['codes']} codes at {v['strides']}" for name, v in facts.get("levels", {}).items())
    sizes = sorted(size for size in facts["chunk_bytes"] if size is not None)
    spread = f" of {sizes[0]:,} to {sizes[-1]:,} bytes" if len(sizes) > 1 else ""
    shares = ", ".join(f"{name} {size:,}" for name, size in facts["payload_bytes"].items())
    mode = f"mode {facts['mode']}, " if "mode" in facts else ""
    known = f" ({facts['bundle_name']})" if facts["bundle_name"] else ""
    model = "brings its model along" if facts["bundle"] is None else f"bundle {facts['bundle']}{known}"
    lost = facts["found_frames"] < facts["frames"]
    frames = f"{facts['found_frames']} of " * lost + number_of(facts["frames"], "frame")
    chunks = f"{number_of(facts['chunks'], 'chunk')} of {number_of(facts['chunk_frames'], 'frame')}{spread}"
    rate = "" if facts["bpp"] is None else f", {facts['bpp']:.4f} bpp, {facts['kbit_per_s']:.1f} kbit/s"
    return [
        f"{file}: {frames} of {facts['width']}x{facts['height']} at {facts['fps']} fps "
        f"({facts['seconds']:.1f} s), to be shown as {facts['source_width']}x{facts['source_height']}",
        f"{facts['bytes']:,} bytes{rate}; payload: {shares} bytes",
        f"{mode}{chunks}, {facts['family']}, {model}",
        *([f"levels: {levels}"] if levels else []),
    ]


def damage(facts: dict[str, Any]) -> list[str]:
    """What is wrong with the file, if anything."""
    found = []
    if facts["head_damaged"]:
        found.append("the head chunk, without which no frame can be decoded")
    if chunks := facts["damaged_chunks"]:
        found.append(f"chunks {', '.join(map(str, chunks))} of {facts['chunks']} (from 0) cannot be decoded")
    if facts["missing_chunks"]:
        found.append(f"the last {facts['missing_chunks']} of {facts['chunks']} chunks are missing or cannot be found")
    if facts["index_damaged"]:
        found.append(facts["index_fault"])
    return found


def describe(path: Path) -> dict[str, Any]:
    """Everything the header says and the chunks' sizes, as JSON values.

    "bpp" and "kbit_per_s" are those of the chunks that are there, None if none is: "found_frames" counts their frames;
    "chunk_bytes" is the payload of each, None if it is damaged.
    "bundle" is None where the file brings its model along, in the head chunk.
    A chunk is whole, or one of "damaged_chunks" (numbers), or one of the last "missing_chunks" (how many).

    Raises:
      UserError: if it is no .msv file.
    """
    with Reader(path) as reader:
        header = reader.header
        of_file = family(header.family, reader.name)
        try:
            described = of_file.Layout.parse(header).describe()
        except UserError as error:
            raise UserError(f"{reader.name}: {error}") from error
        payload, damaged, head_damaged = dict.fromkeys((*header.head_parts, *header.parts), 0), [], False
        by_chunk: list[int | None] = []
        try:
            payload |= {name: len(part) for name, part in reader.read_head_chunk().items()}
        except DamagedChunk:
            head_damaged = True
        for chunk in range(reader.whole_chunks):
            try:
                parts = reader.read_chunk(chunk)
            except DamagedChunk:
                damaged.append(chunk)
                by_chunk.append(None)
                continue
            by_chunk.append(sum(map(len, parts.values())))
            for name, data in parts.items():
                payload[name] += len(data)
        frames = min(header.frames, reader.whole_chunks * header.chunk_frames)
        bits = 8 * reader.found_bytes
        for name, level in described.get("levels", {}).items():
            level["payload_bytes"] = payload[name]
        return {
            "bytes": reader.size,
            "frames": header.frames,
            "found_frames": frames,
            "width": header.width,
            "height": header.height,
            "source_width": header.source_width,
            "source_height": header.source_height,
            "fps": str(header.rate),
            "seconds": float(header.frames / header.rate),
            "bpp": bits / (frames * header.width * header.height) if frames else None,
            "kbit_per_s": 1e-3 * bits * float(header.rate) / frames if frames else None,
            "family": header.family or FIRST,
            "bundle": None if header.brings_model else header.bundle.hex(),
            "bundle_name": None if header.brings_model else name_of(header.bundle.hex()),
            "chunks": header.chunks,
            "chunk_frames": header.chunk_frames,
            "payload_bytes": payload,
            "chunk_bytes": by_chunk,
            "head_damaged": head_damaged,
            "damaged_chunks": damaged,
            "missing_chunks": header.chunks - reader.whole_chunks,
            "index_damaged": reader.index_damaged,
            "index_fault": reader.end_fault if reader.index_damaged else None,
            **described,
        }
