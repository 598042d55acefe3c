"""The prior's arithmetic in whole numbers: what training, encoder and decoder must agree on. Without JAX."""

CONTEXT_LIMIT = 31  # latents are seen clamped to +- this
WEIGHT_LIMIT = 127
HIDDEN_BITS = 5  # fractional bits of hidden values
HIDDEN_LIMIT = 511
MEAN_BITS = 4  # fractional bits of means
MEAN_LIMIT = 1 << 15  # of means, in their units
SCALES = 64
SCALE_BITS = 3  # scale number n is 2**(n / 8 - 4) steps of the quantiser
FIRST_SCALE = 2.0**-4
