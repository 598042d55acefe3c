"""Measures checkpoints of a run: `python -m experiments.evaluate --run DIR --data DIR --split test --out FILE.json`."""

import sys

from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command
from vqvae_jax.evaluation.config import EvaluateConfig


def main(config: EvaluateConfig | None = None) -> None:
    """Evaluates as `config` says; parses the command line if none is given.

    Raises:
      UserError: see `vqvae_jax.evaluation.job.evaluate`.
    """
    if config is None:
        config = parse(EvaluateConfig, "python -m experiments.evaluate")
    try:
        from vqvae_jax.evaluation.job import evaluate  # JAX takes seconds to import: not for --help

        evaluate(config, say=lambda line: print(line, flush=True))
    except KeyboardInterrupt as stop:
        # An `EvaluationInterrupt` says more; until the job has begun it is a bare Ctrl-C.
        print(f"stopped; {stop or 'nothing was measured or written'}", file=sys.stderr)
        sys.exit(0 if config.watch and getattr(stop, "steps", []) else 130)
    print(f"{config.out} (and .csv, .png, _grid.png beside it)")


if __name__ == "__main__":
    run_command("evaluate", main)
