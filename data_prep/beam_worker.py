"""What each worker of a Beam pipeline does: decode files into a work folder that all of them see. Needs apache_beam."""

import json
from pathlib import Path

import apache_beam as beam
from apache_beam.metrics import Metrics

from data_prep.config import PrepConfig
from data_prep.decode import Unusable
from data_prep.decode_all import decode_into
from data_prep.journal import about
from data_prep.pool import Pool
from vqvae_jax.data.names import Source
from vqvae_jax.data.work_folder import Journal, check_begun


class DecodeFiles(beam.DoFn):
    """Lines of the list of files -> frames in their units, and a line in a journal for each, whatever became of it.

    Nothing is passed on. A bundle that a runner repeats, or gives to two workers at once, does no harm.

    Args:
      config: with a path of `videos` that holds on every worker.
      home: the work folder, by a path that holds on every worker.
    """

    def __init__(self, config: PrepConfig, home: Path) -> None:
        self._config, self._home = config, home
        self._pool: Pool | None = None
        self._journal: Journal | None = None
        self._decoded = Metrics.counter("data_prep", "decoded")
        self._unusable = Metrics.counter("data_prep", "unusable")  # dead letters; the card lists them with the reason

    def setup(self) -> None:
        """Raises a `UserError` if this worker would decode other pictures, with its versions of the libraries."""
        check_begun(self._home, about(self._config))
        # A process of its own, as without Beam: a file that kills the decoder must not kill Beam's worker.
        self._pool = Pool(1)
        self._pool.__enter__()

    def start_bundle(self) -> None:
        self._journal = Journal(self._home)

    def process(self, line: str) -> None:
        assert self._pool is not None and self._journal is not None
        source = Source(**json.loads(line))
        result = decode_into(self._config, source, self._home, self._pool, self._journal)
        (self._unusable if isinstance(result, Unusable) else self._decoded).inc()

    def finish_bundle(self) -> None:
        if self._journal is not None:
            self._journal.__exit__()  # many file systems show others a file only when it is closed

    def teardown(self) -> None:
        if self._pool is not None:
            self._pool.__exit__()
