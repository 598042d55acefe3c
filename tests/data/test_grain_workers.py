import itertools

import numpy as np
import pytest
from example_clips import random_clips, write_shards

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.source import open_split, open_stream


@pytest.mark.slow
def test_worker_processes_change_neither_order_nor_content_and_may_differ_after_a_resume(tmp_path):
    folder = write_shards(tmp_path / "data", {"train": random_clips(23)})

    def stream(workers):
        config = PipelineConfig(source="grain", batch_size=4, frames=4, workers=workers)
        return open_stream(open_split(folder, "train"), config)

    alone, two = stream(0), stream(2)
    expected = list(itertools.islice(alone, 12))
    got = list(itertools.islice(two, 9))
    state = two.get_state()
    two.close()
    resumed = stream(1)
    resumed.set_state(state)
    got += list(itertools.islice(resumed, 3))
    resumed.close()
    for want, batch in zip(expected, got, strict=True):
        np.testing.assert_array_equal(batch.records, want.records)
        np.testing.assert_array_equal(batch.clips, want.clips)
