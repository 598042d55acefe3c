import numpy as np
import pytest

from tests.evaluation.test_fine_tuning import CLIPS, measured
from vqvae_jax.errors import UserError
from vqvae_jax.evaluation.examples import coded_examples
from vqvae_jax.packaged import bundle_path, named_digest


class Clips:
    """Record n is grey, of value 100 + n."""

    def read(self, records):
        return np.stack([np.full((4, 16, 16, 3), 100 + n, np.uint8) for n in records])


def test_a_clip_stands_beside_what_its_files_before_and_after_decode_to():
    path, figures = bundle_path("edge"), {"clips": 1, "clip_ids": CLIPS["clip_ids"][1:], "clip_psnr": [40.0]}
    before = measured(bytes=[1234], bundle="another", **figures)
    after = measured("demo", "run", bytes=[999], bundle=named_digest(path), **figures)
    for result in (before, after):
        result["data"]["clip_ids"] = CLIPS["clip_ids"]
    with pytest.raises(UserError, match="another bundle"):
        coded_examples((before, after), (path, path), Clips())
    before["checkpoints"][-1]["files"]["bundle"] = named_digest(path)
    (example,) = coded_examples((before, after), (path, path), Clips())
    assert example.name == "v_A_g01_c01/0001" and (example.original == 101).all()
    assert [(pane.title, *pane.notes) for pane in example.shown] == [
        ("before", "40.00 dB", "1,234 bytes"),
        ("after", "40.00 dB", "999 bytes"),
    ]
    assert all(abs(pane.frames.astype(int) - 101).mean() < 6 for pane in example.shown)
