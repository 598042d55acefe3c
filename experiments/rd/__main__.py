"""Classical codecs and ours on the same clips: `python -m experiments.rd --data DIR --split test --out DIR`.

Writes OUT/rd.json, then tables, plots and a page from it. Classical codecs need the extra: pip install imageio-ffmpeg.
Clips are coded at the data set's size; for 128x128 write one with `python -m data_prep --size 128 ...`.
"""

from experiments.rd.config import RdConfig
from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command, say
from vqvae_jax.stopping import stoppable


def main() -> None:
    """Measures as the command line says.

    Raises:
      UserError: see `experiments.rd.run.measure_codecs`.
    """
    config = parse(RdConfig, "python -m experiments.rd")
    kept = "nothing was measured or written"
    with stoppable("rd", lambda: kept):
        from experiments.rd.present import (  # JAX and matplotlib take seconds to import: not for --help
            PresentCommand,
            present,
        )
        from experiments.rd.run import measure_codecs

        measure_codecs(config, say=say)
        kept = f"{config.out / 'rd.json'} is whole; python -m experiments.rd.present --out {config.out} draws the rest"
        say(*map(str, present(PresentCommand(config.out, bundle=config.bundle))))


if __name__ == "__main__":
    run_command("rd", main)
