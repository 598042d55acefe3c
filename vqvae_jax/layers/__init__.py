"""Building blocks shared by every model: 3-D convolution, norms, residual blocks, up- and down-sampling."""
