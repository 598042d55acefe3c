"""Flow of moved pictures against the move, DIS and RAFT alike; what is kept and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut

from vqvae_jax.errors import UserError
from vqvae_jax.mvc.experiment import LossConfig
from vqvae_jax.mvc.supervision.flow import provider, scene_flow
from vqvae_jax.mvc.supervision.raft import Raft, shapes

WEIGHTS = Path(__file__).parents[4] / "shared" / "weights" / "raft_small.npz"


def moved(shift, size=(160, 200), top=60, left=120):
    """Two windows of a photograph; what is at p in the first is at p + shift in the second."""
    dx, dy = shift
    photograph = astronaut()
    windows = [photograph[y : y + size[0], x : x + size[1]] for y, x in ((top, left), (top - dy, left - dx))]
    return windows[0], windows[1]


def end_point_error(found, shift, margin=16):
    inner = found[margin:-margin, margin:-margin]
    return float(np.linalg.norm(inner - np.array(shift), axis=-1).mean())


@pytest.mark.parametrize("shift", [(2, 0), (-3, 1), (0, 2)])
def test_dis_finds_the_move_and_the_way_back(shift):
    forward, backward = provider(LossConfig(flow_source="dis"))(*moved(shift))
    assert forward.shape == (160, 200, 2) and forward.dtype == np.float32
    assert end_point_error(forward, shift) < 0.2
    assert end_point_error(backward, -np.array(shift)) < 0.2


def test_raft_small_has_as_many_weights_as_were_released():
    assert sum(np.prod(shape) for shape in shapes().values()) == 990_162


@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="no raft_small.npz in ../shared/weights")
@pytest.mark.parametrize("shift", [(6, -4), (-3, 2)])
def test_raft_finds_the_move_and_the_way_back(shift):
    before, after = moved(shift, (156, 204))  # padded to a multiple of 8
    forward, backward = Raft(WEIGHTS)(before, after)
    assert forward.shape == (156, 204, 2)
    assert end_point_error(forward, shift) < 0.2
    assert end_point_error(backward, -np.array(shift)) < 0.2


def test_flow_is_of_a_frame_and_the_one_before_and_is_kept(tmp_path):
    frames = np.stack([moved((2 * t, 0))[1] for t in range(3)])
    loss = LossConfig(flow_source="dis")
    found = scene_flow(loss, frames, tmp_path)
    assert found.shape == (3, 160, 200, 4) and found.dtype == np.float16 and not found[0].any()
    assert end_point_error(found[1].astype(np.float32), (2, 0, -2, 0)) < 0.3
    (kept,) = tmp_path.iterdir()
    np.savez(kept, flow=found + 1)
    np.testing.assert_array_equal(scene_flow(loss, frames, tmp_path), found + 1)
    scene_flow(loss, frames[:2], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(UserError, match="is damaged"):
        scene_flow(loss, frames, tmp_path)
    np.savez(kept, flow=np.array([object()]))
    with pytest.raises(UserError, match="is damaged"):
        scene_flow(loss, frames, tmp_path)
    np.savez(kept, flow=found[:1])
    with pytest.raises(UserError, match="remove it"):
        scene_flow(loss, frames, tmp_path)


def test_known_moves_are_as_they_are_told():
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    found = scene_flow(LossConfig(flow_source="shift", flow_shift=(1.5, -2.0)), frames)
    np.testing.assert_array_equal(found[2, 3, 4], [1.5, -2.0, -1.5, 2.0])
    assert not scene_flow(LossConfig(flow_source="zero"), frames).any()


def test_raft_without_weights_or_with_others_is_refused(tmp_path):
    with pytest.raises(UserError, match="needs a file"):
        provider(LossConfig(flow_source="raft"))
    np.savez(tmp_path / "other.npz", a=np.zeros(3, np.float32))
    with pytest.raises(UserError, match="is no RAFT-small: it has no fnet/conv1/kernel"):
        Raft(tmp_path / "other.npz")
