"""One per-device function, mapped over devices by `pmap` or by `jit(shard_map)`: same results, same state layout.

The function sees its share of the batch and talks to the other devices through the named axis `AXIS` (`pmean`, `psum`).
Arguments are either replicated (state, keys) or split on their leading axis (clips). `auto` is `shard_map`: as
fast within a tenth, on one and on eight simulated devices, and `pmap` is in maintenance.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from vqvae_jax.errors import ConfigError
from vqvae_jax.target import traced_for

AXIS = "data"
Mapping = Literal["auto", "pmap", "shard_map"]


class DeviceMap:
    """A data-parallel layout over all devices of all processes."""

    def __init__(self, kind: Mapping = "auto", devices: Sequence[jax.Device] | None = None):
        """Args:
        kind: how functions are mapped.
        devices: all devices of all processes by default.
        """
        self.kind = "shard_map" if kind == "auto" else kind
        self.devices = list(jax.devices() if devices is None else devices)
        self.platform = self.devices[0].platform
        self.local = [d for d in self.devices if d.process_index == jax.process_index()]
        self.mesh = Mesh(np.array(self.devices), (AXIS,), axis_types=(AxisType.Auto,))

    def check_batch(self, global_batch: int, field: str) -> None:
        """Raises a `ConfigError` unless every device gets the same number of clips."""
        if global_batch % len(self.devices):
            raise ConfigError(
                f"config: {field}={global_batch} must be a multiple of the number of devices, {len(self.devices)}"
            )

    def map(
        self,
        function: Callable[..., Any],
        split_in: Sequence[bool],
        split_out: Sequence[bool],
        donate: Sequence[int] = (),
    ) -> Callable[..., Any]:
        """Maps `function` over the devices and compiles it.

        Args:
          function: per-device function of arrays and pytrees, returning a tuple.
          split_in: for each argument whether it is split on the leading axis (else replicated).
          split_out: the same for each element of the returned tuple.
          donate: positions of arguments whose buffers may be reused.

        Returns:
          A function of arguments placed by `replicate` and `split`; what it returns lies the same way.
        """
        function = traced_for(self.platform, function)
        if self.kind == "pmap":
            return jax.pmap(
                function,
                axis_name=AXIS,
                in_axes=tuple(0 if s else None for s in split_in),
                out_axes=tuple(0 if s else None for s in split_out),
                donate_argnums=tuple(donate),
                devices=self.devices,
            )
        # With check_vma=True the gradient of replicated parameters would already be summed, and `pmean` after it would
        # scale it by the device count.
        mapped = jax.shard_map(
            function,
            mesh=self.mesh,
            in_specs=tuple(P(AXIS) if s else P() for s in split_in),
            out_specs=tuple(P(AXIS) if s else P() for s in split_out),
            check_vma=False,
        )
        return jax.jit(mapped, donate_argnums=tuple(donate))

    def replicate(self, tree: Any) -> Any:
        """Places a pytree whole on every device; every process passes the same values."""
        # JAX places no typed key on other processes' devices, only the numbers in it.
        raw = jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, tree)
        placed = jax.device_put(raw, NamedSharding(self.mesh, P()))

        def wrap(leaf: Any, on_devices: jax.Array) -> jax.Array:
            return jax.random.wrap_key_data(on_devices, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else on_devices

        return jax.tree.map(wrap, tree, placed)

    def split(self, array: np.ndarray) -> Any:
        """Places this process's share of a batch: leading axis a multiple of the number of local devices."""
        if self.kind == "pmap":
            return array.reshape(len(self.local), -1, *array.shape[1:])
        return jax.make_array_from_process_local_data(NamedSharding(self.mesh, P(AXIS)), array)

    def join(self, array: Any) -> np.ndarray:
        """This process's rows of a split result, on the host, in batch order."""
        if self.kind == "pmap":
            host = np.asarray(array)
            return host.reshape(-1, *host.shape[2:])
        shards = sorted(array.addressable_shards, key=lambda shard: shard.index[0].start or 0)
        return np.concatenate([np.asarray(shard.data) for shard in shards])


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
