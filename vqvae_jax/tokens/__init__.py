"""Data sets of tokens: a codec's indices in ArrayRecord shards (docs/tokens.md)."""
