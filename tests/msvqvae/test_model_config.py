"""The model's and the whole experiment's configuration."""

import dataclasses
import json

import pytest

from vqvae_jax.config import to_dict
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.families import config_of, experiment_from
from vqvae_jax.losses.config import LossConfig
from vqvae_jax.msvqvae.config import LevelConfig, ModelConfig
from vqvae_jax.msvqvae.experiment import Experiment
from vqvae_jax.msvqvae.named import MSVQVAE_K512_MODEL, MSVQVAE_MODEL, TINY_MODEL, VQVAE3D_MODEL
from vqvae_jax.quantization.config import QuantizerConfig
from vqvae_jax.training.config import TrainingConfig
from vqvae_jax.training.optimizer import OptimizerConfig

CHANGED = Experiment(
    name="mine",
    model=dataclasses.replace(TINY_MODEL, clip=(16, 32, 32), groups=4, norm="layer", dtype="bfloat16", lowering="sum"),
    quantizer=QuantizerConfig(decay=0.95, revival="sample", revive_at_most=3),
    loss=LossConfig(gamma=0.1, gamma_rule="literal", layer_means=(1.0, 2.0, 3.0)),
    optimizer=OptimizerConfig(learning_rate=1.5e-3, schedule="constant_decay", warmup_steps=10, weight_ema=0.999),
    data=PipelineConfig(frames=16, batch_size=4, temporal_jitter=True),
    training=TrainingConfig(steps=10, microbatches=2, mapping="pmap"),
)


@pytest.mark.parametrize(
    "experiment",
    [Experiment(), CHANGED]
    + [Experiment(model=model) for model in (MSVQVAE_MODEL, VQVAE3D_MODEL, MSVQVAE_K512_MODEL, TINY_MODEL)],
)
def test_an_experiment_survives_json(experiment):
    assert experiment_from(json.loads(json.dumps(config_of(experiment))), "config.json") == experiment


def test_a_wrong_field_in_a_file_is_named_with_its_path():
    values = to_dict(Experiment())
    values["model"]["bottom"]["coodes"] = 3
    with pytest.raises(
        ConfigError, match=r"run/config.json\.model\.bottom: unknown field 'coodes'; known fields: codes,"
    ):
        experiment_from(values, "run/config.json")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 0}, r"model\.width=0 is not allowed; expected a whole number of at least 1"),
        ({"top_blocks": -1}, r"model\.top_blocks=-1 is not allowed"),
        ({"resample": "fft"}, r"model\.resample='fft' is not allowed; expected one of conv, patch"),
        ({"block": "thin"}, r"model\.block='thin' is not allowed; expected one of full, factored"),
        ({"norm": "group"}, r"model\.norm='group' is not allowed; expected one of rms, layer"),
        ({"dtype": "float16"}, r"model\.dtype='float16' is not allowed; expected one of float32, bfloat16"),
        ({"lowering": "fast"}, r"model\.lowering='fast' is not allowed; expected one of auto, direct, concat, sum"),
        ({"level_dropout": 1.0}, r"model\.level_dropout=1\.0 is not allowed; expected a number in \[0, 1\)"),
        ({"groups": 3}, r"model\.width=256 is not allowed; expected a multiple of model\.groups=3"),
        (
            {"bottom": LevelConfig((2, 3, 3))},
            r"model\.bottom\.strides=\(2, 3, 3\) is not allowed; expected powers of two",
        ),
        ({"bottom": LevelConfig((2, 4, 4), codes=1)}, r"model\.bottom\.codes=1 is not allowed"),
        ({"top": LevelConfig((4, 8, 8), codes=70000)}, r"model\.top\.codes=70000 is not allowed"),
        ({"top": LevelConfig((4, 6, 8))}, r"model\.top\.strides=\(4, 6, 8\) is not allowed; expected multiples of"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(fields, message):
    with pytest.raises(ConfigError, match=message):
        ModelConfig(**fields)


@pytest.mark.parametrize(("clip", "axis"), [((30, 64, 64), "frames=30"), ((32, 60, 64), "height=60")])
def test_a_clip_that_the_strides_do_not_divide_is_refused_by_axis(clip, axis):
    with pytest.raises(UserError, match=f"{axis} must be a multiple of"):
        ModelConfig(clip=clip)


def test_parts_of_an_experiment_must_fit_together():
    for frames in (18, 36):
        expected = rf"data\.frames={frames} is not allowed; expected a multiple of 4 up to model\.clip's 32 frames"
        with pytest.raises(ConfigError, match=expected):
            Experiment(data=PipelineConfig(frames=frames))
    assert Experiment(data=PipelineConfig(frames=16)).model.clip[0] == 32
    with pytest.raises(ConfigError, match=r"data\.batch_size=8 is not allowed; expected a multiple of training\.micro"):
        Experiment(training=TrainingConfig(microbatches=3))


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (QuantizerConfig, "decay", 1.0),
        (QuantizerConfig, "revival", "pray"),
        (QuantizerConfig, "dead_below", -0.1),
        (QuantizerConfig, "revive_at_most", 0),
        (QuantizerConfig, "init_noise", -1.0),
        (TrainingConfig, "checkpoint_every", 0),
        (TrainingConfig, "steps", -1),
        (TrainingConfig, "mapping", "vmap"),
        (LossConfig, "gamma", float("nan")),
        (LossConfig, "layer_means", (1.0, 0.0, 1.0)),
    ],
)
def test_fields_of_the_other_parts_are_checked(cls, field, value):
    with pytest.raises(ConfigError, match=rf"\.{field}="):
        cls(**{field: value})


def test_length_of_a_run():
    assert TrainingConfig(steps=7).total_steps(clips=100, batch_size=8) == 7
    assert TrainingConfig(epochs=50).total_steps(clips=49_767, batch_size=8) == 50 * 49_767 // 8


def test_levels_are_coarse_first():
    assert list(MSVQVAE_MODEL.levels) == ["top", "bottom"]
    assert list(VQVAE3D_MODEL.levels) == ["bottom"]
    assert MSVQVAE_MODEL.multiple == (4, 8, 8) and VQVAE3D_MODEL.multiple == (2, 4, 4)
