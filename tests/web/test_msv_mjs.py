"""`node msv.mjs`: Y4M as Python writes it, and mistakes of one line."""

import os
import signal
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.codec.example_bundle import golden_model
from tests.mvc.codec.golden.make import GOLDEN
from tests.web.in_node import SECONDS, WEB, needs_node, node
from tests.web.test_web_entropy import TOKENS
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.video.pipes import Y4mWriter

pytestmark = needs_node
MODEL = ("--model", TOKENS / "contexts2.safetensors")


def msv(*arguments):
    return node(WEB / "msv.mjs", *arguments)


def python_y4m(file, path, level=None):
    """What `vqvae-jax decode FILE -` writes."""
    with Decoder(golden_model(2, True), file) as decoder, path.open("wb") as stream:
        h = decoder.reader.header
        aspect = Fraction(h.source_width * h.height, h.source_height * h.width).limit_denominator(1000)
        with Y4mWriter(stream, h.width, h.height, h.rate, aspect) as writer:
            for frame in decoder.frames(level=level):
                writer.write(frame)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["contexts", "contexts_one_frame"])
@pytest.mark.parametrize("level", [None, "top"])
def test_it_writes_what_python_writes(name, level, tmp_path):
    file, out = TOKENS / f"{name}.msv", tmp_path / "out.y4m"
    result = msv(file, out, *MODEL, *(("--level", level) if level else ()))
    assert result.returncode == 0, result.stderr
    expected, found = python_y4m(file, tmp_path / "python.y4m", level), out.read_bytes()
    assert len(found) == len(expected) and found.split(b"\n")[0] == expected.split(b"\n")[0]
    difference = np.abs(np.frombuffer(found, np.uint8).astype(int) - np.frombuffer(expected, np.uint8))
    assert difference.max() <= 1 and np.mean(difference > 0) < 0.01
    assert b"frames of" in result.stderr and sorted(tmp_path.iterdir()) == [out, tmp_path / "python.y4m"]
    again = msv(file, "-", *MODEL, *(("--level", level) if level else ()))
    assert again.stdout == found


@pytest.mark.parametrize("size", [(5, 3), (1280, 2)])
def test_colours_are_converted_as_libswscale_does(size, tmp_path):
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    rgba = np.dstack([pixels, np.full((height, width), 255, np.uint8)])
    program = (
        f"import {{ y4mFrame }} from '{WEB / 'y4m.js'}';"
        f"process.stdout.write(y4mFrame(Uint8Array.of({','.join(map(str, rgba.ravel()))}), {width}, {height}));"
    )
    found = node("--input-type=module", "-e", program).stdout
    with (tmp_path / "y4m").open("wb") as stream, Y4mWriter(stream, width, height, 25) as writer:
        writer.write(pixels)
    assert found == (tmp_path / "y4m").read_bytes().split(b"\n", 1)[1]


def test_a_damaged_chunk_stops_it_or_repeats_the_last_picture(tmp_path):
    data = bytearray((TOKENS / "contexts.msv").read_bytes())
    data[-60] ^= 1
    file, out = tmp_path / "damaged.msv", tmp_path / "out.y4m"
    file.write_bytes(data)
    result = msv(file, out, *MODEL)
    assert result.returncode == 2 and not out.exists() and len(list(tmp_path.iterdir())) == 1
    assert (
        result.stderr.decode().strip()
        == f"{file}: chunk 2: bottom is damaged (CRC-32); --on-error skip goes on behind it"
    )
    assert msv(file, out, *MODEL, "--on-error", "skip").returncode == 0
    frames = out.read_bytes().split(b"FRAME\n")[1:]
    assert len(frames) == 21 and frames[15] == frames[16] == frames[20]


