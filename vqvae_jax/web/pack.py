"""Models and programs for pages: a bundle without its encoder squeezed, all kernels, all modules in one script."""

import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np

from vqvae_jax.codec.bundle import FORMAT, read_bundle
from vqvae_jax.entropy.kernel.build import sources
from vqvae_jax.errors import UserError

FOLDER = Path(__file__).parent
MAGIC = b"MSVM"
_SAFETENSORS = {"int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32", "float32": "F32"}
#: What decoders do not need, by family: beginnings of tensors' names below weights/.
_ENCODER = {
    family: tuple(f"weights/{name}" for name in names.split())
    for family, names in {
        "": "params/stem/ params/encoder/ params/top_down/ params/top_encoder/ params/top_code/ params/bottom_code/",
        "ntc": "patches/ hinted/ analysis/ encoder/ encoder_context/ down/ coarse_encoder/ latent/ rate_encoder gains",
    }.items()
}
#: Families that a header may name; the first is that of files which name none.
PLAYED = frozenset({*_ENCODER, "msvqvae"})
_IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+\.js)";$', re.MULTILINE)


def pack_model(path: Path) -> bytes:
    """What `bundle.js` reads: the bundle's configuration and digest, and all tensors that a decoder needs.

    Raises:
      UserError: if it is no bundle, or of a family that `decoder.js` does not know.
    """
    bundle = read_bundle(path)
    if bundle.family not in _ENCODER:
        raise UserError(f"{path}: is of family {bundle.family}, which the player cannot decode")
    kept = {name: tensor for name, tensor in bundle.tensors.items() if not name.startswith(_ENCODER[bundle.family])}
    metadata = {"format": FORMAT, "format_version": bundle.version, "name": bundle.name, "digest": bundle.digest}
    metadata |= {"model": json.dumps(bundle.config, sort_keys=True), "family": bundle.family}
    listed: dict[str, object] = {"__metadata__": metadata}
    content, offset = [], 0
    for name, tensor in sorted(kept.items()):
        planes = np.ascontiguousarray(tensor).reshape(-1, 1).view(np.uint8).T.tobytes()
        span = [offset, offset + len(planes)]
        listed[name] = {"dtype": _SAFETENSORS[tensor.dtype.name], "shape": list(tensor.shape), "data_offsets": span}
        content.append(planes)
        offset = span[1]
    about = json.dumps(listed, separators=(",", ":")).encode()
    return MAGIC + zlib.compress(struct.pack("<I", len(about)) + about + b"".join(content), 9)


def kernels() -> dict[str, bytes]:
    """WebAssembly by name, as `loadModel` wants it."""
    return {source.stem: source.with_suffix(".wasm").read_bytes() for source in sources()}


def script(entry: str = "decoder.js") -> str:
    """A module and all that it imports, in one text without imports and exports.

    Raises:
      ValueError: if two modules have a top-level name in common.
    """
    texts: dict[str, str] = {}
    _gather(entry, texts)
    names = [name for text in texts.values() for name in top_level_names(text)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)}: top-level names of two modules")
    return "\n".join(re.sub(r"^export (default )?", "", text, flags=re.MULTILINE) for text in texts.values())


def top_level_names(text: str) -> list[str]:
    """What a module declares."""
    declared = r"^(?:export )?(?:async )?(?:function\*? ?|class |const |let )(\w+)"
    return re.findall(declared, text, re.MULTILINE)


def _gather(module: str, texts: dict[str, str]) -> None:
    """Adds a module behind those that it imports."""
    if module in texts:
        return
    text = (FOLDER / module).read_text()
    for _, other in _IMPORT.findall(text):
        _gather(other, texts)
    texts[module] = _IMPORT.sub("", text)
