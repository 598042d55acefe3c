"""Which frames VMAF says something about."""

from collections.abc import Sequence

#: Model v0.6.1 was fitted to 1080p seen from three screen heights; below this its four scales hold too few pixels.
LEAST_VMAF_SIDE = 192


def vmaf_too_small(shape: Sequence[int]) -> str | None:
    """Why clips of shape (T, H, W, 3) have no VMAF; None if they are large enough."""
    smallest = min(shape[1:3])
    if smallest >= LEAST_VMAF_SIDE:
        return None
    return (
        f"VMAF v0.6.1 is made for 1080p and is not reported below sides of {LEAST_VMAF_SIDE} pixels; the clips have "
        f"{smallest}"
    )
