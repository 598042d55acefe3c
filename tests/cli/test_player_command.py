"""`vqvae-jax player`: what is in the page, which bundle it takes, and what it refuses."""

import base64
import json
import re
from pathlib import Path

import pytest

from tests.codec.example_bundle import save_example
from tests.mvc.codec.golden.make import GOLDEN
from vqvae_jax.cli.player import fault
from vqvae_jax.container.reader import Reader


@pytest.fixture
def coded(command, video, tmp_path):
    assert command("encode", video, tmp_path / "clip.msv", "--size", "native").code == 0
    return tmp_path / "clip.msv"


def inside(page, name):
    """The bytes of a resource."""
    return base64.b64decode(re.search(f'id="{name}">([^<]*)<', page.read_text())[1])


def test_the_page_holds_model_program_and_video_and_is_said(command, coded, bundle, tmp_path):
    out = tmp_path / "out.html"
    done = command("player", out, "--video", coded)
    assert done.code == 0 and f"{out}: {out.stat().st_size:,} bytes" in done.out and "clip.msv inside" in done.out
    setup = json.loads(inside(out, "setup"))
    assert setup["video"] == "clip.msv" and "network_kernel" in setup["kernels"]
    assert inside(out, "clip") == coded.read_bytes()
    assert inside(out, "weights").startswith(b"MSVM") and b"postMessage" in inside(out, "worker")
    assert "{{" not in re.sub(r"<script.*?</script>", "", out.read_text(), flags=re.DOTALL)


def test_without_a_video_the_page_is_of_the_bundle_that_is_meant(command, tmp_path):
    other = tmp_path / "other.safetensors"
    digest = save_example(other, levels=1)
    assert digest[:16] in command("player", tmp_path / "a.html", "--bundle", other).out
    assert command("player", tmp_path / "b.html").code == 0  # the environment's
    assert json.loads(inside(tmp_path / "b.html", "setup"))["video"] is None
    assert inside(tmp_path / "a.html", "weights") != inside(tmp_path / "b.html", "weights")


def test_a_page_under_six_megabytes_for_every_bundle_of_the_package(command, tmp_path):
    for name in ("edge", "edge4", "ntc"):
        out = tmp_path / f"{name}.html"
        assert command("player", out, "--bundle", name).code == 0
        assert out.stat().st_size < 6e6


def test_nothing_is_overwritten_unasked(command, tmp_path):
    out = tmp_path / "out.html"
    out.write_text("mine")
    assert command("player", out).refused("exists already.* with --force")
    assert out.read_text() == "mine"
    assert command("player", out, "--force").code == 0 and out.read_text().startswith("<!doctype html>")


def test_mistakes_cost_one_line_and_leave_nothing(command, coded, tmp_path):
    other = tmp_path / "other.safetensors"
    save_example(other, levels=1)
    out = tmp_path / "new.html"
    assert command("player", tmp_path / "new.txt").refused("must end in .html")
    assert command("player", tmp_path / "new.htm").refused("must end in .html")
    assert command("player", tmp_path / ".html").refused("must end in .html, with something before it")
    assert command("player", out, "--video", GOLDEN / "scenes.msv").refused(
        "mvc files are not played; vqvae-jax decode"
    )
    assert command("player", tmp_path / "no" / "new.html").refused("there is no folder")
    assert command("player", out, "--video", tmp_path / "no.msv").refused("no.msv")
    assert command("player", out, "--video", other).refused("is not an .msv file")
    assert command("player", out, "--bundle", other, "--video", coded).refused("was coded with bundle .*, not with")
    assert command("player", out, "--bundle", coded).refused("clip.msv")
    assert not list(tmp_path.glob("*new*"))


def test_a_video_that_is_not_whole_is_put_in_with_a_warning(command, coded, tmp_path):
    assert "warning" not in command("player", tmp_path / "whole.html", "--video", coded).err
    whole = coded.read_bytes()
    with Reader(coded) as reader:
        part = list(reader.read_chunk(0).values())[-1]
        indexed = reader.header.indexed
    hit = whole.index(part) + len(part) // 2
    damaged = whole[:hit] + bytes([whole[hit] ^ 1]) + whole[hit + 1 :]
    end = "index is missing or damaged" if indexed else "bytes are missing or added at its end"
    for name, data, expected in (
        ("damaged", damaged, "chunk 0: .* is damaged"),
        ("cut", whole[:hit], "truncated or damaged; 0 of . chunks are whole"),
        ("longer", whole + b"x", end),
    ):
        video, out = tmp_path / f"{name}.msv", tmp_path / f"{name}.html"
        video.write_bytes(data)
        done = command("player", out, "--video", video)
        assert done.code == 0 and out.exists()
        assert re.fullmatch(f"warning: {re.escape(str(video))}: .*{expected}.*\n", done.err), done.err


def test_of_several_damaged_chunks_the_warning_names_the_first_and_counts_the_others(tmp_path):
    data = bytearray((Path(__file__).parents[1] / "codec" / "golden" / "contexts.msv").read_bytes())
    with Reader(bytes(data)) as reader:
        for chunk in (1, 2):
            part = list(reader.read_chunk(chunk).values())[-1]
            data[data.index(part) + len(part) // 2] ^= 1
    (tmp_path / "two.msv").write_bytes(data)
    said = f"{tmp_path / 'two.msv'}: chunk 1: bottom is damaged (CRC-32); 1 more damaged"
    assert fault(tmp_path / "two.msv") == said
