"""Terms of the objective (Tang et al. 2023, equation 13)."""
