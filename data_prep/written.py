"""The files of clips, a part at a time: what a killed run has written stays, and frames go when they are used."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.choose import UsedVideo
from data_prep.config import PrepConfig
from data_prep.decode_all import watched
from data_prep.journal import layout_of
from data_prep.pool import Pool
from data_prep.split import SPLITS
from data_prep.write import (
    Part,
    VideoClips,
    Written,
    create_npy,
    npy_bytes,
    npy_parts,
    shard_parts,
    write_metadata,
    write_npy_part,
    write_shard,
)
from vqvae_jax.data.records import Digests
from vqvae_jax.data.work_folder import SET, WorkFolder
from vqvae_jax.errors import UserError
from vqvae_jax.files import write_atomically

NOTES = "written"  # folder in the work: one note per part that is on disk


class Clips:
    """The clips of a data set on their way to the work folder's `set`.

    Args:
      config: the form of the clips.
      videos: by name.
      work: holds set and notes.
      consume: whether to remove frames once their clips are written.
    """

    def __init__(self, config: PrepConfig, videos: Sequence[UsedVideo], work: WorkFolder, consume: bool) -> None:
        self._config, self._consume = config, consume
        self._folder, self._notes = work.path / SET, work.path / NOTES
        self._notes.mkdir(exist_ok=True)
        self._plans = list(_plans(config, videos, self._folder))
        self._waiting = [plan for plan in self._plans if self._note_of(plan) is None]

    def lacking(self) -> set[str]:
        """Names of the videos of which the frames are needed but gone: used up for other parts than those planned."""
        return {v.name for plan in self._waiting for v in plan.part.videos if not v.frames_file.is_file()}

    def write(self, pool: Pool, progress: bool) -> None:
        """Writes what is missing.

        Raises:
          UserError: if a worker is lost or frames are damaged.
          OSError: if the disk is full or fails.
        """
        self._tidy()
        npy = self._config.format == "npy"
        for plan in self._waiting if npy else ():
            create_npy(plan.part)
        outcomes = pool.run(write_npy_part if npy else write_shard, (plan.part for plan in self._waiting))
        for outcome in watched(outcomes, len(self._waiting), "writing", "parts", progress):
            if outcome.lost:
                raise UserError(f"writing stopped: {outcome.lost} (out of memory?); try fewer --workers")
            plan = self._waiting[outcome.task]
            self._note(plan, outcome.value)
            if self._consume:  # only now: until the note is there, the part would be written again
                for video in plan.part.videos:
                    video.frames_file.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Removes what a run with other splits has left."""
        wanted = {plan.part.file.name for plan in self._plans}
        for path in self._folder.iterdir():
            if path.name not in wanted:
                path.unlink()

    def finish(self) -> dict[str, Digests]:
        """Writes the metadata; returns the digests of the clips, by split."""
        digests: dict[str, Digests] = {split: Digests() for split in SPLITS}
        sizes = []
        for plan in self._plans:
            written = self._note_of(plan)
            assert written is not None
            for digest in written.digests:
                digests[plan.split].add(digest)
            sizes.append((plan.split, written._replace(digests=[])))
        if self._config.format == "arrayrecord":
            write_metadata(self._folder, self._config.clip_shape, sizes)
        return digests

    def _note(self, plan: "_Plan", written: Written) -> None:
        facts = written._asdict() | {"plan": plan.digest, "file_bytes": plan.part.file.stat().st_size}
        write_atomically(self._notes / plan.name, json.dumps(facts).encode())

    def _note_of(self, plan: "_Plan") -> Written | None:
        """What was written for a plan, if it was and still is there."""
        try:
            note: dict[str, Any] = json.loads((self._notes / plan.name).read_text())
            size = npy_bytes(plan.part) if self._config.format == "npy" else note["file_bytes"]
            if note["plan"] != plan.digest or plan.part.file.stat().st_size != size:
                return None
            return Written(note["clips"], note["bytes"], note["digests"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


class _Plan(NamedTuple):
    """A part that is to be on disk."""

    split: str
    name: str  # of its note
    part: Part

    @property
    def digest(self) -> str:
        """Of all that decides what is in it, but the contents of the frames, of which it has the checksums."""
        p = self.part
        facts = [(p.file.name, p.clip_shape, tuple(p.layout), p.offset, p.file_clips)]
        videos = [(v.name, v.label, v.group, tuple(v.stored), v.clips) for v in p.videos]
        return hashlib.sha256(repr((facts, videos)).encode("utf-8", "surrogatepass")).hexdigest()


def _plans(config: PrepConfig, videos: Sequence[UsedVideo], folder: Path) -> Iterator[_Plan]:
    plan = npy_parts if config.format == "npy" else shard_parts
    for split in SPLITS:
        cuts = [
            VideoClips(v.name, v.source.label, v.source.group, v.found.frames_file, v.decoded.stored, v.clips)
            for v in videos
            if v.split == split
        ]
        if not cuts:
            continue  # neither a file nor an entry in the metadata; the card says 0 clips
        for number, part in enumerate(plan(folder, split, cuts, config.clip_shape, layout_of(config))):
            yield _Plan(split, f"{split}-{number:05d}.json", part)
