"""Vector quantisation with EMA codebooks as explicit state (van den Oord et al. 2017, appendix A.1)."""
