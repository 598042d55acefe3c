"""Clips that move side by side in a page, in step: all frames of a clip are one tall picture, moved by one number."""

import base64
import io
import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from vqvae_jax.report.chart import Look
from vqvae_jax.report.svg import coloured

MOST_PIXELS = 12_000_000  # of all pictures on a page: about a byte each
TALLEST = 16383  # pixels, of a WebP
NARROWEST, WIDEST = 96, 256  # pixels of a pane on the page, to which smaller frames are enlarged
GAP = 6  # pixels between panes


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
            picture = base64.b64encode(sprite(pane.frames[:length])).decode()
            rules.append(f".s{row}-{column}{{background-image:url(data:image/webp;base64,{picture})}}")
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
    height, width = shown[0].panes[0].frames.shape[1:3]
    found = list(layouts(max(len(clip.panes) for clip in shown), width))
    rules += [f"@container (min-width:{room}px){{.panes{{--columns:{n};--zoom:{zoom:g}}}}}" for room, n, zoom in found]
    moving = f"--frame:{length // 2};--count:{length};--loop:{length / fps:.3f}s"
    # Until a layout has room: one pane a row, as wide as the screen allows.
    placed = f"--columns:1;--zoom:{found[0][2]:g};--width:{width}px;--shape:{width}/{height};--room:{found[-1][0]}px"
    return (
        f'<style>{"".join(rules)}</style>{said}{player}<div class="clips" style="{moving};{placed}">'
        f"{''.join(cards)}</div>"
    )


def layouts(panes: int, width: int) -> Iterator[tuple[int, int, float]]:
    """Room in pixels, panes in a row and enlargement; where several have room the last is the best.

    Frames are enlarged by whole factors, or by a half more where that lets a phone, which has several dots to a pixel,
    show them all in one row. No layout leaves a quarter of its places empty: of three panes none stands alone.

    Args:
      panes: of a clip.
      width: of its frames, pixels.
    """
    factors = [float(n) for n in range(1, WIDEST // width + 1)] or [1.0]
    factors = sorted([*factors, *[1.5] * (width < NARROWEST <= 1.5 * width)])
    for columns in range(1, panes + 1):
        if 3 * (-panes % columns) < panes:
            for zoom in factors:
                if zoom * width >= NARROWEST:
                    yield math.ceil(columns * zoom * width) + (columns - 1) * GAP, columns, zoom


def sprite(frames_THWC: np.ndarray) -> bytes:
    """The frames above one another as one lossless WebP of T x H rows.

    Args:
      frames_THWC: uint8 RGB, at most `most_frames(H)` of them.
    """
    from PIL import Image

    frames, height, width, channels = frames_THWC.shape
    out = io.BytesIO()
    tall = np.ascontiguousarray(frames_THWC).reshape(frames * height, width, channels)
    # Method 4 takes 30 times as long, and of clips its files are larger.
    Image.fromarray(tall).save(out, format="WEBP", lossless=True, quality=100, method=0)
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
