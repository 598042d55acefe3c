"""The player's page in Chromium, as tests use it: files chosen, keys pressed, frames read from its canvas."""

import base64
from pathlib import Path
from typing import Any

import numpy as np

from tests.web.chromium import Chromium
from vqvae_jax.codec.decoder import Decoder

TOKENS = Path(__file__).parents[1] / "codec" / "golden"
CODES = {" ": "Space", "\t": "Tab"}


class PlayerTab:
    """A page that is open; frames count from 0."""

    def __init__(self, chromium: Chromium, page: Path) -> None:
        self.chromium = chromium
        chromium.call("Page.navigate", url=page.as_uri())
        chromium.wait("location.protocol === 'file:' && document.readyState === 'complete'")

    def choose(self, file: Path) -> None:
        """A file by its button's dialogue."""
        root = self.chromium.call("DOM.getDocument")["root"]["nodeId"]
        node = self.chromium.call("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
        self.chromium.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])
        self.wait(f"document.title === {str(file.name)!r}")

    def opened(self, file: Path) -> None:
        """Chosen, and its first frame is there."""
        self.choose(file)
        self.shown(0)

    def wait(self, condition: str) -> None:
        self.chromium.wait(condition)

    def element(self, name: str, what: str = "textContent") -> str:
        """Some property of an element."""
        found: str = self.chromium.value(f"document.getElementById('{name}').{what}")
        return found

    def shown(self, frame: int, how: str = "whole") -> np.ndarray:
        """The canvas (H, W, 3) once it shows a frame: whole, a preview, or damaged."""
        self.wait(f"picture.dataset.frame === '{frame}' && picture.dataset.shown === '{how}'")
        return self.canvas()

    def canvas(self) -> np.ndarray:
        read = """(() => {
          const { data } = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height);
          return [picture.height, picture.width, btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""))];
        })()"""
        height, width, text = self.chromium.value(read)
        rgba = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
        assert (rgba[..., 3] == 255).all()
        return rgba[..., :3]

    def seek(self, frame: int) -> None:
        """By the slider."""
        self.chromium.value(f"seek.value = {frame + 1}, seek.dispatchEvent(new Event('input'))")

    def press(self, key: str, shift: bool = False) -> None:
        event = {"key": key, "code": CODES.get(key, key), "modifiers": 8 * shift}
        if key == " ":
            event |= {"text": " ", "windowsVirtualKeyCode": 32}
        if key == "\t":
            event |= {"windowsVirtualKeyCode": 9}
        self.chromium.call("Input.dispatchKeyEvent", type="keyDown", **event)
        self.chromium.call("Input.dispatchKeyEvent", type="keyUp", **event)


def decoded(model: Any, path: Path) -> np.ndarray:
    """Frames by Python, (T, H, W, 3)."""
    with Decoder(model, path) as decoder:
        return np.stack(list(decoder.frames())).astype(int)


def within_one_level(picture: np.ndarray, frame: np.ndarray) -> bool:
    """Whether no value differs by more: floats are added up in another order."""
    return bool(np.abs(picture.astype(int) - frame).max() <= 1)
