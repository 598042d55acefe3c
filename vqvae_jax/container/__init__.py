"""The .msv file (docs/format.md): header, checked chunks of opaque bytes, index. Knows no model and no coder."""
