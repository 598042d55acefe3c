"""Index grids to bytes and back, in integers only: the same bytes on every machine, without JAX."""
