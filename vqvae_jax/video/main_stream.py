"""Which of a file's video streams is the video: never a cover or a thumbnail, however it is stored."""

from collections import Counter
from pathlib import Path
from typing import Any

from vqvae_jax.video.libav import open_container, pyav
from vqvae_jax.video.read import VideoError

_LOOKED_AT = 2000  # packets, where a file has several streams of pictures
_MOVING = 8  # pictures of one stream; then it is known to be no cover


def main_stream(container: Any, path: Path) -> Any:
    """The stream of moving pictures: among several, the one marked as default, then the one with most pixels.

    A cover is an attached picture by its own account, or a stream of a single picture: Matroska files have it as a
    track like any other.

    Raises:
      VideoError: if there is none, or nothing but attached pictures.
    """
    from av.stream import Disposition

    streams = [s for s in container.streams.video if s.codec_context is not None]
    if not streams:
        raise VideoError("not a video: it has no pictures that can be decoded")
    moving = [s for s in streams if not s.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)]
    if not moving:
        raise VideoError("not a video: its only picture is a cover")
    if len(moving) == 1:
        return moving[0]
    pictures = _pictures_at_the_start(path)

    def rank(stream: Any) -> tuple[bool, bool, int]:
        size = stream.codec_context.width * stream.codec_context.height
        return pictures[stream.index] > 1, bool(stream.disposition & Disposition.default), size

    return max(moving, key=rank)  # the first of equals


def _pictures_at_the_start(path: Path) -> Counter[int]:
    """Pictures of each stream, as far as it takes to tell a video from a cover."""
    found: Counter[int] = Counter()
    with open_container(path) as container:
        try:
            for looked_at, packet in enumerate(container.demux(*container.streams.video)):
                found[packet.stream.index] += bool(packet.size)
                if looked_at >= _LOOKED_AT or len([n for n in found.values() if n >= _MOVING]) == len(found) > 1:
                    break
        except pyav().FFmpegError:  # whatever follows, these were there
            pass
    return found
