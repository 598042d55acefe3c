"""Which way is taken, the committed kernels, and what a kernel may touch."""

import importlib.metadata

import numpy as np
import pytest

from tests.msvqvae.indices.example_tables import lingering, random_context_model
from vqvae_jax.entropy.kernel import build, machine
from vqvae_jax.errors import UserError


def test_the_variable_chooses_and_says_what_it_takes(monkeypatch):
    monkeypatch.setattr(machine, "_installed", lambda: True)
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    assert machine.fast()
    for value, expected in {"python": False, "wasm": True, "": True}.items():
        monkeypatch.setenv(machine.VARIABLE, value)
        assert machine.fast() == expected
    monkeypatch.setenv(machine.VARIABLE, "fast")
    with pytest.raises(UserError, match='VQVAE_JAX_ENTROPY=\'fast\' is not allowed; expected "python" or "wasm"'):
        machine.fast()


def test_without_wasmtime_python_codes_unless_a_kernel_is_asked_for(monkeypatch):
    monkeypatch.setattr(machine, "_installed", lambda: False)
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    assert not machine.fast()
    monkeypatch.setenv(machine.VARIABLE, "wasm")
    with pytest.raises(UserError, match="wasmtime is not installed"):
        machine.fast()


@pytest.mark.parametrize("source", build.sources(), ids=lambda path: path.stem)
def test_a_committed_kernel_is_what_its_source_compiles_to(source, tmp_path):
    pytest.importorskip("ziglang", reason="the compiler of kernels is not installed (pip install ziglang)")
    found = importlib.metadata.version("ziglang")
    if found != build.COMPILER:
        pytest.skip(f"ziglang {found} may compile to other bytes than {build.COMPILER}")
    assert build.compiled(source, tmp_path) == source.with_suffix(".wasm").read_bytes()


def test_every_kernel_is_committed():
    assert len(build.sources()) == 3
    assert all(source.with_suffix(".wasm").read_bytes()[:4] == b"\0asm" for source in build.sources())


class TestWithWasmtime:
    @pytest.fixture(autouse=True)
    def _wasm(self, monkeypatch):
        pytest.importorskip("wasmtime", reason="wasmtime is not installed (the extra `fast`)")
        monkeypatch.setenv(machine.VARIABLE, "wasm")

    def test_where_addresses_are_limited_the_bytes_are_the_same(self, monkeypatch):
        grid = lingering((3, 5, 4), 40)
        expected = random_context_model(40, 9, 0).encode(grid, None)
        monkeypatch.setattr(machine, "_RESERVED", (False,))
        model = random_context_model(40, 9, 0)
        assert model.encode(grid, None) == expected
        np.testing.assert_array_equal(model.decode(expected, grid.shape, None), grid)

    def test_a_kernel_that_may_not_start_is_one_line_with_the_way_without_it(self, monkeypatch):
        import wasmtime

        def refuse(*_):
            raise wasmtime.WasmtimeError("File too large (os error 27)")

        monkeypatch.setattr(wasmtime, "Instance", refuse)
        with pytest.raises(
            UserError, match=r"cannot start \(File too large.*; VQVAE_JAX_ENTROPY=python codes the same"
        ):
            random_context_model(4, 9, 0).encode(lingering((3, 5, 4), 4), None)

    def test_what_lies_beyond_a_kernels_memory_is_refused(self):
        with random_context_model(4, 9, 0).kernel._machine.heap() as (heap, _):
            (address,) = heap.put([np.arange(5, dtype=np.int32)])
            assert heap.view(address, np.int32, 5).tolist() == [0, 1, 2, 3, 4]
            for begin, count in ((heap.size - 4, 2), (-4, 1), (heap.size + 4, 0)):
                with pytest.raises(MemoryError, match="beyond a kernel's"):
                    heap.view(begin, np.int32, count)

    def test_a_large_grid_leaves_no_memory_behind(self, monkeypatch):
        monkeypatch.setattr(machine, "KEPT", 1 << 17)
        model = random_context_model(4, 9, 0)
        grid = lingering((4, 64, 64), 4)
        stream = model.encode(grid, None)
        assert model.kernel._machine._ready is None
        np.testing.assert_array_equal(model.decode(stream, grid.shape, None), grid)
