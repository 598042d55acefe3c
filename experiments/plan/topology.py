"""Chips that are not here: `v5e:4x4`, `h100:8`; their compilers, their memory and their peak."""

import importlib.util
import os
import re
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from vqvae_jax.config import check
from vqvae_jax.errors import UserError


class Chip(NamedTuple):
    """One accelerator, by its maker's data sheet."""

    title: str
    platform: str  # jax's: "tpu", "cuda"
    memory: int  # bytes
    flops: float  # bf16, dense, a second
    least: tuple[int, ...] = ()  # of a TPU: the smallest slice that its compiler describes, in chips per axis
    cycles: float = 0.0  # a second, of what a TPU's compiler counts


CHIPS = {
    "v4": Chip("TPU v4", "tpu", 32 * 2**30, 275e12, (2, 2, 1), 1.05e9),
    "v5e": Chip("TPU v5e", "tpu", 16 * 2**30, 197e12, (2, 2), 1.5e9),
    "v5p": Chip("TPU v5p", "tpu", 95 * 2**30, 459e12, (2, 2, 1), 1.75e9),
    "v6e": Chip("TPU v6e", "tpu", 32 * 2**30, 918e12, (2, 2), 1.75e9),
    "h100": Chip("NVIDIA H100 SXM", "cuda", 80 * 2**30, 989e12),
}
#: What XLA asks of a GPU before it compiles for it; figures of an H100 SXM.
_H100 = """
gpu_device_info {
  threads_per_block_limit: 1024  threads_per_warp: 32  threads_per_core_limit: 2048
  shared_memory_per_block: 49152  shared_memory_per_core: 233472  shared_memory_per_block_optin: 232448
  core_count: 132  fpus_per_core: 128  registers_per_core_limit: 65536  registers_per_block_limit: 65536
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000  l2_cache_size: 52428800  clock_rate_ghz: 1.98  device_memory_size: 84929347584
  cuda_compute_capability { major: 9 }
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 7 }
runtime_version { major: 12 minor: 8 patch: 0 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
_COMPILERS = {
    "tpu": (("libtpu",), "pip install 'jax[tpu]'"),
    "cuda": (("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_plugins.xla_cuda12"), "pip install 'jax[cuda12]'"),
}


class Topology(NamedTuple):
    """So many chips of one kind, to compile for."""

    name: str  # as it was asked for
    chip: Chip
    devices: Sequence[Any]


def describe(name: str) -> Topology:
    """The topology of a name like `v5e:4x4`, `v5p:2x2x2` or `h100:8`; `v5e:1` is one chip.

    Raises:
      UserError: if it is no such name, its compiler is not installed (says what installs it), or that does not know it.
    """
    kind, _, shape = name.partition(":")
    expected = f"a chip, a colon and how many, such as v5e:4x4 or h100:8; chips are {', '.join(CHIPS)}"
    check(kind in CHIPS and re.fullmatch(r"[1-9]\d*(x[1-9]\d*){0,2}", shape) is not None, "topology", name, expected)
    chip, sides = CHIPS[kind], tuple(map(int, shape.split("x")))
    modules, install = _COMPILERS[chip.platform]
    if not any(_installed(module) for module in modules):
        raise UserError(f"topology {name}: the compiler for {chip.title} is not installed; {install}")
    from jax.experimental import topologies

    count = prod(sides)
    try:
        if chip.platform == "tpu":
            # No metadata server is asked who we are, other processes may compile too, and it keeps its log to itself.
            os.environ.update(TPU_SKIP_MDS_QUERY="1", ALLOW_MULTIPLE_LIBTPU_LOAD="1", TPU_STDERR_LOG_LEVEL="3")
            os.environ.update(TPU_WORKER_HOSTNAMES="localhost", TPU_ACCELERATOR_TYPE="v5litepod-4")
            asked = chip.least if count == 1 else sides
            found = topologies.get_topology_desc(platform="tpu", topology_name=f"{kind}:{'x'.join(map(str, asked))}")
        else:
            # One partition of so many chips on one host.
            found = topologies.get_topology_desc(platform="cuda", target_config=_H100, topology=f"1x1x{count}")
    except Exception as error:  # of the compiler's own kinds
        raise UserError(f"topology {name}: its compiler does not know it ({str(error).splitlines()[0]})") from error
    return Topology(name, chip, found.devices[:count])


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
