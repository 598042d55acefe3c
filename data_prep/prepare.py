"""The whole job on one machine, or one machine's share of it: find, decode, and put together."""

from collections.abc import Sequence

from data_prep.assemble import assemble
from data_prep.config import PrepConfig, ranges
from data_prep.decode_all import decode_all
from data_prep.journal import Found, about, shared_options, to_entry
from data_prep.on_beam import check_beam, decode_on_beam
from data_prep.pool import Pool, cores
from vqvae_jax.data.card import Card
from vqvae_jax.data.names import Skipped, Source, find_files
from vqvae_jax.data.partial_folder import refuse_output_among_videos
from vqvae_jax.data.parts import Part, part_there, take_share, write_part
from vqvae_jax.data.record_shards import missing_library
from vqvae_jax.data.work_folder import WorkFolder, remove_left_over
from vqvae_jax.errors import UserError


def prepare(config: PrepConfig, progress: bool = False, beam_options: Sequence[str] = ()) -> Card:
    """Makes the data set `config.out` from the videos of `config.videos`, and returns its card.

    Names and order on disk depend on the videos' names only. Memory does not grow with the number of frames. What a
    killed or refused run has decoded and written is kept beside the output, and the next one goes on with it.

    Args:
      config: what to make of what, and how.
      progress: whether to show it.
      beam_options: of the pipeline, as `--name=value`, with a `runner` that runs one.

    Raises:
      UserError: no folder, no usable video, output that exists, work that was begun with other options, a full disk,
        Beam missing or failing, or (with `strict`) any file skipped.
    """
    check_beam(config, beam_options)
    sources, folders = _found(config)
    remove_left_over(config.out)
    with WorkFolder(config.out, about(config)) as work, Pool(config.workers or cores()) as pool:

        def redo(lacking: Sequence[Found]) -> list[Found]:
            return decode_all(config, [item.source for item in lacking], work, pool, progress, again=True)

        if config.runner != "local":
            decode_on_beam(config, sources, work, beam_options)
        found = decode_all(config, sources, work, pool, progress)
        return assemble(config, found, folders, work, pool, progress, redo)


def prepare_share(config: PrepConfig, progress: bool = False) -> Part:
    """Makes one share of the work (`config.shard`): a part, in the folder `config.out`, for `data_prep.merge`.

    A part that is there already, of the same files and options, is left as it is.

    Raises:
      UserError: as `prepare`.
    """
    sources, folders = _found(config)
    share = take_share(config.shard, sources)
    if (there := part_there(config.out, about(config), share)) is not None:
        return there
    mine = sources[share.first :: share.of]
    with WorkFolder(config.out, about(config)) as work, Pool(config.workers or cores()) as pool:
        found = decode_all(config, mine, work, pool, progress)
        gone = [item.source for item in found if not item.is_there]
        again = {item.source: item for item in decode_all(config, gone, work, pool, progress, again=True)}
        entries = (to_entry(item.source, item.result) for item in (again.get(f.source, f) for f in found))
        return write_part(work, shared_options(config), share, entries, folders)


def _found(config: PrepConfig) -> tuple[list[Source], list[Skipped]]:
    """The files; what can be told to be wrong before hours of decoding is told here."""
    sources, folders = find_files(config.videos)
    refuse_output_among_videos(config.out, config.videos)
    _refuse_absent_groups(config, sources)
    if config.format == "arrayrecord" and (library := missing_library()):
        raise UserError(f"--format arrayrecord needs {library}; install it, or use --format npy")
    return sources, folders


def _refuse_absent_groups(config: PrepConfig, sources: Sequence[Source]) -> None:
    """Before hours of decoding end in an empty test split."""
    wanted = config.numbered_test_groups
    numbers = sorted({source.number for source in sources if source.number is not None})
    if wanted is None or not sources or wanted & set(numbers):
        return
    option = f"--test-groups {config.test_groups}" if config.test_groups else f"--split {config.split}"
    there = f"the groups there are {ranges(numbers)}" if numbers else "no file has a group number (v_Class_gNN_cNN)"
    raise UserError(f"{option}: no video of {config.videos} is in such a group; {there}")
