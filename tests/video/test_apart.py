"""Frames of another process are those of this one, and a file that ends or stops that process costs itself alone."""

import os
import signal
from fractions import Fraction

import numpy as np
import pytest

from vqvae_jax.errors import UserError
from vqvae_jax.video.apart import DecoderError, Reader
from vqvae_jax.video.resize import resizer
from vqvae_jax.video.source import open_source


@pytest.fixture
def clip(tmp_path):
    np.save(tmp_path / "clip.npy", np.random.default_rng(0).integers(0, 256, (9, 24, 32, 3), dtype=np.uint8))
    return tmp_path / "clip.npy"


def read(reader, path):
    reader.open(path)
    return np.stack(list(reader.frames(Fraction(10), 16, 16)))


def test_frames_are_those_of_this_process_and_errors_too(clip, tmp_path):
    (tmp_path / "text.avi").write_text("no video")
    with open_source(clip) as video:
        want = np.stack(list(map(resizer(16, 16), video.frames(Fraction(10)))))
    with Reader() as reader:
        assert reader.open(clip).rate == 25  # and its frames are not asked for
        with pytest.raises(UserError, match=r"text\.avi: not a video") as error:
            reader.open(tmp_path / "text.avi")
        assert not isinstance(error.value, DecoderError)
        np.testing.assert_array_equal(read(reader, clip), want)
        process = reader._process
        reader.open(clip)
        next(reader.frames(Fraction(10), 16, 16))  # the rest is not wanted
        np.testing.assert_array_equal(read(reader, clip), want)
    assert process.poll() is not None


def test_a_death_and_a_halt_cost_their_own_file_only(clip):
    with Reader(patience=600) as reader:
        reader.open(clip)
        os.kill(reader._process.pid, signal.SIGSEGV)
        with pytest.raises(DecoderError, match=r"clip\.npy: the decoder did not survive it: killed by SIGSEGV"):
            list(reader.frames(Fraction(10), 16, 16))
        reader.open(clip)
        os.kill(reader._process.pid, signal.SIGSTOP)
        reader._patience = 0.1
        with pytest.raises(DecoderError, match=r"clip\.npy: .*: no progress for 0 s"):
            list(reader.frames(Fraction(10), 16, 16))
        reader._patience = 600
        assert len(read(reader, clip)) == 3
