"""Classical codecs and ours on the same clips: `python -m experiments.rd --data DIR --split test --out DIR`.

Writes OUT/rd.json, then tables, plots and a page from it. Classical codecs need the extra: pip install imageio-ffmpeg.
Clips are coded at the data set's size; for 128x128 write one with `python -m data_prep --size 128 ...`.
"""

import signal
import sys
from types import FrameType

from experiments.rd.config import RdConfig
from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command


class Terminated(KeyboardInterrupt):
    """SIGTERM: to be met like Ctrl-C, so that no encoder goes on without us."""


def main() -> None:
    """Measures as the command line says.

    Raises:
      UserError: see `experiments.rd.run.measure_codecs`.
    """
    config = parse(RdConfig, "python -m experiments.rd")
    signal.signal(signal.SIGTERM, _terminate)
    kept = "nothing was measured or written"
    try:
        from experiments.rd.present import present  # JAX and matplotlib take seconds to import: not for --help
        from experiments.rd.run import measure_codecs

        measure_codecs(config, say=lambda line: print(line, flush=True))
        kept = f"{config.out / 'rd.json'} is whole; python -m experiments.rd.present --out {config.out} draws the rest"
        for path in present(config.out, bundles=config.bundle):
            print(path)
    except KeyboardInterrupt as stop:
        print(f"stopped; {str(stop) or kept}", file=sys.stderr)
        terminated = isinstance(stop, Terminated) or isinstance(stop.__cause__, Terminated)
        sys.exit(128 + (signal.SIGTERM if terminated else signal.SIGINT))


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


if __name__ == "__main__":
    run_command("rd", main)
