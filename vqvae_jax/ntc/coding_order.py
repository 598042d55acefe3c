"""In which order a unit's latents are coded."""

import numpy as np

from vqvae_jax.ntc.config import GROUPS


def coding_steps(height: int, width: int, channels: int) -> np.ndarray:
    """In which of the four steps each latent is coded: int32 [h, w, M].

    Step s holds, at a position of class p in its square of two by two, the channels of group (s - p) mod 4: every step
    sees every position, and every group has neighbours in other steps.
    """
    row, column = np.arange(height)[:, None] % 2, np.arange(width)[None, :] % 2
    kind = np.array([[0, 2], [3, 1]])[row, column]
    group = np.arange(channels) * GROUPS // channels
    return ((kind[..., None] + group) % GROUPS).astype(np.int32)
