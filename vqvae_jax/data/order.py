"""The endless order of training: a new permutation per epoch, one place for every source.

Positions count clips over all processes and epochs. Batch n of B clips is positions n*B ... n*B + B - 1; process p of P
takes those with position % P == p. The order is a pure function of (seed, records, batch size), so a position is all
the state there is, and neither threads, worker processes nor the number of hosts can change what comes next.
"""

import functools

import numpy as np

from vqvae_jax.errors import ConfigError


class TrainingOrder:
    """Maps positions to record numbers."""

    def __init__(self, records: int, batch_size: int, seed: int) -> None:
        if records < batch_size:
            raise ConfigError(
                f"config: data.batch_size={batch_size} is more than the {records} clips of the split; lower it"
            )
        self.records, self.seed = records, seed
        self.per_epoch = records // batch_size * batch_size  # an incomplete last batch is dropped

    def record_at(self, position: int) -> int:
        """The record number at a position, 0 <= position."""
        epoch, offset = divmod(position, self.per_epoch)
        return int(_permutation(self.records, self.seed, epoch)[offset])


@functools.lru_cache(maxsize=4)
def _permutation(records: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(records)
