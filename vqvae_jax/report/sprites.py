"""Clips that move side by side in a page, in step: all frames of a clip are one tall picture, moved by one number."""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from vqvae_jax.report.chart import Look
from vqvae_jax.report.svg import coloured

MOST_PIXELS = 12_000_000  # of all pictures on a page: about a byte each
TALLEST = 16383  # pixels, of a WebP
NARROWEST = 128  # pixels on the page: smaller frames are enlarged by a whole factor


class Pane(NamedTuple):
    """A clip, what it is, and lines of text below it."""

    title: str
    frames: np.ndarray  # (T, H, W, 3) uint8, RGB
    notes: tuple[str, ...] = ()
    look: Look | None = None  # a strong one colours the title


class Clip(NamedTuple):
    """Versions of one clip, of one shape."""

    name: str
    panes: tuple[Pane, ...]
    remark: str = ""


def sprites(clips: Sequence[Clip], fps: float) -> str:
    """The clips with one clock for all, without loss; "" without clips.

    They move in a loop where no script runs, too; a script adds a player. As many clips, evenly spread, and as many of
    their first frames are there as a page can carry, and it says so.
    """
    if not clips:
        return ""
    shown, length = fitting(clips)
    cards, rules = [], []
    for row, clip in enumerate(shown):
        panes = []
        for column, pane in enumerate(clip.panes):
            height, width = pane.frames.shape[1:3]
            scale = max(1, NARROWEST // width)
            picture = base64.b64encode(sprite(pane.frames[:length])).decode()
            rules.append(
                f".s{row}-{column}{{--step:{-scale * height}px;width:{scale * width}px;height:{scale * height}px;"
                f"background-size:{scale * width}px {scale * height * length}px;"
                f"background-image:url(data:image/webp;base64,{picture})}}"
            )
            strong = f' class="series strong"{coloured(pane.look)}' if pane.look and pane.look.strong else ""
            said = escape(", ".join([f"{clip.name}: {pane.title}", *pane.notes]))
            panes.append(
                f'<div{strong}><span class="sprite s{row}-{column}" role="img" aria-label="{said}"></span>'
                f"<b>{escape(pane.title)}</b>{'<br>'.join(map(escape, pane.notes))}</div>"
            )
        remark = f"<b>{escape(clip.remark)}</b>" if clip.remark else ""
        cards.append(
            f'<figure class="card"><figcaption><span>{escape(clip.name)}</span>{remark}</figcaption>'
            f'<div class="panes">{"".join(panes)}</div></figure>'
        )
    # The middle frame is the still where nothing may move.
    player = (
        f'<div class="player" data-fps="{fps:g}" hidden><button type="button" aria-label="One frame back">−1</button>'
        '<button type="button">Play</button><button type="button" aria-label="One frame on">+1</button>'
        f'<input type="range" min="0" max="{length - 1}" value="{length // 2}" aria-label="Frame">'
        "<output></output></div>"
    )
    left = [f"{len(shown)} of {len(clips)} clips"] if len(shown) < len(clips) else []
    left += [f"the first {length} frames"] if length < len(clips[0].panes[0].frames) else []
    said = f'<p class="explain">Shown: {", ".join(left)}.</p>' if left else ""
    moving = f"--frame:{length // 2};--count:{length};--loop:{length / fps:.3f}s"
    kind = "clips" if max(len(clip.panes) for clip in shown) > 3 else "clips grid2"
    return f'<style>{"".join(rules)}</style>{said}{player}<div class="{kind}" style="{moving}">{"".join(cards)}</div>'


def sprite(frames_THWC: np.ndarray) -> bytes:
    """The frames above one another as one lossless WebP of T x H rows.

    Args:
      frames_THWC: uint8 RGB, at most `most_frames(H)` of them.
    """
    from PIL import Image

    frames, height, width, channels = frames_THWC.shape
    out = io.BytesIO()
    tall = np.ascontiguousarray(frames_THWC).reshape(frames * height, width, channels)
    Image.fromarray(tall).save(out, format="WEBP", lossless=True, quality=100, method=4)
    return out.getvalue()


def fitting(clips: Sequence[Clip]) -> tuple[tuple[Clip, ...], int]:
    """As many of the clips, evenly spread, and as many of their first frames as a page can carry."""
    frames, height, width = clips[0].panes[0].frames.shape[:3]
    length = min(frames, most_frames(height))
    pixels = len(clips[0].panes) * length * height * width
    count = min(len(clips), max(1, MOST_PIXELS // pixels))
    return tuple(clips[index * len(clips) // count] for index in range(count)), length


def most_frames(height: int) -> int:
    """How many frames of that height one picture holds."""
    return max(1, TALLEST // height)
