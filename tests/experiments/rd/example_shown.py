"""Streams of the made-up codecs: noise of the strength that gives the PSNR which the example's file claims."""

import numpy as np
from example_rd import SHAPE

from experiments.rd.clips import shown_clips
from vqvae_jax.errors import UserError


def originals(records):
    """Smooth moving gradients, far enough from 0 and 255 for noise."""
    t, y, x, c = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    return np.stack([(90 + 8 * t + 2 * x + y + 10 * c + record).astype(np.uint8) for record in records])


def decoder(rd):
    """Decodes a clip to its original plus noise, PSNR as in `rd` to about 0.01 dB."""

    def decode(codec, point, clip_id):
        if codec == "svtav1":
            raise UserError(f"{codec}: the stream of {clip_id} is gone")
        psnr = point["quality"]["clips"]["psnr"][point["clip_ids"].index(clip_id)]
        original = originals([rd["data"]["clip_ids"].index(clip_id)])[0]
        wanted = round(255**2 / 10 ** (psnr / 10) * original[0].size)  # sum of squares of a frame
        step = int(np.ceil(np.sqrt(wanted / original[0].size)))
        error = np.zeros(original[0].size, np.int16)
        error[: wanted // step**2] = step
        return (original + error.reshape(original[0].shape)).astype(np.uint8)

    return decode


def example_shown(rd):
    return shown_clips(rd, "x265", originals, decoder(rd))
