"""The file of a fitted scene: quantised weights and embeddings as bytes, and back to frames (docs/mvc.md)."""
