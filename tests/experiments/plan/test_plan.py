"""Programs compiled from shapes alone: for this machine's CPU, as a topology of one chip."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from experiments import configs
from experiments.plan.__main__ import PlanCommand, plan, show
from experiments.plan.programs import Compiled, Programs
from experiments.plan.topology import Chip, Topology, describe
from vqvae_jax.errors import ConfigError, UserError
from vqvae_jax.progress import Progress
from vqvae_jax.training.digests import named_leaves

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "experiments.plan"]


def programs(name, memory=2**34):
    chip = Chip("this CPU", "cpu", memory, 1e12)
    return Programs(configs.load(name), Topology("cpu:1", chip, jax.devices()[:1]))


@pytest.mark.parametrize("name", ["smoke_msvqvae", "ntc_tiny", "mvc_micro64"])
def test_a_train_step_is_compiled_from_shapes(name):
    planned = programs(name)
    step, task = planned.train_step(2), planned.task(2)
    state = sum(leaf.size * leaf.dtype.itemsize for leaf in named_leaves(task.abstract()).values())
    assert state <= step.donated <= step.arguments < step.peak
    assert step.flops > 2 * task.cost(planned.clip).forward_macs  # of one clip, forward alone
    # Gradients, losses, statistics: once, together; a CPU's compiler sends them to itself, and estimates nothing.
    (gradients,) = step.collectives
    assert (gradients.kind, gradients.dtype) == ("all-reduce", "f32") and step.cycles == {}
    assert gradients.bytes > 0.99 * 4 * task.cost(planned.clip).parameters  # less gradients that are known to be 0


def test_flops_are_those_of_one_chip_with_every_unit_of_a_clip():
    planned = programs("ntc_tiny")
    one = planned.validation(1).flops
    assert one > 2 * planned.task(1).cost(planned.clip).forward_macs  # of the transform's layers
    assert planned.validation(2).flops == pytest.approx(2 * one, rel=0.01)
    planned.topology = planned.topology._replace(devices=2 * jax.devices()[:1])
    assert planned.validation(2).flops == pytest.approx(one, rel=0.01)


def test_the_perceptual_loss_needs_no_weights_to_be_planned():
    planned = programs("smoke_msvqvae")
    assert planned.experiment.loss.gamma > 0
    weights = jax.tree.leaves(planned.task(2).constants)
    assert len(weights) == 14 and all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in weights)


def test_the_largest_batch_is_bisected(monkeypatch):
    planned, tried = programs("ntc_tiny"), {}
    sizes = Compiled(0, 0, 0, 0, 0.0, [], {}, {})
    monkeypatch.setattr(planned, "train_step", lambda batch, stage: sizes._replace(peak=batch * 2**30 + 1))
    assert planned.largest_batch(tried.__setitem__) == 15  # 16 GiB, less one byte and a gibibyte a clip
    assert tried == {1: True, 2: True, 4: True, 8: True, 16: False, 12: True, 14: True, 15: True}
    monkeypatch.setattr(planned, "train_step", lambda batch, stage: sizes._replace(peak=2**40))
    assert planned.largest_batch(lambda *_: None) == 0


def test_every_stage_of_a_training_is_planned(monkeypatch):
    peaks, flops = [1, 5, 9, 7, 3, 2], [1e12, 2e12, 3e12, 4e12, 4e12, 4e12]
    sizes = Compiled(0, 0, 0, 0, 1e12, [], {}, {})
    monkeypatch.setattr("experiments.plan.__main__.describe", lambda name: programs("envc_tiny").topology)
    monkeypatch.setattr(
        Programs, "train_step", lambda self, batch, stage: sizes._replace(peak=peaks[stage], flops=flops[stage])
    )
    monkeypatch.setattr(Programs, "validation", lambda self, batch: sizes)
    found = plan(PlanCommand("envc_tiny", "cpu:1", share=0.5), Progress("plan", speaks=False))
    assert [(stage["name"][0], stage["steps"], stage["frames"]) for stage in found["stages"]] == [
        ("1", 50, 1), ("2", 50, 2), ("3", 20, 3), ("4", 10, 5), ("5", 5, 5), ("6", 5, 5)
    ]  # fmt: skip
    assert found["train_step"]["peak"] == 9
    total = 50 * 1 + 50 * 2 + 20 * 3 + (10 + 5 + 5) * 4  # 1e12
    assert found["training"]["seconds_per_step"] == pytest.approx(total / 140 / 0.5)  # a chip of 1e12 a second
    assert sum(stage["share"] for stage in found["stages"]) == pytest.approx(1)
    assert "| 4 modulated | 10 | 5 |" in show(found)
    fit = plan(PlanCommand("mvc_micro64", "cpu:1", clips=32), Progress("plan", speaks=False))
    assert [(stage["name"], stage["frames"]) for stage in fit["stages"]] == [("fit", 1), ("rounded", 1)]


@pytest.mark.parametrize("name", ["v5e", "v5e:", "v5e:0", "tpu:4", "h100:2x2x2x2", "v5e:4x4 "])
def test_what_is_no_topology_is_refused(name):
    with pytest.raises(ConfigError, match="a chip, a colon and how many"):
        describe(name)


def test_a_compiler_that_is_not_there_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr("experiments.plan.topology._installed", lambda module: False)
    with pytest.raises(
        UserError, match=r"topology h100:8: the compiler .* is not installed; pip install 'jax\[cuda12\]'"
    ):
        describe("h100:8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("nosuch", "--topology", "v5e:1"), "no experiment is called 'nosuch'"),
        (("tiny", "--topology", "v5e:1", "--share", "0"), "share=0.0 is not allowed"),
        (("tiny", "--topology", "v5e:1", "--batch", "0"), "batch=0 is not allowed"),
        (("tiny",), "--topology"),
    ],
)
def test_mistakes_are_told_in_one_line(options, said):
    done = subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1


def test_a_plan_for_a_tpu(tmp_path):
    pytest.importorskip("libtpu", reason="pip install 'jax[tpu]' has the TPU's compiler")
    line = [*COMMAND, "ntc_tiny", "--topology", "v5e:2x2", "--batch", "4", "--json"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["fits"] and found["topology"]["chips"] == 4 and found["train_step"]["cycles"]
    (gradients,) = found["train_step"]["collectives"]
    assert gradients["kind"] == "all-reduce" and gradients["bytes"] >= 4 * found["parameters"]
    page = show(found)
    assert "4 x TPU v5e" in page and "it compiles, and fits" in page


def test_a_plan_for_gpus():
    pytest.importorskip("jax_plugins.xla_cuda12", reason="pip install 'jax[cuda12]' has the GPU's compiler")
    line = [*COMMAND, "ntc_tiny", "--topology", "h100:2", "--batch", "2", "--json"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    step, validation = found["train_step"], found["validation"]
    assert found["fits"] and step["convolutions"] and found["training"]["hours"] > 0
    assert step["flops"] > validation["flops"] > 0
    assert sum(sent["bytes"] for sent in step["collectives"]) >= 4 * found["parameters"]


def test_an_option_that_is_left_out_is_the_experiments_own():
    assert PlanCommand("tiny", "v5e:1") == PlanCommand("tiny", "v5e:1", batch=None, dtype=None, share=0.4)
