"""Headers are read before arrays: a file that says too much of itself is refused before memory is asked for."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.losses.npz_weights import read_arrays, read_headers
from vqvae_jax.mvc.supervision import arrays


def npz_of(path, shape, data=b""):
    """A file with one array `a`, whose header says `shape`."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"shape": shape, "fortran_order": False, "descr": "<f4"})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", stream.getvalue() + data)
    return path


def test_headers_and_arrays_are_what_numpy_wrote(tmp_path):
    file = tmp_path / "w.npz"
    np.savez(file, a=np.arange(6, dtype=np.float32).reshape(2, 3), text=np.array("where from"))
    headers = read_headers(file)
    assert headers["a"] == ((2, 3), np.float32)
    assert headers["text"].dtype.kind == "U"
    np.testing.assert_array_equal(read_arrays(file, ["a"])["a"], [[0, 1, 2], [3, 4, 5]])


def test_an_array_of_another_shape_is_refused_before_it_is_read(tmp_path):
    file = npz_of(tmp_path / "huge.npz", (1 << 40,))
    tracemalloc.start()
    with pytest.raises(UserError, match=r"huge.npz: a is float32 \(1099511627776,\); expected float32 \(2, 3\)"):
        arrays.load(file, {"a": (2, 3)}, "example")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_damaged_array_a_foreign_file_and_a_missing_one_are_named(tmp_path):
    with pytest.raises(UserError, match=r"cut.npz: damaged"):
        arrays.load(npz_of(tmp_path / "cut.npz", (2, 3), b"\0" * 5), {"a": (2, 3)}, "example")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(UserError, match=r"text.npz: not a readable .npz file"):
        read_headers(tmp_path / "text.npz")
    with pytest.raises(UserError, match=r"nowhere.npz: cannot be read: No such file"):
        read_headers(tmp_path / "nowhere.npz")


def test_what_is_not_finite_or_not_there_is_named(tmp_path):
    file = tmp_path / "w.npz"
    np.savez(file, a=np.array([np.nan, 1], np.float32))
    with pytest.raises(UserError, match=r"w.npz: a holds values that are not finite"):
        arrays.load(file, {"a": (2,)}, "example")
    with pytest.raises(UserError, match=r"w.npz is no example: it has no b"):
        arrays.load(file, {"b": (2,)}, "example")
