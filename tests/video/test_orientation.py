"""Turned and mirrored pictures as FFmpeg's program shows them."""

import av
import numpy as np
import pytest
from example_videos import smooth_clip, write_with_pyav
from reference_ffmpeg import pictures_of

from vqvae_jax.video.source import open_source

pytest.importorskip("imageio_ffmpeg")

CLIP = smooth_clip(3, 40, 68)
ONE = 1 << 16  # of the matrix's fixed point
# By the definition in ISO/IEC 14496-12: a, b, c, d of x' = a x + c y, y' = b x + d y, and what that makes of rows.
EIGHT = {
    (1, 0, 0, 1): lambda x: x,
    (-1, 0, 0, 1): lambda x: x[:, :, ::-1],
    (1, 0, 0, -1): lambda x: x[:, ::-1],
    (-1, 0, 0, -1): lambda x: x[:, ::-1, ::-1],
    (0, 1, -1, 0): lambda x: np.rot90(x, -1, axes=(1, 2)),
    (0, -1, 1, 0): lambda x: np.rot90(x, 1, axes=(1, 2)),
    (0, 1, 1, 0): lambda x: x.transpose(0, 2, 1, 3),
    (0, -1, -1, 0): lambda x: np.rot90(x, 2, axes=(1, 2)).transpose(0, 2, 1, 3),
}


@pytest.mark.parametrize("matrix", EIGHT)
@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_all_eight_matrices_are_applied_and_counted_in_the_size(tmp_path, matrix, ending):
    a, b, c, d = (ONE * value for value in matrix)
    plain = write_with_pyav(tmp_path / f"plain.{ending}", CLIP)
    path = tmp_path / f"v.{ending}"
    with av.open(plain) as source, av.open(path, "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    upright = EIGHT[matrix](CLIP)
    with open_source(path) as source:
        assert (source.info.height, source.info.width) == upright.shape[1:3]
        got = np.stack(list(source.frames()))
    assert np.abs(got.astype(int) - upright).mean() < 1.5
    np.testing.assert_allclose(got, pictures_of(path, upright.shape[1:3]), atol=1)
