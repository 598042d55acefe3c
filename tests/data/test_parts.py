"""Lines and parts that no program of ours wrote."""

import json
import zlib

import pytest

from vqvae_jax.data.parts import MOST_PARTS, PART, join, read_part, share_of
from vqvae_jax.data.work_folder import DONE, read_lines, to_line
from vqvae_jax.errors import UserError


def test_what_is_no_entry_is_left_out_whatever_its_checksum_says(tmp_path):
    path = tmp_path / DONE
    wrong = [b"[1, 2]", b"no JSON", b"[" * 100_000]
    lines = [b"%08x %s\n" % (zlib.crc32(text), text) for text in wrong]
    whole = to_line({"path": "a"}).encode()
    path.write_bytes(b"".join(lines) + whole + whole.replace(b"a", b"b") + whole[:-3])
    assert list(read_lines(path)) == [{"path": "a"}]


@pytest.mark.parametrize("share", [{"of": MOST_PARTS + 1}, {"of": 0}, {"first": -1}, {"first": 2}, {"of": "2"}])
def test_a_part_of_more_parts_than_there_can_be_is_refused(tmp_path, share):
    said = {"first": 1, "of": 2, "listing": "", "files": 1} | share
    (tmp_path / DONE).touch()
    (tmp_path / PART).write_text(json.dumps({"about": {}, "options": {}, "share": said, "folders": []}))
    with pytest.raises(UserError, match=r"cannot be read \(ValueError: share"):
        read_part(tmp_path)
    with pytest.raises(UserError, match=r"cannot be read \(ValueError: share"):
        join([tmp_path])


def test_a_share_is_one_of_so_many():
    assert share_of("2/4") == (1, 4)
    assert [share_of(text) for text in ("", "0/4", "5/4", "1/x", f"1/{MOST_PARTS + 1}")] == [None] * 5
