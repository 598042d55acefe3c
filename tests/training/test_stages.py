"""Which stage a step falls into."""

from vqvae_jax.training.compiled import Compiled
from vqvae_jax.training.stages import Program, stage_at
from vqvae_jax.training.task import Stage

STAGES = (Stage(print, "a"), Stage(print, "b", first=3), Stage(print, "c", first=4, frames=2))


def test_a_stage_begins_where_the_one_before_ends():
    found = [(stage.name, end) for stage, end in (stage_at(STAGES, done, 9) for done in range(10))]
    assert found == [("a", 3)] * 3 + [("b", 4)] + [("c", 9)] * 6  # after the last step, the last stage


def test_one_stage_is_all_of_a_training():
    assert stage_at((Stage(print),), 0, 5)[1] == stage_at((Stage(print),), 5, 5)[1] == 5


def test_the_log_says_which_steps_and_what_they_cost():
    program = Program(STAGES[1], 4, Compiled(print, 2**20, 2**21), 5e9, 7.4)
    assert program.steps == "stage b, steps 4 to 4"
    assert program.cost == "compiled in 7 s; a step: 5 GFLOP of the model, 3 MiB per device"
    assert program._replace(stage=Stage(print)).steps == ""
