"""The result as Markdown: what it says, the figure, the tables, settings, what is missing."""

from experiments.rd.caveats import caveats
from experiments.rd.clips import Shown
from experiments.rd.pictures import Moving
from experiments.rd.schema import RateDistortion
from experiments.rd.summary import Summary
from experiments.rd.tables import headlines, markdown, settings_table, tables


def report(rd: RateDistortion, summary: Summary, shown: Shown, moving: Moving | None) -> str:
    """`rd.md`; pictures are named as files beside it.

    Args:
      rd: the file.
      summary: of it.
      shown: the clips of the pictures.
      moving: the moving picture, None without clips.
    """
    data = rd["data"]
    frames, height, width = data["clip_shape"][:3]
    parts = [
        f"# Rate and distortion on {len(data['clip_ids'])} {data['split']} clips\n\n"
        f"{frames} frames of {width}×{height}; data digest `{data['digest']}`; measured {rd['date']} by\n\n"
        f"    {rd['command']}\n",
        *(f"{line}\n" for line in headlines(rd, summary)),
        "![Quality against bits per pixel](rd.png)\n",
    ]
    if moving is not None:
        stored = "without loss" if moving.lossless else "with loss (WebP quality 90): its artefacts come on top"
        parts.append(
            f"![Clips side by side](rd_moving.webp)\n\nEvery codec at its point nearest to {shown.rate:.4f} bpp; "
            f"pixels enlarged, the picture stored {stored}.\n"
        )
    if lines := caveats(rd):
        parts.append("## Before comparing\n\n" + "\n".join(f"- {line}" for line in lines) + "\n")
    parts += [markdown(table) for table in tables(rd, summary)]
    lines = [*summary["missing"], *shown.missing]
    parts.append("## What is missing, and why\n\n" + ("\n".join(f"- {line}" for line in lines) or "Nothing.") + "\n")
    parts.append(markdown(settings_table(rd)))
    return "\n".join(parts)
