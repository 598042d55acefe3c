"""Both sides of the pipeline benchmark hand out the same clips; the peers of data_prep scale the same frames."""

import numpy as np
import pytest

from benchmarks.pipeline import PEERS, SETTINGS, Speed, measure, peer_name, row


class Clips:
    """Ten clips of four frames of 8x8 pixels."""

    clips = np.random.default_rng(0).integers(0, 256, (10, 4, 8, 8, 3), np.uint8)

    def __len__(self):
        return len(self.clips)

    def read(self, records):
        return self.clips[np.asarray(records)]


@pytest.mark.parametrize("in_memory", [False, True])
def test_the_data_loader_hands_out_every_clip_of_an_epoch_mirrored_or_not(in_memory):
    pytest.importorskip("torch", reason="the peer")
    from benchmarks.peers.torch_data_loader import batches

    stream, close = batches(Clips(), 5, 0, in_memory)
    epochs = [np.concatenate([next(stream), next(stream)]) for _ in range(2)]
    close()
    first, second = ([found(clip) for clip in epoch] for epoch in epochs)
    for epoch in (first, second):
        assert sorted(record for record, _ in epoch) == list(range(10))
    assert [record for record, _ in first] != [record for record, _ in second]
    assert {mirrored for _, mirrored in first + second} == {False, True}


def found(clip):
    """Which clip it is, and whether mirrored."""
    for record, original in enumerate(Clips.clips):
        for mirrored in (False, True):
            if np.array_equal(clip, original[:, :, ::-1] if mirrored else original):
                return record, mirrored
    raise AssertionError("no clip of the data set")


def test_a_pipeline_is_closed_and_its_batches_are_checked():
    closed = []
    batch = np.zeros((2, 4, 8, 8, 3), np.uint8)
    speed = measure(lambda: (iter([batch] * 4), lambda: closed.append(1)), batch.shape, 3)
    assert closed == [1] and speed.clips_per_s > 0
    with pytest.raises(AssertionError):
        measure(lambda: (iter([batch] * 4), lambda: closed.append(2)), (1, *batch.shape[1:]), 3)
    assert closed == [1, 2]


def test_what_reads_with_several_is_compared_with_workers():
    for name, setting in SETTINGS.items():
        in_memory, workers = PEERS[name]
        assert in_memory == (setting["source"] == "memory")
        assert (workers > 0) == (setting["threads"] > 1 or setting["workers"] > 0)
    assert row("disk, 4 threads", [Speed(1, 2)], [Speed(1, 1)])["peer"] == peer_name("disk, 4 threads")
    assert peer_name("disk, 4 threads") == "PyTorch DataLoader from disk, 2 workers"


def test_a_row_is_a_ratio_of_medians_and_has_none_without_a_peer():
    ours, peer = [Speed(0.1, rate) for rate in (10.0, 40.0, 30.0)], [Speed(0.2, 15.0)]
    assert row("disk", ours, peer)["ratio"] == 2.0
    alone = row("disk", ours, [])
    assert alone["ratio"] is None and alone["peer"] is None and alone["ours clips/s"] == 30.0
