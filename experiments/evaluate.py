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
    from vqvae_jax.evaluation.job import evaluate  # JAX takes seconds to import: not for --help

    try:
        evaluate(config, say=lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        print(f"stopped; {config.out} holds what was measured, the same command goes on", file=sys.stderr)
        sys.exit(0 if config.watch else 130)
    print(f"{config.out} (and .csv, .png, _grid.png beside it)")


if __name__ == "__main__":
    run_command("evaluate", main)
