"""Packed records come back; what is cut, or claims to be large, is refused before memory is taken."""

import struct

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from vqvae_jax.data.packed import read_packed, write_packed

RECORDS = [b"", b"x" * 5000, np.random.default_rng(0).bytes(3000)]


def test_records_come_back_and_what_repeats_takes_little(tmp_path):
    write_packed(tmp_path / "file", RECORDS)
    assert list(read_packed(tmp_path / "file", 5000)) == RECORDS
    assert (tmp_path / "file").stat().st_size < 3300


def test_a_file_cut_anywhere_is_an_error_or_holds_the_first_records(tmp_path):
    write_packed(tmp_path / "file", RECORDS)
    whole, errors = (tmp_path / "file").read_bytes(), 0
    for length in range(0, len(whole), 7):
        (tmp_path / "cut").write_bytes(whole[:length])
        found = []
        try:
            for record in read_packed(tmp_path / "cut", 5000):
                found.append(record)
        except (ValueError, OSError):
            errors += 1
        assert found == RECORDS[: len(found)]
    assert errors > 400


@pytest.mark.parametrize("head", [(5001, 10), (10, 2**31)])
def test_a_record_that_claims_too_much_is_not_read(tmp_path, head):
    (tmp_path / "file").write_bytes(struct.pack("<II", *head) + bytes(100))
    with pytest.raises(ValueError, match="a record of"):
        list(read_packed(tmp_path / "file", 5000))
