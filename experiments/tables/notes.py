"""What a reader of a table must know: where the paper disagrees with itself, and where we differ from it."""

from collections.abc import Mapping
from typing import Any

from experiments.tables.paper import TABLES, PaperTable
from experiments.tables.schema import Table

Card = Mapping[str, Any]


def notes(table: Table, paper: PaperTable, training_card: Card, measured_card: Card) -> list[str]:
    """The notes below a table, each one paragraph."""
    return [
        *_evidence(table, paper),
        *_data(table, training_card, measured_card),
        *_rates(table),
        *_contradictions(paper.number),
    ]


def _evidence(table: Table, paper: PaperTable) -> list[str]:
    runs = [row["run"] for row in table["rows"] if row["run"] is not None]
    seeds = sorted({run["seed"] for run in runs})
    data = table["data"]
    lines = [
        "One run of one seed stands behind each cell"
        + (f" (seed {', '.join(map(str, seeds))})" if seeds else "")
        + ": differences between rows carry no statement of significance.",
        "Measured at the last step of each run, fixed in advance, not at the best by validation. PSNR (peak 255, 8-bit "
        "RGB) and SSIM (scikit-image's defaults, 7x7) of every frame, mean over the frames of a clip, then over clips.",
    ]
    if 0 < data["clips"] < data["clips_in_split"]:
        lines.append(
            f"Only {data['clips']} of {data['clips_in_split']} clips of the {data['split']} split, evenly spread, are "
            "measured."
        )
    lines.append(f"The paper's {data['split']} split has {paper.clips:,} clips.")
    known = [f"{b['name'].replace('_', ' ')} {b['psnr']:.2f} dB" for b in table["baselines"] if b["psnr"] is not None]
    if known:
        lines.append(f"Without any learning, on the same clips: {', '.join(known)}.")
    return lines


def _data(table: Table, training: Card, measured: Card) -> list[str]:
    lines = [f"Measured clips: {_describe(measured)}."]
    if table["training_data"] != table["data"]["folder"]:
        lines.append(
            f"Training clips come from another data set, {table['training_data']}: {_describe(training)}. Whether a "
            "video of one is in the other is for the two cards to say."
        )
    lines.append(
        "The paper: 32 frames of 64x64, said to be 16 frames/s, though its 71,240 clips fit UCF101's native rate; "
        "bicubic by SciPy, which does not antialias; 70/15/15 % by video within each class. UCF101's videos come in "
        "groups cut from one source, so a split by video has near copies on both sides."
    )
    return lines


def _describe(card: Card) -> str:
    parameters = card.get("parameters", {})
    if not parameters:
        return "their card does not say how they were made"
    fps = card.get("fps")
    rate = f"{fps:g} frames/s" if isinstance(fps, int | float) else "native frame rate"
    resize = {"pillow": "Pillow's bicubic (antialiased)", "scipy": "SciPy's spline of order 3 (not antialiased)"}
    groups = f", test groups {parameters['test_groups']}" if parameters.get("test_groups") else ""
    return (
        f"{'x'.join(map(str, card['clip_shape'][:3]))}, {rate}, resized by "
        f"{resize.get(parameters.get('resize'), parameters.get('resize'))}, split by {parameters.get('split')}{groups}"
    )


def _rates(table: Table) -> list[str]:
    lines = [
        "bpp are bits per pixel of one frame. Formula: every index costs log2 K, the paper's definition. DEFLATE: zlib "
        "level 9 over uint16 indices, one stream per clip. Entropy: zero order, each level over all clips."
    ]
    rates = {row["ours"]["formula_bpp"] for row in table["rows"] if row["ours"] is not None}
    if len(rates) > 1:
        lines.append("Rows differ in rate as well as in quality: PSNR at unequal bpp do not rank models.")
    h264 = table["h264"]
    if table["table"] == 1:
        lines.append(
            "The paper states no denominator for its 0.48x. Ours are named: 24 bits per raw pixel, and the same clips "
            "as H.264, whose quality is not the model's."
        )
        if h264 is not None:
            size = f"{h264['bpp']:.4f} bpp" if h264["bpp"] is not None else f"not measured: {h264['reason']}"
            lines.append(f"H.264: {h264['settings'] or 'libx264'}; {size}.")
    lines.append(
        "Params (M) count what gradients move and the codebooks' entries together; the paper does not say whether "
        "its figure has the codebooks in it."
    )
    return lines


def _contradictions(number: int) -> list[str]:
    two = {row.role: row for row in TABLES[2].rows}
    differing = [
        f"{three.label} {three.psnr:.2f} dB / {three.ssim:.4f} against {two[three.role].psnr:.2f} / "
        f"{two[three.role].ssim:.4f}"
        for three in TABLES[3].rows
        if (three.psnr, three.ssim) != (two[three.role].psnr, two[three.role].ssim)
    ]
    full = two["msvqvae"]
    lines = [
        f"The paper's tables 3 and 2 disagree on {len(differing)} of {len(two)} shared rows: {'; '.join(differing)}."
    ]
    if number == 1:
        test = TABLES[1].rows[0]
        lines = [
            f"The paper's SSIM on test clips, {test.ssim}, and on validation clips, {full.ssim}, are too far apart for "
            "one protocol."
        ]
    if number == 3:
        without = next(row for row in TABLES[3].rows if row.role == "vqvae2")
        lines.append(
            'The paper\'s text says that the model without the perceptual loss keeps "a similar PSNR"; its table says '
            f"{without.psnr - full.psnr:.2f} dB."
        )
    return lines
