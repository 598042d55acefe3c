"""Parts that machines have made of one list of files -> one data set with one card, as one machine would make it.

python -m data_prep.merge PART [PART ...] --out DIR
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from data_prep.assemble import assemble
from data_prep.journal import from_entry, from_shared_options
from data_prep.pool import Pool, cores
from data_prep.summary import summary
from vqvae_jax.command_line import parse
from vqvae_jax.data.card import Card
from vqvae_jax.data.parts import join
from vqvae_jax.data.work_folder import WorkFolder, remove_left_over
from vqvae_jax.errors import UserError, run_command, say
from vqvae_jax.stopping import stoppable


@dataclass(frozen=True)
class MergeConfig:
    """Joins parts, `python -m data_prep --shard I/N`, into the data set that one machine would have made.

    Splits, names and duplicates are decided here, by the options that the parts were made with. Parts stay as they are.
    """

    parts: tuple[Path, ...]
    """Folders of all parts, in any order; one that is given twice counts once."""
    out: Path
    """Folder to write; must not exist. It appears when it is whole."""
    workers: int = 0
    """Processes; 0: one per core."""


def merge(config: MergeConfig, progress: bool = False) -> Card:
    """Makes the data set `config.out`, and returns its card.

    Raises:
      UserError: if a part is missing, damaged, or of other files or options; or as `data_prep.prepare.prepare`.
    """
    whole = join(config.parts)
    options = from_shared_options(whole.options, config.parts[0], config.out, config.workers)
    found = [from_entry(entry, folder) for folder, entry in whole.entries]
    for item, (folder, _) in zip(found, whole.entries, strict=True):
        if item is None:
            raise UserError(f"{folder} lists what this program does not know; make that part again")
    remove_left_over(config.out)
    about = whole.about | {"listing": whole.share.listing}
    with WorkFolder(config.out, about) as work, Pool(config.workers or cores()) as pool:
        return assemble(options, [item for item in found if item], whole.folders, work, pool, progress)


def main() -> None:
    import tyro

    @dataclass(frozen=True)
    class Options(MergeConfig):
        parts: Annotated[tuple[Path, ...], tyro.conf.Positional]

    Options.__doc__ = MergeConfig.__doc__
    config = parse(Options, "python -m data_prep.merge")
    started = time.monotonic()
    with stoppable("data_prep.merge", lambda: "what is written is kept; the same command goes on"):
        card = merge(config, progress=True)
    say(*summary(card, config.out, time.monotonic() - started))


if __name__ == "__main__":
    run_command("data_prep.merge", main)
