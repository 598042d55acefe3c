"""Video files -> clips in ArrayRecord shards or .npy files, with splits and a card.

python -m data_prep --videos DIR --out DIR
python -m data_prep --videos DIR --out DIR --runner direct|flink|dataflow -- OPTIONS OF BEAM
"""

import itertools
import sys
import time

from data_prep.config import PrepConfig
from data_prep.on_beam import check_beam
from data_prep.prepare import prepare, prepare_share
from data_prep.summary import summary
from vqvae_jax.command_line import parse
from vqvae_jax.data.work_folder import work_folder
from vqvae_jax.errors import run_command, say
from vqvae_jax.stopping import stoppable


def main() -> None:

    given = sys.argv[1:]
    ours = list(itertools.takewhile(lambda word: word != "--", given))
    beam_options = given[len(ours) + 1 :]
    config = parse(PrepConfig, "python -m data_prep", ours)
    started = time.monotonic()
    with stoppable("data_prep", lambda: _kept(config)):
        if not config.shard:
            card = prepare(config, progress=True, beam_options=beam_options)
            lines = summary(card, config.out, time.monotonic() - started)
        else:
            check_beam(config, beam_options)
            share = prepare_share(config, progress=True).share
            lines = [
                f"part {share}: {share.size} of {share.files} files -> {config.out} "
                f"({time.monotonic() - started:.1f} s); join all parts with python -m data_prep.merge"
            ]
    say(*lines)


def _kept(config: PrepConfig) -> str:
    folder = work_folder(config.out)
    if not folder.exists():
        return "nothing was written"
    return f"what is decoded is kept in {folder}, and the same command goes on; to give up, remove it"


if __name__ == "__main__":
    run_command("data_prep", main)
