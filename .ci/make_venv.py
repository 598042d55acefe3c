"""Makes a virtual environment with pip in it, also where Debian's python3-venv (the `ensurepip` module) is missing.

python3 .ci/make_venv.py DIR

Standard library only. Without `ensurepip`, in this order: the pip of this Python installs into the new environment; as
root on Debian, python3-venv is installed with apt-get; else one line says what to do.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ADVICE = "setup: this Python can make no virtual environment with pip; as root: apt-get install python3-venv"


def has(module: str) -> bool:
    """Whether this Python has a module."""
    return importlib.util.find_spec(module) is not None


def install_with_own_pip(target: Path) -> bool:
    """Lets the pip of this Python install pip into the environment, from wherever it is set up to look."""
    python = str(target / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "pip"]
    return has("pip") and subprocess.run(command).returncode == 0


def install_debian_package() -> bool:
    """Installs Debian's package for virtual environments; needs root and apt-get."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    print("setup: installing python3-venv with apt-get", flush=True)
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    commands = [["apt-get", "update", "-q"], ["apt-get", "install", "-qy", package]]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    codes = [subprocess.run(words, env=environment, stdout=subprocess.DEVNULL).returncode for words in commands]
    return codes[-1] == 0


def main() -> None:
    target = Path(sys.argv[1])
    if has("ensurepip"):
        venv.create(target, with_pip=True, clear=True, symlinks=True)
        return
    venv.create(target, with_pip=False, clear=True, symlinks=True)
    if install_with_own_pip(target):
        return
    if not install_debian_package():
        sys.exit(ADVICE)
    # A new process: this one has looked for ensurepip before it was there.
    sys.exit(subprocess.run([sys.executable, "-m", "venv", "--clear", str(target)]).returncode)


if __name__ == "__main__":
    main()
