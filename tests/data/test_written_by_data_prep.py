"""The reader against the real writer."""

import cv2
import numpy as np
import pytest

from data_prep.config import PrepConfig
from data_prep.prepare import prepare
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_split, open_stream
from vqvae_jax.data.records import clip_digest, combined_digest


def write_video(path, seed, frames=21):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 16.0, (32, 24))
    rng = np.random.default_rng(seed)
    for _ in range(frames):
        writer.write(cv2.resize(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8), (32, 24)))
    writer.release()


@pytest.mark.parametrize("format_", ["npy", "arrayrecord"])
def test_what_data_prep_writes_is_read_with_its_names_and_digests(tmp_path, format_):
    for number in range(1, 7):
        write_video(tmp_path / "videos" / "Dance" / f"v_Dance_g{number:02d}_c01.avi", number)
    config = PrepConfig(
        videos=tmp_path / "videos",
        out=tmp_path / "data",
        frames=4,
        size="16",
        test_groups="5-6",
        workers=1,
        format=format_,
    )
    card = prepare(config)
    test = open_split(tmp_path / "data", "test")
    assert (len(test), test.clip_shape) == (10, (4, 16, 16, 3))
    ids = test.ids(range(10))
    assert ids == [f"v_Dance_g{g:02d}_c01/{n:04d}" for g in (5, 6) for n in range(5)]
    digests = [clip_digest(name, clip) for name, clip in zip(ids, test.read(range(10)), strict=True)]
    assert test.digest == combined_digest(digests) == card["splits"]["test"]["digest"]
    batch = next(open_stream(open_split(tmp_path / "data", "train"), PipelineConfig(batch_size=2, frames=4)))
    assert batch.clips.shape == (2, 4, 16, 16, 3)
