"""Encoding and decoding speed of bundles against real time (16 fps), the share of entropy coding, peak memory.

    python -m benchmarks.codec_speed --bundles FILE ... [--seconds 20 600]

Every measurement is a process of its own. Frames are 64x64, a moving pattern made on the fly; times are without
compilation (a first window is coded before the clock starts). Peak memory is the process's whole, at two lengths:
it must not grow with the video.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.report import options, write
from vqvae_jax.errors import run_command

RATE = Fraction(16)


def frames(count: int, side: int) -> Iterator[np.ndarray]:
    """A picture that moves and flickers a little: uint8 [side, side, 3]."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (side // 4 + 32, side // 4 + 32, 3)).astype(np.float32)
    picture = np.kron(coarse, np.ones((4, 4, 1), np.float32))
    for number in range(count):
        y, x = (int(16 + 16 * f(number / 20)) for f in (np.sin, np.cos))
        noise = rng.normal(0, 3, (side, side, 1))
        yield np.clip(picture[y : y + side, x : x + side] + noise, 0, 255).astype(np.uint8)


def measure(bundle_path: Path, count: int, side: int) -> dict[str, float]:
    """One round trip through a file, in this process."""
    from vqvae_jax.codec import decoder as decoder_module
    from vqvae_jax.codec import encoder as encoder_module
    from vqvae_jax.codec.bundle import load_bundle
    from vqvae_jax.codec.decoder import Decoder
    from vqvae_jax.codec.encoder import Encoder

    spent = {"pack": 0.0, "unpack": 0.0}

    def timed(name, function):
        def call(*arguments):
            began = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                spent[name] += time.perf_counter() - began

        return call

    encoder_module.pack = timed("pack", encoder_module.pack)
    decoder_module.unpack = timed("unpack", decoder_module.unpack)
    began = time.perf_counter()
    bundle = load_bundle(bundle_path)
    load = time.perf_counter() - began
    encoder = Encoder(bundle)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.msv"
        began = time.perf_counter()
        encoder.encode(frames(8, side), path, RATE)
        compile_s = time.perf_counter() - began
        with Decoder(bundle, path, encoder.tokenizer) as opened:
            list(opened.frames())
        spent["pack"] = spent["unpack"] = 0.0
        began = time.perf_counter()
        encoder.encode(frames(count, side), path, RATE, overwrite=True)
        encode_s = time.perf_counter() - began
        began = time.perf_counter()
        with Decoder(bundle, path, encoder.tokenizer) as opened:
            decoded = sum(1 for _ in opened.frames())
        decode_s = time.perf_counter() - began
    assert decoded == count
    return {
        "load s": load,
        "compile s": compile_s,
        "encode fps": count / encode_s,
        "encode x real time": count / encode_s / float(RATE),
        "decode fps": count / decode_s,
        "decode x real time": count / decode_s / float(RATE),
        "entropy share of encoding": spent["pack"] / encode_s,
        "entropy share of decoding": spent["unpack"] / decode_s,
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = options("codec_speed", __doc__)
    parser.add_argument("--bundles", type=Path, nargs="+", required=True)
    parser.add_argument("--seconds", type=int, nargs="+", default=[20, 600], help="lengths of the video")
    parser.add_argument("--side", type=int, default=64, help="pixels")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # bundle, seconds: the child process
    arguments = parser.parse_args()
    if arguments.one:
        path, seconds = arguments.one
        print(json.dumps(measure(Path(path), int(int(seconds) * RATE), arguments.side)))
        return
    rows = []
    for path in arguments.bundles:
        for seconds in arguments.seconds:
            child = [
                sys.executable,
                "-m",
                "benchmarks.codec_speed",
                "--bundles",
                str(path),
                "--side",
                str(arguments.side),
            ]
            ran = subprocess.run([*child, "--one", str(path), str(seconds)], check=True, capture_output=True, text=True)
            rows.append({"bundle": path.stem, "seconds": seconds, **json.loads(ran.stdout.splitlines()[-1])})
    write(arguments.out, "codec_speed", rows, side=arguments.side, fps=float(RATE))


if __name__ == "__main__":
    run_command("benchmarks.codec_speed", main)
