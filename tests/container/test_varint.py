"""Variable-length integers: one form each, and no byte read that is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqvae_jax.container.varint import VarintError, decode, encode


# The example of the DWARF 4 standard, figure 22.
@pytest.mark.parametrize(("value", "data"), [(2, "02"), (127, "7f"), (128, "8001"), (129, "8101"), (12857, "b964")])
def test_bytes_are_those_of_leb128(value, data):
    assert encode(value).hex() == data


@given(st.integers(0, 2**35 - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_any_integer_comes_back_from_between_other_bytes(value, before, behind):
    data = encode(value)
    assert decode(before + data + behind, len(before), 5) == (value, len(before + data))


@pytest.mark.parametrize("data", ["", "80", "ffff", "8000", "808000", "8080808001"])
def test_what_encode_does_not_write_is_refused(data):
    with pytest.raises(VarintError):
        decode(bytes.fromhex(data), 0, 4)


def test_negative_numbers_are_refused():
    with pytest.raises(ValueError, match="-1"):
        encode(-1)
