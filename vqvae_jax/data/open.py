"""Opens what data_prep wrote: a split for random access, and a stream of its clips in training order."""

from collections.abc import Sequence
from pathlib import Path

from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.data.memory import NpyClips, at_hand, fits_in_memory, memory_stream
from vqvae_jax.data.mixed import MixedClips
from vqvae_jax.data.order import Share
from vqvae_jax.data.source import ClipSet, ClipStream, read_card
from vqvae_jax.errors import ConfigError, UserError

IN_MEMORY_LIMIT = 4 * 2**30  # bytes of decoded clips up to which `auto` loads a split


def open_split(data_dir: str | Path, split: str) -> ClipSet:
    """Opens a split for random access; decoding happens on `read`.

    Raises:
      UserError: if the data set or the split is missing, empty, or not what its card says; names what exists.
    """
    folder, card = Path(data_dir), read_card(data_dir)
    filled = {name: entry for name, entry in card["splits"].items() if entry["clips"]}
    if split not in filled:
        state = "is empty" if split in card["splits"] else "does not exist"
        listed = ", ".join(f"{name} ({entry['clips']} clips)" for name, entry in filled.items()) or "none"
        raise UserError(f"split {split!r} of {folder} {state}; splits with clips: {listed}")
    if card["format"] == "npy":
        return NpyClips(folder, split, card)
    from vqvae_jax.data.shards import ShardedClips  # needs array_record and tensorflow_datasets

    return ShardedClips(folder, split, card)


def open_sets(data_dirs: Sequence[str | Path], split: str, weights: Sequence[float] | None = None) -> ClipSet:
    """Opens a split of one data set, or of several as one.

    Args:
      weights: how often each is drawn from in training; none: as often as it has clips.

    Raises:
      UserError: see `open_split` and `MixedClips`.
    """
    parts = [open_split(folder, split) for folder in data_dirs]
    return parts[0] if len(parts) == 1 and weights is None else MixedClips(parts, weights)


def open_stream(clips: ClipSet, config: PipelineConfig, process_index: int = 0, process_count: int = 1) -> ClipStream:
    """An endless training stream over `clips`, of this process's part of every batch.

    Whatever `config.source` is, the same batches come in the same order.

    Raises:
      ConfigError: if batch size, frames or processes do not fit the split.
    """
    share = Share(config.batch_size, process_index, process_count)
    length = clips.clip_shape[0]
    if length < config.frames:
        raise ConfigError(
            f"config: data.frames={config.frames}, but the clips of {clips.data_dir} have {length} frames; train with "
            f"--data.frames {length} --model.clip {length} HEIGHT WIDTH, or write longer clips with data_prep --frames"
        )
    if config.temporal_jitter and length == config.frames:
        raise ConfigError(
            f"config: data.temporal_jitter needs records longer than data.frames={config.frames}, but those of "
            f"{clips.data_dir} are exactly as long; write them with `data_prep --frames {config.frames * 3 // 2}`"
        )
    height, width = clips.clip_shape[1:3]
    if config.crop is not None and (config.crop[0] > height or config.crop[1] > width):
        raise ConfigError(f"config: data.crop={config.crop} is more than {clips.data_dir} has, {height} x {width}")
    in_memory = config.source == "memory" or (
        config.source == "auto" and (at_hand(clips) or fits_in_memory(clips, IN_MEMORY_LIMIT))
    )
    if in_memory:
        return memory_stream(clips, config, share)
    from vqvae_jax.data.grain_pipeline import grain_stream

    return grain_stream(clips, config, share)
