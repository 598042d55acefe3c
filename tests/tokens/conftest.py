import numpy as np
import pytest

from tests.codec.example_bundle import golden_model
from tests.tokens.example_tree import CHUNK, CLIPS, SIZE
from vqvae_jax.tokens.writer import write_token_shards


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Three videos and three files that are none."""
    root = tmp_path_factory.mktemp("tree") / "videos"
    for path, clip in CLIPS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        np.save(root / path, clip)
    (root / "notes.txt").write_text("no video")
    (root / "Biking" / "cut.npy").write_bytes((root / "Biking" / "long.npy").read_bytes()[:-100])
    (root / "empty.avi").touch()
    return root


@pytest.fixture(scope="module")
def written(tree, tmp_path_factory):
    """(folder, card) of the tree's tokens."""
    out = tmp_path_factory.mktemp("tokens") / "out"
    return out, write_token_shards(tree, out, golden_model(), CHUNK, size=SIZE)
