"""The kit for other decoders: it passes what decodes, and nothing else."""

import subprocess
import sys

import pytest

from tests.conformance import cases, compare, read_y4m
from vqvae_jax.errors import UserError

ALL = {f"{case.family} {case.file.stem}": case for case in cases()}


def test_every_golden_file_is_a_case():
    assert len(ALL) == 15 and all(case.file.is_file() and case.bundle.is_file() for case in ALL.values())


def test_the_same_pictures_pass_and_others_do_not(tmp_path):
    case = ALL["msvqvae one_frame"]
    raw = tmp_path / "right.y4m"
    right = f"sh -c '{sys.executable} -m vqvae_jax decode {{file}} - --bundle {{bundle}} > {{out}}'"
    assert compare(case, right).most == 0
    command = [sys.executable, "-m", "vqvae_jax", "decode", str(case.file), "-", "--bundle", str(case.bundle)]
    content = bytearray(subprocess.run(command, capture_output=True, check=True).stdout)
    content[-1] ^= 4
    raw.write_bytes(content)
    verdict = compare(case, f"cp {raw} {{out}}")
    assert (verdict.frames, verdict.differ, verdict.most) == (1, 1, 4)
    with pytest.raises(UserError, match="cp ended with 1"):
        compare(case, f"cp {tmp_path}/none {{out}}")
    raw.write_bytes(content[:-1])
    with pytest.raises(UserError, match="not whole"):
        compare(case, f"cp {raw} {{out}}")


def test_other_colours_are_refused():
    with pytest.raises(UserError, match="4:4:4"):
        read_y4m(b"YUV4MPEG2 W2 H2 C420\nFRAME\n123456")
    planes = read_y4m(b"YUV4MPEG2 W2 H1 C444\nFRAME\n123456FRAME\nabcdef")
    assert planes.shape == (2, 3, 1, 2) and planes[1, 2].tolist() == [[101, 102]]
