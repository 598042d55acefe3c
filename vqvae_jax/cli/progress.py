"""A bar of frames on a terminal; silent elsewhere, so that output stays clean in scripts."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from vqvae_jax import stopping

Item = TypeVar("Item")


def counted(items: Iterable[Item], total: int | None, what: str, unit: str = "frames") -> Iterator[Item]:
    """Passes items on and shows how many went by, the speed and the time left.

    Args:
      total: how many to expect, if that is known.
      what: shown before the bar.
    """
    with tqdm(total=total, desc=what, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False) as bar:
        for item in items:
            yield item
            stopping.check()
            bar.update()
