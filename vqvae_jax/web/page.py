"""The player's page: files of this folder, a model and perhaps a video put together into one that opens from disk."""

import base64
import hashlib
import json
import re
from pathlib import Path

from vqvae_jax.web.pack import FOLDER, kernels, pack_model, script

_SLOT = re.compile(r"\{\{(\w+)\}\}")


def player_page(bundle: Path, named: str, video: Path | None = None) -> bytes:
    """One HTML file that fetches nothing: program, worker, WebAssembly, model and video are inside it.

    Args:
      bundle: file of the model.
      named: what the page calls it.
      video: an .msv file that it opens at once.

    Raises:
      UserError: if the bundle is none, or of a family that no page can decode.
      OSError: if the video cannot be read.
    """
    program = script("player.js")
    digest = _text64(hashlib.sha256(program.encode()).digest())
    # Nothing but this script, its worker and their WebAssembly can run, and nothing can be sent anywhere.
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; worker-src blob:; "
        f"script-src 'sha256-{digest}' 'wasm-unsafe-eval'"
    )
    setup = {
        "bundle": named,
        "video": None if video is None else video.name,
        "kernels": {name: _text64(content) for name, content in kernels().items()},
    }
    slots = {
        "policy": policy,
        "style": (FOLDER / "style.css").read_text(encoding="utf-8"),
        "script": program,
        "setup": _text64(json.dumps(setup).encode()),
        "weights": _text64(pack_model(bundle)),
        "worker": _text64(script("worker.js").encode()),
        "clip": "" if video is None else _text64(video.read_bytes()),
    }
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    return _SLOT.sub(lambda slot: slots[slot[1]], page).encode()


def _text64(content: bytes) -> str:
    return base64.b64encode(content).decode()
