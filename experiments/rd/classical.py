"""Classical codecs: the command of each, its four rates, and a clip through a real elementary stream and back.

Settings are section 2's of the specification: the slowest preset that is affordable, one closed GOP over the clip, one
thread (sizes then do not depend on the machine), raw elementary streams without the encoder's text about itself. Asked
for low delay they code frames in the order they are shown in, look at none ahead, and predict from one before.
"""

import math
import re
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.rd.config import WHOLE, Grouping
from experiments.rd.ffmpeg import Processes, encoders, ffmpeg_path, ffmpeg_version
from experiments.rd.schema import RateDistortion
from vqvae_jax.errors import UserError, one_line
from vqvae_jax.evaluation.coder import CodecError, Kind

# FFmpeg's own conversion, spelled out: what its users get, and what the specification's figures were made with. The
# flags accurate_rnd+full_chroma_int+full_chroma_inp would help every classical codec (`CONVERSION`).
TO_YUV = "scale=flags=bicubic:in_range=pc:out_range=tv:out_color_matrix=bt601,format={pixels}"
TO_RGB = "scale=flags=bicubic:in_range=tv:out_range=pc:in_color_matrix=bt601,format=rgb24"

# How the classical codecs are held back by this, and by how much: on six clips of UCF101's test split at 64x64.
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


@dataclass(frozen=True)
class Classical:
    """A codec of FFmpeg."""

    name: str  # on the command line
    title: str
    encoder: str  # FFmpeg's name
    suffix: str  # of the elementary stream
    rates: tuple[int, ...]
    option: str  # what varies: "crf" or "qp"
    arguments: tuple[str, ...]  # {gop}: frames of a group; {low_delay}: nothing, or what follows
    low_delay: str  # no frame coded before one that is shown earlier, no look at later ones, one reference
    low_delay_settings: str  # in words
    version: str  # regular expression over what FFmpeg says of a test picture
    settings: str  # in words
    pixels: str = "yuv420p"

    @property
    def format(self) -> str:
        """FFmpeg's name of the elementary stream's format."""
        return {"264": "h264", "265": "hevc", "266": "vvc"}.get(self.suffix, self.suffix)

    def described(self, grouping: Grouping) -> str:
        """All settings in words."""
        told = f"{self.settings}, {grouping.described}"
        return f"{told}, {self.low_delay_settings}" if grouping.low_delay else told


X264 = Classical(
    name="x264",
    title="x264",
    encoder="libx264",
    suffix="264",
    rates=(27, 31, 35, 39),
    option="crf",
    # x264 has no switch for its text (a SEI unit); its assembler gives sizes that vary with the CPU.
    arguments=(
        *("-preset", "veryslow", "-threads", "1"),
        *("-x264-params", "keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:asm=0{low_delay}"),
        *("-bsf:v", "filter_units=remove_types=6"),
    ),
    version=r"x264 - core (\S+)",
    settings="preset veryslow, default tuning, CRF, SEI units removed",
    low_delay=":bframes=0:ref=1:rc-lookahead=0:mbtree=0",
    low_delay_settings="P frames in order, one reference, no look-ahead and so no macroblock tree",
)
X265 = Classical(
    name="x265",
    title="x265",
    encoder="libx265",
    suffix="265",
    rates=(32, 36, 40, 44),
    option="crf",
    arguments=(
        *("-preset", "veryslow"),
        "-x265-params",
        "keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:info=0:pools=none:frame-threads=1:log-level=error"
        "{low_delay}",
    ),
    version=r"HEVC encoder version (\S+)",
    settings="preset veryslow, default tuning, CRF, info=0 (no SEI text)",
    low_delay=":bframes=0:ref=1:rc-lookahead=0:cutree=0",
    low_delay_settings="P frames in order, one reference, no look-ahead and so no coding-unit tree",
)
SVTAV1 = Classical(
    name="svtav1",
    title="SVT-AV1",
    encoder="libsvtav1",
    suffix="obu",
    rates=(40, 48, 56, 63),
    option="crf",
    arguments=("-preset", "2", "-g", "{gop}", "-svtav1-params", "lp=1{low_delay}"),
    version=r"SVT-AV1 Encoder Lib (\S+)",
    settings="preset 2, CRF",
    low_delay=":pred-struct=1",
    low_delay_settings="low-delay prediction structure, whose number of references cannot be set",
)
AV1 = Classical(
    name="av1",
    title="libaom AV1",
    encoder="libaom-av1",
    suffix="obu",
    rates=(45, 52, 58, 63),
    option="crf",
    arguments=(
        *("-cpu-used", "2", "-b:v", "0", "-g", "{gop}", "-keyint_min", "{gop}"),
        *("-threads", "1", "-row-mt", "0{low_delay}"),
    ),
    version=r"libaom-av1 @ \S+ (v\d\S*)",
    settings="cpu-used 2, CRF",
    low_delay=" -lag-in-frames 0 -aom-params max-reference-frames=3",
    low_delay_settings="no lag, three references, the fewest that it takes",
)
VVC = Classical(
    name="vvc",
    title="VVenC",
    encoder="libvvenc",
    suffix="266",
    rates=(28, 32, 36, 40),
    option="qp",
    arguments=(
        *("-preset", "medium", "-qpa", "0", "-threads", "1"),
        *("-vvenc-params", "intraperiod={gop}:refreshtype=idr:accessunitdelimiter=0{low_delay}"),
    ),
    version=r"libvvenc version: (\S+)",
    settings=(
        "preset medium (slow: 0 to 3 % fewer bytes on 5 clips for 1.7 times the CPU), QP, -qpa 0 (no perceptual "
        "optimisation), 10 bits, no access unit delimiters"
    ),
    low_delay=":refreshtype=none:gopsize=8:picreordering=0:poc0idr=1:numrefpics=1:mctf=0:bim=0",
    low_delay_settings="frames in order, one reference, no temporal filter, groups begun by intra frames",
    pixels="yuv420p10le",
)
FAMILY = {codec.name: codec for codec in (X264, X265, SVTAV1, AV1, VVC)}


