"""What the figures were made with: machine and versions."""

import os
import platform
from importlib import metadata

import jax

from vqvae_jax.evaluation.schema import Hardware

PACKAGES = ("vqvae_jax", "jax", "jaxlib", "flax", "numpy")


def hardware() -> Hardware:
    """The local devices."""
    device = jax.local_devices()[0]
    return {
        "platform": device.platform,
        "device": device.device_kind,
        "devices": jax.local_device_count(),
        "cores": os.cpu_count() or 1,
    }


def versions() -> dict[str, str]:
    """Python and the packages that decide the numbers."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a checkout that is not installed
