"""The result in words: as one HTML file (`rd.html`) and as Markdown (`rd.md`)."""

from experiments.rd.charts import charts, has_payload, looks
from experiments.rd.classical import caveats
from experiments.rd.clips import Moving, Shown
from experiments.rd.clips import Pane as ShownPane
from experiments.rd.schema import Added, RateDistortion, first_learned
from experiments.rd.summary import Summary
from experiments.rd.tables import headlines, settings_table, tables
from vqvae_jax.report.page import card, explorer, facts, items, page, section, stack, table_section
from vqvae_jax.report.sprites import Clip, Pane, sprites
from vqvae_jax.report.table import bullets, markdown


def render(rd: RateDistortion, summary: Summary, shown: Shown) -> str:
    """The page as text."""
    frames, height, width = rd["data"]["clip_shape"][:3]
    fps = "their native rate" if rd["data"]["fps"] is None else f"{rd['data']['fps']:g} frames/s"
    codecs = ", ".join(entry["title"] for entry in rd["codecs"].values() if entry["points"])
    ours = {entry["title"] for entry in rd["codecs"].values() if entry["kind"] == "learned"}
    hollow = "A hollow marker is the payload alone, without header and index." if has_payload(rd) else ""
    curves = explorer(charts(rd)) or items(["No codec has a point."])
    settings = settings_table(rd)
    cards = [
        card(facts(zip(settings.header[3:], map(str, row[3:]), strict=True), commands=True), *map(str, row[:3]))
        for row in settings.rows  # a table would have columns too narrow for commands
    ]
    return page(
        _title(rd),
        f"{codecs}; {frames} frames of {width}×{height} at {fps}; sizes of real files, decoded from the file alone",
        headlines(rd, summary),
        [
            section("Curves", f"Better is up and to the left. {hollow}", curves),
            section("Clips at matched rate", _matched(rd, shown), _clips(rd, shown)),
            section("Before comparing", "", items(caveats(rd))),
            *(table_section(table, ours) for table in tables(rd, summary)),
            section("What is missing, and why", "", items([*summary["missing"], *shown.missing] or ["Nothing."])),
            section(settings.title, settings.explanation, stack(cards)),
            section("How it was made", "", card(facts(_facts(rd)))),
        ],
    )


def report(rd: RateDistortion, summary: Summary, shown: Shown, moving: Moving | None) -> str:
    """`rd.md`; pictures are named as files beside it.

    Args:
      rd: the file.
      summary: of it.
      shown: the clips of the pictures.
      moving: the moving picture, None without clips.
    """
    frames, height, width = rd["data"]["clip_shape"][:3]
    parts = [
        f"# {_title(rd)}\n\n{frames} frames of {width}×{height}; data digest `{rd['data']['digest']}`; measured "
        f"{rd['date']} by\n\n    {rd['command']}\n",
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
        parts.append(f"## Before comparing\n\n{bullets(lines)}\n")
    parts += [markdown(table) for table in tables(rd, summary)]
    missing = bullets([*summary["missing"], *shown.missing], none="Nothing.")
    return "\n".join([*parts, f"## What is missing, and why\n\n{missing}\n", markdown(settings_table(rd))])


def _title(rd: RateDistortion) -> str:
    return f"Rate and distortion on {len(rd['data']['clip_ids'])} {rd['data']['split']} clips"


def _matched(rd: RateDistortion, shown: Shown) -> str:
    ours = first_learned(rd["codecs"])
    whose = f"the first point of {ours['title']}" if ours is not None else "the anchor's middle point"
    return (
        f"Every codec at its point whose mean rate over all clips is nearest to {shown.rate or 0:.4f} bpp, the rate of "
        f"{whose}, whole files; under each picture that clip's own PSNR and size. Pixels are enlarged, not "
        "smoothed, and stored without loss."
    )


def _clips(rd: RateDistortion, shown: Shown) -> str:
    styles = looks(rd["codecs"])

    def pane(shown: ShownPane) -> Pane:
        notes = filter(None, [shown.setting, *shown.figures])
        return Pane(shown.title, shown.frames, tuple(notes), styles.get(shown.codec or ""))

    return sprites([Clip(clip.clip_id, tuple(map(pane, clip.panes))) for clip in shown.clips], shown.fps)


def _facts(rd: RateDistortion) -> list[tuple[str, str]]:
    hardware, data = rd["hardware"], rd["data"]
    return [
        ("Command", rd["command"]),
        ("Clips", f"{len(data['clip_ids'])} of {data['clips_in_split']} in the {data['split']} split"),
        ("Their digest", data["digest"]),
        ("Perceptual trunk", rd["perceptual"]["trunk"] or f"none: {rd['perceptual']['reason']}"),
        ("Measured on", f"{hardware['devices']} × {hardware['device']}, {hardware['cores']} cores"),
        ("Measured at", rd["date"]),
        ("Versions", ", ".join(f"{name} {version}" for name, version in rd["versions"].items())),
        *((f"{', '.join(earlier['codecs'])}, earlier", _earlier(earlier)) for earlier in rd["added"]),
    ]


def _earlier(added: Added) -> str:
    hardware = added["hardware"]
    return f"{added['command']}; {added['date']}, {hardware['devices']} × {hardware['device']}"
