"""What a reader must know before comparing: how the classical codecs are held back here, and by how much.

Measured on six clips of UCF101's test split at 64x64, with the FFmpeg and settings of `classical`.
"""

from experiments.rd.schema import RateDistortion

TUNING = (
    "x264 and x265 run at their default tuning: psychovisual optimisation and adaptive quantisation spend bits on what "
    "PSNR and SSIM do not see, while VVenC's counterpart is off (-qpa 0). At 26.3 dB on 6 test clips of 64x64, "
    "-tune psnr needs 5 % fewer bits for x265 (0.1126 instead of 0.1190 bpp) and 11 % fewer for x264 (0.1064 instead "
    "of 0.1192)."
)
CONVERSION_COST = (
    "The conversion alone, without coding, leaves 38.75 dB on 6 test clips of 64x64, and 42.35 dB with the scaler's "
    "accurate flags; x265 at CRF 38 has 25.96 dB at 0.1117 bpp by default, 26.09 dB at 0.1136 bpp with them."
)
CONVERSION = (
    f"RGB to BT.601 limited-range 4:2:0 and back by FFmpeg's bicubic scaler at its default flags. {CONVERSION_COST}"
)


def caveats(rd: RateDistortion) -> list[str]:
    """A paragraph for each that concerns a codec with points in the file."""
    present = {codec for codec, entry in rd["codecs"].items() if entry["points"]}
    lines = [TUNING] if present & {"x264", "x265"} else []
    if any(entry["kind"] == "classical" and entry["points"] for entry in rd["codecs"].values()):
        lines.append(f"Classical codecs: {CONVERSION} Ours codes RGB, without chroma subsampling.")
    return lines
