"""Coders and integer distributions: the same bytes on every machine, without JAX."""
