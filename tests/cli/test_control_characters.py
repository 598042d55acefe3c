"""Names of files that hold control characters reach the terminal escaped, whichever command prints them."""

import numpy as np
import pytest

from tests.codec.example_bundle import moving

EVIL = "a\x1b]0;title\x07\nb\x9b31m"
SHOWN = r"a\x1b]0;title\x07\nb\x9b31m"


@pytest.fixture
def told(command, tmp_path, monkeypatch):
    """Runs a command in a folder of such names; what it says must be printable and name them escaped."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, code=0):
        result = command(*arguments)
        said = result.out + result.err
        assert result.code == code, said
        assert all(line.isprintable() for line in said.split("\n")), repr(said)
        assert SHOWN in said
        return result

    return call


def test_no_command_prints_a_name_raw(told, tmp_path):
    np.save(f"{EVIL}.npy", moving(11))
    told("encode", f"{EVIL}.npy", f"{EVIL}.msv", "--size", "native", "--verify")
    told("encode", f"{EVIL}.npy", f"{EVIL}.msv", "--size", "native", "--force", "--json")
    told("decode", f"{EVIL}.msv", f"{EVIL}.mkv")
    told("info", f"{EVIL}.msv")
    told("compare", f"{EVIL}.npy", f"{EVIL}.msv")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / f"{EVIL}.txt").write_text("no video")
    np.save(tmp_path / "videos" / f"{EVIL}.npy", moving(11))
    told("tokenize", "videos", f"{EVIL} tokens", "--size", "native")
    told("detokenize", f"{EVIL} tokens", f"{EVIL} back", "--format", "npy")


@pytest.mark.parametrize("name", ["encode", "decode", "compare", "tokenize", "detokenize"])
def test_no_mistake_prints_a_name_raw(told, name):
    told(name, f"{EVIL}.msv", f"{EVIL}.msv", code=2)
    told("info", f"{EVIL}.msv", code=2)
    told("export", f"{EVIL}.safetensors", "--run", EVIL, code=2)


def test_damage_is_told_with_the_name_escaped(told, tmp_path):
    np.save(f"{EVIL}.npy", moving(11))
    told("encode", f"{EVIL}.npy", f"{EVIL}.msv", "--size", "native")
    data = bytearray((tmp_path / f"{EVIL}.msv").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / f"{EVIL}.msv").write_bytes(data[:-5])
    told("decode", f"{EVIL}.msv", f"{EVIL}.mkv", "--on-error", "skip")
