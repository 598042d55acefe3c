"""The per-symbol loops as WebAssembly: the same bytes as the Python beside it, several times as fast (docs/entropy.md).

A family's kernel is one C file in its own package, with these headers, compiled by `build` and committed. Without
`wasmtime` (the extra `fast`) everything is coded in Python and NumPy.
"""
