"""Measures checkpoints of a run: `python -m experiments.evaluate --run DIR --data DIR --split test --out FILE.json`."""

import sys

from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command, say
from vqvae_jax.evaluation.config import EvaluateConfig
from vqvae_jax.stopping import stoppable


def main(config: EvaluateConfig | None = None) -> None:
    """Evaluates as `config` says; parses the command line if none is given.

    Raises:
      UserError: see `vqvae_jax.evaluation.job.evaluate`.
    """
    if config is None:
        config = parse(EvaluateConfig, "python -m experiments.evaluate")
    # An `EvaluationInterrupt` says more; until the job has begun it is a bare signal.
    with stoppable("evaluate", lambda: "nothing was measured or written"):
        from vqvae_jax.evaluation.job import EvaluationInterrupt, evaluate  # takes seconds: not for --help

        try:
            evaluate(config, say=say)
        except EvaluationInterrupt as stop:
            if not (config.watch and stop.steps):
                raise
            say(f"evaluate: {stop}", file=sys.stderr)
    say(f"{config.out} (and .csv, .png, _grid.png beside it)")


if __name__ == "__main__":
    run_command("evaluate", main)
