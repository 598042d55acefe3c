"""Trains a named experiment: `python -m experiments.train NAME --data DIR --run DIR`.

The run folder gets `config.json`, `data.json`, `machines.json`, `metrics.jsonl`, `tensorboard/`, `pictures/` and
`checkpoints/`. A run that exists is resumed. SIGINT and SIGTERM save and leave.
"""

import signal
import sys

from vqvae_jax.errors import run_command


def main() -> None:
    """Parses the command line, joins the other processes if there are any, and trains."""
    from experiments.training.command import join_processes, parse_command
    from experiments.training.run import train

    command, experiment = parse_command(sys.argv[1:])
    join_processes(command)
    sys.exit(train(command, experiment))


if __name__ == "__main__":
    # Until the loop's `Interruption` there is nothing to save. Python would hear of Ctrl-C only after compilation, lose
    # it in a callback of JAX, or crash XLA on unwinding; so it is left to the system before JAX is even imported.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run_command("train", main)