def note(codec: Classical, grouping: Grouping = WHOLE) -> str:
    """What is and is not counted, for `CodecEntry.note`."""
    tuning = f" {TUNING}" if codec in (X264, X265) else ""
    return (
        f"{codec.described(grouping)}; one thread. Bytes of the raw .{codec.suffix} stream, parameter sets included, "
        f"no container. {CONVERSION}{tuning} FFmpeg {ffmpeg_version()}."
    )


def caveats(rd: RateDistortion) -> list[str]:
    """What a reader must know before comparing: a paragraph for each that concerns a codec with points in the file."""
    present = {codec for codec, entry in rd["codecs"].items() if entry["points"]}
    lines = [TUNING] if present & {"x264", "x265"} else []
    if any(entry["kind"] == "classical" and entry["points"] for entry in rd["codecs"].values()):
        lines.append(f"Classical codecs: {CONVERSION} Ours codes RGB, without chroma subsampling.")
    return lines


def encoder_version(codec: Classical) -> str:
    """The encoder's version in its own words.

    Raises:
      UserError: if this FFmpeg has no such encoder, or it does not run.
    """
    if codec.encoder not in encoders():
        raise UserError(f"this FFmpeg ({ffmpeg_version()}) has no {codec.encoder}")
    grey = bytes([128]) * 64 * 64 * 3
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x64", "-r", "16", "-i", "-"]
    command = [ffmpeg_path(), "-v", "verbose", *picture, "-c:v", codec.encoder, "-pix_fmt", codec.pixels]
    try:
        out, said = Processes(quiet=False).run([*command, "-f", codec.format, "-"], grey)
    except CodecError as error:
        raise UserError(f"{codec.encoder} does not run: {error}") from error
    found = re.search(codec.version, said) or re.search(codec.version, out.decode("latin-1"))
    return found[1] if found else f"of FFmpeg {ffmpeg_version()}"


class ClassicalCoder:
    """A codec at one rate; see `Coder`.

    Args:
      codec: of `FAMILY`.
      rate: CRF or QP.
      shape: (T, H, W, 3) of the clips.
      fps: frames per second.
      version: of `encoder_version`.
      processes: that run FFmpeg.
      grouping: of frames.
    """

    kind: Kind = "classical"

    def __init__(
        self,
        codec: Classical,
        rate: int,
        shape: tuple[int, ...],
        fps: float,
        version: str,
        processes: Processes,
        grouping: Grouping = WHOLE,
    ) -> None:
        self.family = self.codec = codec.name
        self.setting, self.suffix = f"{codec.option} {rate}", codec.suffix
        self._processes = processes
        self._encode = [*encode_arguments(codec, rate, shape, fps, grouping), "-f", codec.format]
        self.key = {"encoder": version, "ffmpeg": ffmpeg_version(), "arguments": self._encode}
        self.encode_command = shlex.join(["ffmpeg", *self._encode, "OUT"]) + " < IN"
        self.decode_command = shlex.join(["ffmpeg", *decode_arguments("IN")]) + " > OUT"

    def encode(self, clip_THWC: np.ndarray, path: Path) -> tuple[float, int | None]:
        started = time.monotonic()
        self._processes.run([ffmpeg_path(), *self._encode, str(path)], np.ascontiguousarray(clip_THWC).tobytes())
        return time.monotonic() - started, None

    def decode(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
        return decode_stream(self._processes, path, shape)


def decode_stream(processes: Processes, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
    """The clip that FFmpeg decodes from a stream alone, and the seconds of the process.

    Args:
      path: of the stream; its ending tells the format.
      shape: (T, H, W, 3) that the clip must have.

    Returns:
      uint8 RGB (T, H, W, 3); seconds.

    Raises:
      CodecError: if the decoder fails, or gives another number of frames or another size.
      Stopped: if the processes were stopped.
    """
    started = time.monotonic()
    out, said = processes.run([ffmpeg_path(), *decode_arguments(str(path))])
    seconds = time.monotonic() - started
    expected = math.prod(shape)
    if len(out) != expected:
        raise CodecError(f"decodes to {len(out):,} bytes of RGB, expected {expected:,}; {one_line(said.strip()):.100}")
    return np.frombuffer(out, np.uint8).reshape(shape), seconds


def encode_arguments(
    codec: Classical, rate: int, shape: tuple[int, ...], fps: float, grouping: Grouping = WHOLE
) -> list[str]:
    """FFmpeg's arguments up to the output's format; RGB frames come in on standard input."""
    frames, height, width = shape[:3]
    filled = {"gop": grouping.gop or frames, "low_delay": codec.low_delay if grouping.low_delay else ""}
    return [
        *("-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}"),
        *("-i", "-", "-vf", TO_YUV.format(pixels=codec.pixels), "-c:v", codec.encoder, f"-{codec.option}", str(rate)),
        *(argument for part in codec.arguments for argument in part.format(**filled).split(" ")),
    ]


def decode_arguments(path: str) -> list[str]:
    """FFmpeg's arguments that turn a stream into RGB frames on standard output, every frame once."""
    return [
        *("-v", "error", "-threads", "1", "-i", path, "-vf", TO_RGB),
        *("-fps_mode", "passthrough", "-f", "rawvideo", "-"),
    ]
