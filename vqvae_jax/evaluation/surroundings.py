"""What the figures were made with: machine and versions."""

import os
import platform
from importlib import metadata

import jax

from vqvae_jax import __version__
from vqvae_jax.evaluation.schema import Hardware

PACKAGES = ("jax", "jaxlib", "flax", "numpy")


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
    ours = {"python": platform.python_version(), "vqvae_jax": __version__}
    return ours | {name: metadata.version(name) for name in PACKAGES}
