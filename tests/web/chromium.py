"""A real Chromium without a window, driven over `--remote-debugging-pipe`: JSON between zero bytes, no package."""

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

SECONDS = 600  # no verdict: what hangs ends
PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed (Debian's package chromium)")


class Chromium:
    """One tab."""

    def __init__(self, profile: Path) -> None:
        (theirs_in, self._out), (self._in, theirs_out) = os.pipe(), os.pipe()
        # The pipe is at descriptors 3 and 4, which Python does not give out by number; as root there is no sandbox.
        shell = ["sh", "-c", f'exec "$@" 3</dev/fd/{theirs_in} 4>/dev/fd/{theirs_out}', "sh", str(PROGRAM)]
        # Shared memory in files of /tmp: where /dev/shm is small, as in containers, pages die in the midst of a test.
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command = [*shell, *options, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self._log = profile / "stderr.txt"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out), stderr=log)
        os.close(theirs_in)
        os.close(theirs_out)
        self._read, self._count, self._session = b"", 0, {}
        self.exceptions: list[Any] = []
        (tab,) = (t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=tab["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Runtime", "Page", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters, **self._session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._message()).get("id") != self._count:
            # A page whose process has died answers nothing any more.
            assert answer.get("method") != "Inspector.targetCrashed", self._words("the page's process has died")
            if answer.get("method") == "Runtime.exceptionThrown":
                self.exceptions.append(answer["params"]["exceptionDetails"])
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def value(self, expression: str) -> Any:
        """Of JavaScript in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until JavaScript in the page says so."""
        end = time.monotonic() + SECONDS
        while not self.value(condition):
            assert time.monotonic() < end and not self.exceptions, (condition, self.exceptions, self.value("body"))
            time.sleep(0.01)

    def close(self) -> None:
        self.call("Browser.close")
        self._process.wait(SECONDS)
        os.close(self._out)
        os.close(self._in)

    def _words(self, what: str) -> str:
        return f"{what}; its log ends with: {self._log.read_text(errors='replace')[-2000:]}"

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            assert select.select([self._in], [], [], SECONDS)[0], self._words("Chromium says nothing")
            read = os.read(self._in, 2**20)
            assert read, self._words("Chromium has ended")
            self._read += read
        message, self._read = self._read.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found
