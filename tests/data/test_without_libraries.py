import subprocess
import sys
from pathlib import Path

from example_clips import random_clips, write_npy

BLOCKED = ("grain", "tensorflow_datasets", "array_record", "tyro", "av", "cv2")
PROGRAM = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
import vqvae_jax.training.checkpoints, vqvae_jax.training.digests, vqvae_jax.training.logs
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.open import open_split, open_stream
stream = open_stream(open_split({folder!r}, "train"), PipelineConfig(batch_size=2, frames=4))
print(next(stream).clips.shape)
"""


def test_npy_data_sets_and_the_training_package_need_none_of_the_optional_libraries(tmp_path):
    folder = write_npy(tmp_path / "data", {"train": random_clips(4)})
    program = PROGRAM.format(blocked=BLOCKED, folder=str(folder))
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert done.stdout == "(2, 4, 8, 8, 3)\n", done.stderr
