"""The kernel against Python: the same bytes, the same latents, the same errors."""

import numpy as np
import pytest

from tests.ntc.narrow import NARROW, narrow_params
from vqvae_jax.entropy.kernel import machine
from vqvae_jax.entropy.logistic_tables import RADIUS, logistic_tables
from vqvae_jax.entropy.rans import SCALE, CorruptStreamError, encode, excess_intervals
from vqvae_jax.ntc.codec.integer_prior import IntegerPrior
from vqvae_jax.ntc.codec.latents import Walk, Writer
from vqvae_jax.ntc.codec.weights import integers

pytest.importorskip("wasmtime", reason="wasmtime is not installed (the extra `fast`)")

ARRAYS = integers(narrow_params()["prior"])


@pytest.fixture
def variable(monkeypatch):
    return lambda value: monkeypatch.setenv(machine.VARIABLE, value)


def both(arrays, spread, grid=(5, 4), skip=60000, rate=37, units=3, seed=0):
    """Walks, and the payload by Python; asserts that the kernel writes and reads the same."""
    prior = IntegerPrior(arrays)
    rng = np.random.default_rng(seed)
    units = [rng.standard_t(2, (*grid, prior.latents)) * spread for _ in range(units)]
    found = {}
    for value in ("python", "wasm"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(machine.VARIABLE, value)
            writer = Writer(Walk(prior, rate, skip, grid))
            written = [writer.unit(unit).tolist() for unit in units]
            payload = writer.payload()
            read = [unit.tolist() for unit in Walk(prior, rate, skip, grid).read(payload, len(units))]
        assert read == written
        found[value] = payload, written, writer.symbols, writer.bits
    assert found["python"] == found["wasm"]
    return prior, found["wasm"][0]


@pytest.mark.parametrize("spread", [0.01, 0.7, 5.0, 60.0, 9000.0])
@pytest.mark.parametrize("skip", [0, 30000, 65536])
def test_bytes_and_latents_are_the_same(spread, skip):
    """Also where nothing is coded, and far beyond the tables and the limits of latents."""
    both(ARRAYS, spread, skip=skip, seed=int(spread))


@pytest.mark.parametrize("grid", [(1, 1), (1, 6), (2, 2), (7, 3)])
def test_on_grids_of_any_shape_and_at_any_rate(grid):
    for rate in (0, 1, 64, NARROW.rates - 1):
        both(ARRAYS, 2.0, grid, rate=rate)


@pytest.mark.parametrize("exponents", [(-20, -20, -20), (-9, -7, -6), (-5, 0, 1), (0, -3, 3), (20, 20, 20)])
def test_sums_are_divided_and_multiplied_alike(exponents):
    both(ARRAYS._replace(exponents=np.array(exponents, np.int8)), 3.0)


def test_any_weight_of_eight_bits():
    """As great as sums allow: Python refuses more."""
    rng = np.random.default_rng(3)

    def extreme(array):
        return np.where(rng.random(array.shape) < 0.1, rng.choice([-128, 127], array.shape), 0).astype(np.int8)

    changed = {name: extreme(getattr(ARRAYS, name)) for name in ("past", "now", "middle", "out")}
    both(ARRAYS._replace(**changed), 8.0)


def outcome(walk, payload, units):
    try:
        return [unit.tolist() for unit in walk.read(payload, units)]
    except CorruptStreamError as error:
        return str(error)


def beyond_all_tables(prior, intervals):
    """A payload whose first symbol is the last of its row, with what is given behind it."""
    rows = []

    def take(chosen, means, found):
        rows.extend(found)
        return np.zeros(len(found), int)

    Walk(prior, 37, 60000, (2, 2))._unit(take)
    start = int(logistic_tables().starts[rows[0], 2 * RADIUS - 1])
    return encode(*zip((start, SCALE - start), *intervals, strict=True))


def test_damaged_payloads_end_alike(variable):
    prior, payload = both(ARRAYS, 400.0, (2, 2))
    rng = np.random.default_rng(5)
    damaged = [payload[:length] for length in range(0, len(payload), 3)] + [payload + b"\x00\x01", b"\xff" * 40]
    damaged += [beyond_all_tables(prior, [*excess_intervals(1 << 25)]), beyond_all_tables(prior, [(0, 1 << 15)] * 50)]
    for _ in range(300):
        changed = bytearray(payload)
        for at in rng.integers(0, len(changed), rng.integers(1, 4)):
            changed[at] = rng.choice([0, 1, 127, 128, 255])
        damaged.append(bytes(changed))
    found = {}
    for value in ("python", "wasm"):
        variable(value)
        found[value] = [outcome(Walk(prior, 37, 60000, (2, 2)), one, 3) for one in damaged]
    assert found["python"] == found["wasm"]
    messages = " ".join(one for one in found["wasm"] if isinstance(one, str))
    assert all(part in messages for part in ("too early", "encoder began", "a latent of", "33554432", "without end"))
