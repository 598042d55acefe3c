"""Measures of quality, rate and codebook use: one written definition each, tested against an outside reference."""
