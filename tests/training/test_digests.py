import hashlib
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.training.digests import leaf_digest, leaf_digests, named_leaves


class Pair(NamedTuple):
    a: object
    b: object


def test_paths_name_fields_keys_and_indices_and_leave_none_out():
    tree = Pair(a={"conv": {"kernel": 1}}, b=(2, None, Pair(3, [4])))
    assert named_leaves(tree) == {"a/conv/kernel": 1, "b/0": 2, "b/2/a": 3, "b/2/b/0": 4}


@pytest.mark.parametrize("tree", [{"a/b": 1}, {"": 1}, 1])
def test_leaves_without_a_unique_path_are_refused(tree):
    with pytest.raises(ValueError, match="cannot be named"):
        named_leaves(tree)


def test_the_digest_is_blake2b_of_dtype_shape_and_bytes():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = hashlib.blake2b(b"float32 (2, 3) " + array.tobytes(), digest_size=16).hexdigest()
    assert leaf_digest(array) == leaf_digest(np.asfortranarray(array)) == leaf_digest(jnp.asarray(array)) == expected


@pytest.mark.parametrize("other", [np.zeros((3, 2)), np.zeros((2, 3), np.float32), np.full((2, 3), -0.0), np.zeros(0)])
def test_any_difference_in_dtype_shape_or_bits_changes_the_digest(other):
    assert leaf_digest(np.zeros((2, 3))) != leaf_digest(other)


def test_scalars_and_bfloat16_have_digests():
    assert len(set(leaf_digests({"a": jnp.zeros((), jnp.int32), "b": jnp.zeros(2, jnp.bfloat16)}).values())) == 2
