"""Names of codecs in results: one of FFmpeg's, a model family, or FAMILY:NAME for each of several models."""

from collections.abc import Mapping

from experiments.rd.schema import CodecEntry

CLASSICAL = ("x264", "x265", "svtav1", "av1", "vvc")


def family(codec: str) -> str:
    """The codec as on the command line: without the model's name."""
    return codec.partition(":")[0]


def kind(codec: str) -> str:
    """What a codec is by its name alone, for files that do not say it: "classical" or "learned"."""
    return "classical" if codec in CLASSICAL else "learned"


def first_learned(codecs: Mapping[str, CodecEntry]) -> CodecEntry | None:
    """The first model that has points."""
    return next((entry for entry in codecs.values() if entry["kind"] == "learned" and entry["points"]), None)
