"""ENVC: P frames predicted across scales, with weights, from one reference (Guo et al. 2023, arXiv 2112.13309)."""
