"""Tables of factorized latents: what the model in float32 says, in whole numbers."""

import numpy as np
import pytest

from tests.envc.codec.coded_envc import small_bundle
from tests.envc.tiny_envc import TINY, tiny_params
from vqvae_jax.entropy.rans import FINE_BITS, Reader, encode
from vqvae_jax.entropy.symbols import TableRows
from vqvae_jax.envc.codec.tables import RADIUS, channel_tables, check_tables
from vqvae_jax.envc.factorized import Factorized
from vqvae_jax.errors import UserError


@pytest.fixture(scope="module")
def prior():
    return tiny_params(TINY)["intra"]["prior_z"]


def test_they_increase_strictly_from_0_to_the_scale(prior):
    tables = channel_tables(prior)
    assert tables.shape == (TINY.intra_width, 2 * RADIUS + 1) and tables.dtype == np.int32
    assert (tables[:, 0] == 0).all() and (tables[:, -1] == 1 << 24).all() and (np.diff(tables) >= 1).all()


def test_they_are_the_models_probabilities(prior):
    inner = np.arange(-RADIUS + 1, RADIUS - 1)
    tables = channel_tables(prior)[:, 1:-1]
    z = np.repeat(inner[:, None].astype(np.float32), TINY.intra_width, axis=1)
    bits = np.asarray(Factorized(TINY.intra_width).apply({"params": prior}, z)).T
    # The model stops at a millionth.
    found = np.maximum(np.diff(tables) / 2**24, 1e-6)
    np.testing.assert_allclose(found, 2.0**-bits, rtol=1e-4, atol=3e-7)


def test_a_bundle_has_those_that_its_weights_make():
    bundle = small_bundle()
    prior = {
        key.removeprefix("weights/inter/prior_m/"): value
        for key, value in bundle.tensors.items()
        if key.startswith("weights/inter/prior_m/")
    }
    np.testing.assert_array_equal(bundle.tensors["tables/inter_m"], channel_tables(prior))


def test_integers_of_any_size_come_back(prior):
    tables = channel_tables(prior)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, TINY.intra_width, 500)
    values = np.rint(rng.normal(0, 20, 500)).astype(int)
    values[:4] = [RADIUS, -RADIUS, 30_000, -30_000]
    known = TableRows(tables, rows, FINE_BITS)
    reader = Reader(encode(*known.write(values), bits=FINE_BITS), FINE_BITS)
    assert known.read(reader) == values.tolist()
    reader.check_end()


def test_others_are_refused_by_name(prior):
    tables = channel_tables(prior)
    check_tables("tables/z", tables, len(tables))
    flat = tables.copy()
    flat[1, 5] = flat[1, 4]
    for wrong, said in (
        (tables[:-1], "tables/z is not int32"),
        (tables.astype(np.int64), "tables/z is not int32"),
        (tables + 1, "from 0 to 16777216"),
        (flat, "tables/z does not increase"),
    ):
        with pytest.raises(UserError, match=said):
            check_tables("tables/z", wrong, len(tables))
