"""Names of codecs in results: ours appears as `msvqvae`, or once for each model, as `msvqvae:NAME`."""

from collections.abc import Mapping

from experiments.rd.schema import CodecEntry

OURS = "msvqvae"
OUR_SUFFIX = "msv"


def family(codec: str) -> str:
    """The codec as on the command line: without the model's name."""
    return codec.partition(":")[0]


def is_ours(codec: str | None) -> bool:
    """Whether the codec is ours, whatever its model; None, the original, is not."""
    return codec is not None and family(codec) == OURS


def first_of_ours(codecs: Mapping[str, CodecEntry]) -> CodecEntry | None:
    """Our first model that has points."""
    return next((entry for name, entry in codecs.items() if is_ours(name) and entry["points"]), None)
