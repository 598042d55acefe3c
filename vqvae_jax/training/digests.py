"""Names and digests of the leaves of a pytree: Orbax restores flipped bits in array data without a word."""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np


def named_leaves(tree: Any) -> dict[str, Any]:
    """The leaves by path: dictionary keys, field names and indices joined by `/` (`params/encoder/conv/kernel`).

    None and empty containers have no leaves. Dictionaries, NamedTuples, dataclasses and lists nest as they like.

    Raises:
      ValueError: if a key contains `/`, is empty, or two leaves have the same path.
    """
    named: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        parts = [jax.tree_util.keystr((key,), simple=True) for key in path]
        name = "/".join(parts)
        if name in named or not parts or any(not part or "/" in part for part in parts):
            raise ValueError(f"a leaf of the state cannot be named: {jax.tree_util.keystr(path)!r}")
        named[name] = leaf
    return named


def nested(named: Mapping[str, Any]) -> dict[str, Any]:
    """Dictionaries of dictionaries whose `named_leaves` these are.

    Raises:
      ValueError: if one path goes on where another one ends.
    """
    tree: dict[str, Any] = {}
    for name, leaf in named.items():
        *parents, last = name.split("/")
        branch = tree
        for part in parents:
            branch = branch.setdefault(part, {})
            if not isinstance(branch, dict):
                raise ValueError(f"{name} goes on where a leaf is")
        if last in branch:
            raise ValueError(f"{name} ends where others go on")
        branch[last] = leaf
    return tree


def leaf_digest(leaf: Any) -> str:
    """BLAKE2b-128 of dtype, shape and bytes of one array, in hexadecimal."""
    array = np.asarray(leaf)
    digest = hashlib.blake2b(f"{array.dtype.name} {array.shape} ".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def leaf_digests(tree: Any) -> dict[str, str]:
    """Digest of every leaf by its path; equal if and only if two states are equal bit for bit.

    Raises:
      ValueError: as `named_leaves`.
    """
    return {name: leaf_digest(leaf) for name, leaf in named_leaves(tree).items()}
