"""Real videos through files: encoded by one process, decoded by another from the file alone.

    python -m benchmarks.round_trip --bundle FILE --videos DIR [DIR ...] [--count 12]

Asserts that reported bytes are the file's and that the other process's frames have the quality `--verify` measured.
Reports the size beside the source's, quality of the decoded file, overhead (all bytes but payloads), the seam (the
largest difference, over all frames, between the PSNR of this file and of one that is a single long chunk, which has no
borders inside), and how many bytes were read to show the last frame.
"""

import json
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Result, Row, benchmark
from vqvae_jax.codec.comparison import compare
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.codec.interface import TokenModel
from vqvae_jax.data.source import evenly_spread
from vqvae_jax.families import load_model, token_model
from vqvae_jax.video.resize import resizer
from vqvae_jax.video.source import open_source

SIZES = ("model", "96x64", "128x128", "67x41", "native")
LARGEST_NATIVE = 400_000  # pixels of a frame; larger videos are coded at 128x128


def command(*arguments: str) -> dict[str, Any]:
    """Runs `vqvae-jax` in a process of its own; its JSON."""
    ran = subprocess.run([sys.executable, "-m", "vqvae_jax", *arguments], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"vqvae-jax {' '.join(arguments)}: {ran.stderr.strip()}")
    return json.loads(ran.stdout) if "--json" in arguments else {}


def seam(bundle: TokenModel, reference: Path, decoded: Path, folder: Path) -> float:
    """dB by which the worst frame differs from that of a file without borders between chunks."""
    frames = np.load(reference)
    stride = next(iter(bundle.levels.values())).strides[0]
    encoder = Encoder(bundle, chunk_frames=-(-len(frames) // stride) * stride)
    whole = folder / "whole.msv"
    encoder.encode(frames, whole, Fraction(16), overwrite=True)
    with Decoder(bundle, whole) as decoder:
        without = np.array(compare(frames, decoder.frames()).psnr_by_frame)
    return float(np.abs(np.array(compare(frames, np.load(decoded)).psnr_by_frame) - without).max())


def round_trip(bundle_path: Path, bundle: TokenModel, video: Path, size: str, folder: Path) -> Row:
    """One video at one size."""
    coded, decoded, source = folder / "v.msv", folder / "v.npy", folder / "source.npy"
    facts = command(
        "encode", str(video), str(coded), "--bundle", str(bundle_path), "--size", size, "--verify", "--json", "--force"
    )
    command("decode", str(coded), str(decoded), "--bundle", str(bundle_path), "--force")
    save_source(video, facts, source)
    measured = command("compare", str(source), str(decoded), "--json")
    if facts["bytes"] != coded.stat().st_size or measured["psnr"] != facts["psnr"]:
        raise AssertionError(f"{video}: {facts} is not what another process finds: {measured}")
    with Decoder(bundle, coded) as decoder:
        next(decoder.frames(facts["frames"] - 1, 1))
        read = decoder.reader.bytes_read
    return {
        "video": video.name,
        "size": f"{facts['width']}x{facts['height']}",
        "frames": facts["frames"],
        "bytes": facts["bytes"],
        "of source": facts["bytes"] / facts["source_bytes"],
        "bpp": facts["bpp"],
        "PSNR": facts["psnr"],
        "SSIM": facts["ssim"],
        "overhead": 1 - sum(facts["payload_bytes"].values()) / facts["bytes"],
        "seam dB": seam(bundle, source, decoded, folder),
        "read for the last frame": read,
    }


def save_source(video: Path, facts: dict[str, Any], path: Path) -> None:
    """The frames that were coded, made once more from the source."""
    with open_source(video) as source:
        scale = resizer(facts["height"], facts["width"])
        np.save(path, np.stack([scale(frame) for frame in source.frames(Fraction(facts["fps"]))]))


def native_pixels(video: Path) -> int:
    """Pixels of a frame."""
    with open_source(video) as source:
        return source.info.width * source.info.height


@benchmark
def main(bundle: Path, videos: tuple[Path, ...], count: int = 12) -> Result:
    found = sorted(p for folder in videos for p in folder.rglob("*") if p.suffix in (".avi", ".mp4"))
    model = token_model(load_model(bundle))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, index in enumerate(evenly_spread(len(found), count)):
            size = SIZES[number % len(SIZES)]
            if size == "native" and native_pixels(found[index]) > LARGEST_NATIVE:
                size = "128x128"
            rows.append(round_trip(bundle, model, found[index], size, Path(folder)))
            print(rows[-1])
    return {"rows": rows}


if __name__ == "__main__":
    main()
