"""Training from a `.npy` data set where only JAX, Flax, Optax, Orbax and their like are installed."""

import sys

from training_runs import environment, example_splits, finish, start, write_npy

from vqvae_jax.training.checkpoints import FOLDER, Checkpoints

BLOCKED = ("grain", "tensorflow_datasets", "array_record", "tyro", "constriction", "av", "cv2")
PROGRAM = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from dataclasses import replace
from pathlib import Path
from experiments import configs
from experiments.train import TrainCommand, train
from vqvae_jax.msvqvae.config import LevelConfig

tiny = configs.load("tiny")
model = replace(
    tiny.model, clip=(8, 16, 16), width=8, hidden=8, encoder_blocks=0, decoder_blocks=0, top_width=8, top_hidden=8,
    top_blocks=0, bottom=LevelConfig((2, 4, 4), 16, 4), top=LevelConfig((4, 8, 8), 16, 4),
)
experiment = replace(
    tiny, model=model, data=replace(tiny.data, frames=8), training=replace(tiny.training, steps=5, log_every=2)
)
sys.exit(train(TrainCommand((Path(sys.argv[1]),), Path(sys.argv[2])), experiment))
"""


def test_training_from_memory_needs_none_of_the_optional_libraries(tmp_path, compiled_programs):
    data, run = write_npy(tmp_path / "data", example_splits()), tmp_path / "run"
    arguments = [sys.executable, "-c", PROGRAM, str(data), str(run)]
    code, said = finish(start(arguments, environment(cache=compiled_programs)))
    assert code == 0, said
    assert Checkpoints(run / FOLDER, read_only=True).steps() == [5]
