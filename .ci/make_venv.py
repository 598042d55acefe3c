"""Makes a virtual environment with pip in it, also where Debian's python3-venv (the `ensurepip` module) is missing.

python3 .ci/make_venv.py DIR

Standard library only. Without `ensurepip`, pip is fetched from the package index that pip itself would use
($PIP_INDEX_URL, else the public one) and installed only if its SHA-256 is the one below.
"""

import hashlib
import importlib.util
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import venv
from pathlib import Path

PIP_WHEEL = "pip-26.2.1-py3-none-any.whl"
PIP_SHA256 = "71138adf1f4ca900cdb7d289c21b7494329f2332b6d85f0e1c42108c0384ed3e"
PUBLIC_INDEX = "https://pypi.org/simple"


def fetch(url: str) -> bytes:
    """The bytes at `url`."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.read()
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ssl.SSLCertVerificationError):
            raise
        # Bare Debian has no certificate store. What makes the download trustworthy is the digest, not the channel.
        with urllib.request.urlopen(url, timeout=60, context=ssl._create_unverified_context()) as response:
            return response.read()


def fetch_pip_wheel(folder: Path) -> Path:
    """Downloads the pinned pip wheel into `folder`; exits with one line if that fails."""
    index = os.environ.get("PIP_INDEX_URL", PUBLIC_INDEX).rstrip("/") + "/pip/"
    advice = "install it with: apt-get install python3-venv"
    try:
        link = re.search(rf'href="([^"]*{re.escape(PIP_WHEEL)}[^"]*)"', fetch(index).decode())
        if link is None:
            sys.exit(f"setup: this Python has no ensurepip, and the package index has no {PIP_WHEEL}; {advice}")
        wheel = fetch(urllib.parse.urljoin(index, link[1]).partition("#")[0])
    except OSError as error:
        sys.exit(f"setup: this Python has no ensurepip, and pip could not be fetched ({error}); {advice}")
    if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
        sys.exit(f"setup: the {PIP_WHEEL} that the package index serves has another SHA-256 than pinned; {advice}")
    path = folder / PIP_WHEEL
    path.write_bytes(wheel)
    return path


def main() -> None:
    target = Path(sys.argv[1])
    has_ensurepip = importlib.util.find_spec("ensurepip") is not None
    venv.create(target, with_pip=has_ensurepip, clear=True, symlinks=True)
    if not has_ensurepip:
        with tempfile.TemporaryDirectory() as folder:
            wheel = fetch_pip_wheel(Path(folder))
            # A wheel is a zip file, and pip runs from inside its own.
            install = ["install", "--quiet", "--no-index", "--no-deps", str(wheel)]
            subprocess.run([str(target / "bin" / "python"), str(wheel / "pip"), *install], check=True)


if __name__ == "__main__":
    main()
