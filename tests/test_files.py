"""Outputs: one refusal of what is there already, one kind of temporary name."""

import os
import re
from pathlib import Path

import pytest

from vqvae_jax.errors import ExistsError, UserError
from vqvae_jax.files import refuse_existing, temporary, temporary_prefix, write_atomically

LIBRARY = Path(__file__).parents[1] / "vqvae_jax"


@pytest.mark.parametrize("kind", ["file", "folder", "broken link"])
def test_what_is_there_is_refused_unless_it_may_be_replaced(tmp_path, kind):
    path = tmp_path / "out"
    refuse_existing(path)
    refuse_existing(path, overwrite=False)
    {"file": path.touch, "folder": path.mkdir, "broken link": lambda: path.symlink_to("nowhere")}[kind]()
    refuse_existing(path, overwrite=True)
    with pytest.raises(ExistsError, match=r"out: exists already; choose another name or overwrite it$"):
        refuse_existing(path, overwrite=False)
    with pytest.raises(UserError, match=r"out: exists already; remove it or choose another name$") as refusal:
        refuse_existing(path)
    assert not isinstance(refusal.value, ExistsError)  # no program offers to overwrite it


def test_the_library_names_no_option_of_a_program_where_it_refuses():
    """Its callers have `overwrite=True`; programs name their own option."""
    refusing = [p for folder in ("codec", "container", "data", "video") for p in (LIBRARY / folder).rglob("*.py")]
    assert len(refusing) > 30
    assert not [path for path in [*refusing, LIBRARY / "files.py"] if "--force" in path.read_text()]


def test_two_writers_of_one_file_have_two_hidden_names_beside_it(tmp_path):
    names = {temporary(tmp_path / "video.msv") for _ in range(100)}
    assert len(names) == 100 and {name.parent for name in names} == {tmp_path}
    expected = re.escape(f".video.msv.part-{os.getpid()}-") + "[0-9a-f]{8}"
    assert all(re.fullmatch(expected, name.name) for name in names)
    assert temporary(tmp_path / "a.mp4", ".mp4").suffix == ".mp4"


@pytest.mark.parametrize("letter", ["a", "\u00e9", "\u8996"])
def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path, letter):
    path = tmp_path / (letter * (255 // len(letter.encode())))
    assert temporary_prefix(path).startswith(f".{letter}")
    write_atomically(path, b"whole")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"whole"]
    with pytest.raises(UserError, match=r"cannot be written \(File name too long"):
        refuse_existing(tmp_path / ("a" * 256), overwrite=True)
