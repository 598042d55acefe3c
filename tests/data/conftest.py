import pytest
from example_clips import random_clips, write_npy, write_shards


@pytest.fixture(params=["npy", "shards"])
def data_set(request, tmp_path):
    """(folder, train clips) of 23 training and 3 test clips."""
    write = write_npy if request.param == "npy" else write_shards
    train = random_clips(23)
    return write(tmp_path / "data", {"train": train, "val": train[:0], "test": train[:3]}), train
