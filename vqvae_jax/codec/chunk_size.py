"""How much a chunk may hold: coding one takes some hundred bytes of memory for every pixel in it."""

from vqvae_jax.errors import UserError

LARGE_CHUNK = 32 * 640 * 480  # pixels up to which a chunk keeps the model's clip length
MAX_CHUNK_PIXELS = 2**25  # four frames of 3840x2160


def check_chunk_pixels(what: object, frames: int, width: int, height: int) -> None:
    """Raises a `UserError` that begins with `what` if chunks of so many frames of this size are too large to code.

    Asked of a file's header before anything is allocated for its pictures.
    """
    pixels = frames * width * height
    if pixels > MAX_CHUNK_PIXELS:
        raise UserError(
            f"{what}: chunks of {frames} frames of {width}x{height} are {pixels:,} pixels; at most "
            f"{MAX_CHUNK_PIXELS:,} can be coded: smaller pictures or shorter chunks"
        )