def test_mistakes_are_one_line_and_exit_code_2(tmp_path):
    newer = bytearray((TOKENS / "contexts.msv").read_bytes())
    newer[4] = 9
    (tmp_path / "newer.msv").write_bytes(newer)
    (tmp_path / "there.y4m").write_bytes(b"")
    golden = TOKENS / "contexts.msv"
    for arguments, expected in (
        ((golden, tmp_path / "o.y4m"), "was coded with bundle"),
        ((golden, tmp_path / "o.y4m", "--model", TOKENS / "contexts1.safetensors"), "was coded with bundle"),
        ((GOLDEN / "scenes.msv", tmp_path / "o.y4m"), "mvc files are not played here; vqvae-jax decode writes them"),
        ((GOLDEN / "scenes.msv", "-", *MODEL), "mvc files are not played here"),
        ((golden, tmp_path / "there.y4m", *MODEL), "exists already; --force overwrites it"),
        ((golden, tmp_path / "no" / "o.y4m", *MODEL), "cannot be written (there is no folder"),
        ((golden, tmp_path / "o.y4m", *MODEL, "--level", "middle"), "has no level middle; it has top, bottom"),
        ((tmp_path / "newer.msv", tmp_path / "o.y4m"), "format version 9 is newer than this player's 3"),
        ((TOKENS / "golden.json", tmp_path / "o.y4m"), "is not an .msv file"),
        ((tmp_path / "none.msv", tmp_path / "o.y4m"), "cannot be read"),
        ((golden,), "give IN.msv and OUT.y4m"),
        ((golden, tmp_path / "o.y4m", "--colour"), "--colour"),
    ):
        result = msv(*arguments)
        said = result.stderr.decode().strip()
        assert result.returncode == 2 and "\n" not in said and expected in said, said
    assert not (tmp_path / "o.y4m").exists()


def test_an_output_that_cannot_be_is_refused_before_the_input_is_opened(tmp_path):
    (tmp_path / "folder.y4m").mkdir()
    (tmp_path / "nowhere.y4m").symlink_to(tmp_path / "gone.y4m")
    (tmp_path / "there.y4m").write_bytes(b"mine")
    for output, expected in (
        ("", "the output's name must end in .y4m"),
        (tmp_path / "o.mp4", "o.mp4: the output's name must end in .y4m"),
        (tmp_path / ".y4m", "the output's name must end in .y4m"),
        (f"{tmp_path}/o.y4m/", "the output's name must end in .y4m"),
        (tmp_path / "folder.y4m", "is there and is no plain file"),
        (tmp_path / "nowhere.y4m", "is there and is no plain file"),
        (tmp_path / "there.y4m" / "o.y4m", "cannot be written (ENOTDIR)"),
        (tmp_path / f"{'o' * 300}.y4m", "cannot be written (ENAMETOOLONG)"),
    ):
        result = msv(tmp_path / "no.msv", output, "--force")
        said = result.stderr.decode().strip()
        assert result.returncode == 2 and "\n" not in said and expected in said, said
    with Path("/dev/full").open("wb") as full:
        command = ["node", WEB / "msv.mjs", TOKENS / "contexts.msv", "-", *MODEL]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=SECONDS)
    assert result.returncode == 2 and result.stderr == b"-: cannot be written (ENOSPC)\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.y4m", "nowhere.y4m", "there.y4m"]


def test_the_input_is_never_replaced(tmp_path):
    file = tmp_path / "a.y4m"  # whatever it is called
    content = (TOKENS / "contexts.msv").read_bytes()
    file.write_bytes(content)
    (tmp_path / "soft.y4m").symlink_to(file)
    os.link(file, tmp_path / "hard.y4m")
    for name in ("a.y4m", "soft.y4m", "hard.y4m", "../" + tmp_path.name + "/a.y4m"):
        result = msv(file, f"{tmp_path}/{name}", *MODEL, "--force")
        assert result.returncode == 2 and result.stderr.endswith(b"is the input itself; choose another name\n")
    assert file.read_bytes() == content and (tmp_path / "soft.y4m").is_symlink()
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_and_is_said_in_one_line(number, tmp_path):
    out = tmp_path / "out.y4m"
    # Its sink alone, which is fed for ever: a decoder may be done before the signal comes.
    program = (
        f"import {{ Sink }} from '{WEB / 'output.mjs'}';"
        f"const sink = new Sink('{out}', '{TOKENS / 'contexts.msv'}', false);"
        "await sink.put(new Uint8Array(9)); console.log('begun'); while (true) await sink.put(new Uint8Array(0));"
    )
    command = ["node", "--input-type=module", "-e", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"begun\n"
        assert len(list(tmp_path.glob(".out.y4m.part-*"))) == 1
        process.send_signal(number)
        said = process.communicate(timeout=SECONDS)[1].decode()
    word = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}[number]
    assert process.returncode == 128 + number and said == f"msv.mjs: {word}; nothing was written\n"
    assert list(tmp_path.iterdir()) == []
