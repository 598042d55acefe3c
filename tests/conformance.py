"""Holds another decoder to the golden files: `python -m tests.conformance COMMAND` (docs/conformance.md).

COMMAND, in quotation marks, has {file}, {bundle} and {out} in it; it writes Y4M of 4:4:4 to {out}:

    python -m tests.conformance 'node vqvae_jax/web/msv.mjs {file} {out} --model {bundle}'
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from vqvae_jax.errors import UserError, run_command, say

HERE = Path(__file__).parent
PLANES = 3


class Case(NamedTuple):
    """A file and what decodes it."""

    family: str
    file: Path
    bundle: Path


class Verdict(NamedTuple):
    """How far the frames of two decoders are apart."""

    frames: int
    differ: int  # values
    most: int  # levels


def cases() -> Iterator[Case]:
    """All golden files that a bundle decodes."""
    from tests.codec.golden.make import FILES

    folder = HERE / "codec/golden"
    for name, (bundle, *_) in FILES.items():
        yield Case("msvqvae", folder / f"{name}.msv", folder / f"{bundle}.safetensors")
    folder = HERE / "ntc/codec/golden"
    for name, facts in json.loads((folder / "golden.json").read_text()).items():
        yield Case("ntc", folder / f"{name}.msv", folder / f"{facts['bundle']}.safetensors")


def read_y4m(content: bytes) -> np.ndarray:
    """Planes of every frame, uint8 (T, 3, H, W).

    Raises:
      UserError: unless it is whole Y4M of 4:4:4.
    """
    head, _, rest = content.partition(b"\n")
    words = head.decode(errors="replace").split()
    fields = {word[0]: word[1:] for word in words[1:]}
    if words[:1] != ["YUV4MPEG2"] or not fields.get("C", "").startswith("444"):
        raise UserError(f"no Y4M of 4:4:4 but {head[:60]!r}")
    size = PLANES * int(fields["H"]) * int(fields["W"])
    frames = []
    while rest:
        line, _, rest = rest.partition(b"\n")
        if not line.startswith(b"FRAME") or len(rest) < size:
            raise UserError(f"frame {len(frames)} is not whole")
        frames.append(np.frombuffer(rest[:size], np.uint8).reshape(PLANES, int(fields["H"]), int(fields["W"])))
        rest = rest[size:]
    return np.stack(frames)


def compare(case: Case, command: str) -> Verdict:
    """What a command decodes beside what `vqvae-jax decode` does.

    Raises:
      UserError: if one of them fails, or their shapes differ.
    """
    ours = [sys.executable, "-m", "vqvae_jax", "decode", str(case.file), "-", "--bundle", str(case.bundle)]
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.y4m"
        theirs = shlex.split(command.format(file=case.file, bundle=case.bundle, out=out))
        expected, done = (subprocess.run(words, capture_output=True) for words in (ours, theirs))
        for words, result in ((ours, expected), (theirs, done)):
            if result.returncode:
                said = result.stderr.decode(errors="replace").strip().splitlines()
                raise UserError(f"{words[0]} ended with {result.returncode}: {said[-1] if said else 'no word'}")
        found, wanted = read_y4m(out.read_bytes()), read_y4m(expected.stdout)
    if found.shape != wanted.shape:
        raise UserError(f"planes (T, 3, H, W) of {found.shape} instead of {wanted.shape}")
    apart = np.abs(found.astype(np.int16) - wanted)
    return Verdict(len(found), int(np.count_nonzero(apart)), int(apart.max()))


def main() -> None:
    """Prints a line for every file; exit code 1 if one is not as it must be."""
    if len(sys.argv) != 2:
        raise UserError("give one command, with {file}, {bundle} and {out} in it, in quotation marks")
    wrong = 0
    for case in cases():
        name = f"{case.family} {case.file.stem}"
        try:
            verdict = compare(case, sys.argv[1])
        except UserError as error:
            say(f"FAILED  {name}: {error}")
            wrong += 1
            continue
        wrong += verdict.most > 1
        mark = "passed" if verdict.most <= 1 else "FAILED"
        say(f"{mark}  {name}: {verdict.frames} frames, {verdict.differ} values differ, by {verdict.most} at most")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    run_command("conformance", main)
