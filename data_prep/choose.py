"""Which files are used, under which names, in which splits: by names, contents and lengths alone, in any order."""

from collections.abc import Sequence
from typing import NamedTuple

from data_prep.config import PrepConfig
from data_prep.decode import Decoded, Unusable
from data_prep.journal import Found, layout_of
from data_prep.split import SPLITS, Member, divide
from vqvae_jax.data.names import Skipped, Source, video_names
from vqvae_jax.errors import one_line

_NAMED = 3  # videos in a warning


class UsedVideo(NamedTuple):
    """A video that gives clips."""

    name: str
    found: Found
    clips: int
    dropped_tail_frames: int
    split: str

    @property
    def source(self) -> Source:
        return self.found.source

    @property
    def decoded(self) -> Decoded:
        assert isinstance(self.found.result, Decoded)
        return self.found.result


class Choice(NamedTuple):
    """What is made of the files."""

    videos: list[UsedVideo]  # by name
    skipped: list[Skipped]  # by path
    warnings: list[str]


def choose(config: PrepConfig, found: Sequence[Found], skipped: Sequence[Skipped]) -> Choice:
    """Leaves out what cannot be used or has the content of an earlier file (by path), and divides the rest.

    Args:
      config: how to divide.
      found: what became of every file.
      skipped: folders that could not be read.
    """
    usable: list[Found] = []
    unusable: list[Skipped] = []
    first_with: dict[str, str] = {}
    for item in sorted(found, key=lambda f: f.source.path):
        path = item.source.path
        if isinstance(item.result, Unusable):
            unusable.append(Skipped(path, item.result.reason))
            continue
        twin = first_with.setdefault(item.result.content_sha256, path)
        if twin == path:
            usable.append(item)
        else:
            unusable.append(Skipped(path, f"same content as {twin}"))
    videos, warnings = _divide(config, usable) if usable else ([], [])
    return Choice(videos, sorted([*skipped, *unusable]), warnings)


def _divide(config: PrepConfig, usable: Sequence[Found]) -> tuple[list[UsedVideo], list[str]]:
    """Names the videos and gives each its split; sorted by name. Also returns warnings."""
    layout = layout_of(config)
    members = []
    for name, item in zip(video_names([u.source for u in usable]), usable, strict=True):
        assert isinstance(item.result, Decoded)
        source, clips = item.source, layout.clips(item.result.frames)
        members.append(Member(name, source.label, source.group, source.number, clips))
    split_of, warnings = divide(members, config)
    videos = []
    for member, item in zip(members, usable, strict=True):
        assert isinstance(item.result, Decoded)
        tail = item.result.frames - (member.clips - 1) * config.step - config.frames
        videos.append(UsedVideo(member.name, item, member.clips, tail, split_of[member.name]))
    filled = {v.split for v in videos}
    warnings += [f"split {split!r} is empty" for split in SPLITS if split not in filled]
    videos.sort(key=lambda v: v.name)
    return videos, warnings + _of_missing_frames(videos)


def _of_missing_frames(videos: Sequence[UsedVideo]) -> list[str]:
    lacking = [v for v in videos if v.decoded.missing_frames]
    if not lacking:
        return []
    who = "1 video has" if len(lacking) == 1 else f"{len(lacking)} videos have"
    named = ", ".join(one_line(f"{v.source.path} ({v.decoded.missing_frames})") for v in lacking[:_NAMED])
    rest = ", ...; see videos-*.jsonl" if len(lacking) > _NAMED else ""
    return [f"{who} undecodable frames ({sum(v.decoded.missing_frames for v in lacking)} in all): {named}{rest}"]
