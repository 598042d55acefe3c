"""Building blocks shared by every model: convolutions, norms, residual blocks, up- and down-sampling, warps."""
