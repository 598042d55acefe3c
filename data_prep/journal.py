"""What became of every file: kept in memory, and as lines of a work folder or a part."""

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.config import PrepConfig
from data_prep.decode import Decoded, Unusable
from data_prep.frames_file import Layout
from vqvae_jax.config import to_dict
from vqvae_jax.data.names import Source
from vqvae_jax.data.work_folder import unit_path
from vqvae_jax.errors import UserError

_HEX = re.compile(r"[0-9a-f]*")
_OF_A_MACHINE = ("videos", "out", "workers", "runner", "shard")  # options that may differ from part to part
_DECODERS = {"pyav": "av", "opencv": "opencv-python-headless"}


class Found(NamedTuple):
    """A file and what became of it."""

    source: Source
    result: Decoded | Unusable
    home: Path  # the folder of units that its frames are in

    @property
    def frames_file(self) -> Path:
        return unit_path(self.home, self.source.path)

    @property
    def is_there(self) -> bool:
        """Whether the frames are, where there should be some."""
        return isinstance(self.result, Unusable) or self.frames_file.is_file()


def layout_of(config: PrepConfig) -> Layout:
    """How frames of this data set lie in their files."""
    height, width = config.height_width
    return Layout(height * width * 3, config.frames, config.step, config.format == "arrayrecord")


def about(config: PrepConfig) -> dict[str, Any]:
    """All that decides what is in a frames file, as JSON values."""
    # Another version of these may give other pictures.
    libraries = (_DECODERS[config.decoder], "numpy", {"pillow": "Pillow", "scipy": "scipy"}[config.resize])
    return {
        "program": "data_prep 2",  # 1: OpenCV's times and colours
        "fps": config.fps,
        "frames": config.frames,
        "hop": config.step,
        "size": list(config.height_width),
        "resize": config.resize,
        "decoder": config.decoder,
        "format": config.format,
        "libraries": {name: metadata.version(name) for name in libraries},
    }


def shared_options(config: PrepConfig) -> dict[str, Any]:
    """The options that must be the same in all parts of a data set, as JSON values."""
    return {name: value for name, value in to_dict(config).items() if name not in _OF_A_MACHINE}


def from_shared_options(options: Mapping[str, Any], videos: Path, out: Path, workers: int) -> PrepConfig:
    """The inverse of `shared_options`.

    Raises:
      UserError: if an option is unknown, missing or outside its allowed values.
    """
    try:
        ratios = tuple(map(float, options["ratios"]))
        return PrepConfig(**{**options, "ratios": ratios, "videos": videos, "out": out, "workers": workers})
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"the options of {videos} cannot be read ({error}); make that part again") from error


def to_entry(source: Source, result: Decoded | Unusable, stamped: list[int] | None = None) -> dict[str, Any]:
    """JSON values."""
    values = result._asdict()
    if isinstance(result, Decoded):
        values["hashes"] = "".join(f"{value:016x}" for value in result.hashes)
    return {**source._asdict(), "stamp": stamped, "result": values}


def from_entry(entry: Mapping[str, Any], home: Path) -> Found | None:
    """The inverse of `to_entry`; none if the entry is not one."""
    try:
        number = entry["number"]
        source = Source(_text(entry["path"]), _text(entry["label"]), _text(entry["group"]), number)
        values = entry["result"]
        if number is not None:
            _whole(number)
        if set(values) == {"reason"}:
            return Found(source, Unusable(_text(values["reason"])), home)
        result = Decoded(**values | {"hashes": _hashes(values["hashes"])})
        for name, kind in Decoded.__annotations__.items():
            if kind is int:
                _whole(getattr(result, name))
        if not 0 < float(result.fps) < float("inf") or not result.frames:
            return None
        if not all(len(d) == 64 and _HEX.fullmatch(d) for d in (result.source_sha256, result.content_sha256)):
            return None
        return Found(source, result, home)
    except (KeyError, TypeError, ValueError):
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: object) -> None:
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(value)


def _hashes(text: str) -> tuple[int, ...]:
    return tuple(int(text[at : at + 16], 16) for at in range(0, len(text), 16))
