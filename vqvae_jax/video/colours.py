"""Pictures of any pixel format to 8-bit RGB and back: libswscale with accurate rounding and all chroma samples.

Without these flags it takes a short way for 4:2:0 and 4:2:2 that is about a level too dark and doubles chroma samples.
"""

from typing import Any

import numpy as np

# FFmpeg's numbers of matrices (AVCOL_SPC_*): RGB, BT.709, unspecified, reserved, BT.601.
_BT709, _UNSPECIFIED, _RESERVED, _BT601 = 1, 2, 3, 6


def assumed_matrix(width: int, height: int) -> int:
    """FFmpeg's number of the matrix of pictures that name none: BT.709 for high definition, else BT.601."""
    return _BT709 if width >= 1280 or height > 576 else _BT601


class ToRgb:
    """Converts pictures of one video; they may change size and format in its middle.

    Chroma is interpolated (bicubic) from where its samples lie, matrix and range are the picture's own; where it names
    no matrix, `assumed_matrix` counts. More than 8 bits are reduced to 8, grey becomes three equal channels, alpha is
    dropped: colours are those stored, not composed with a background.
    """

    def __init__(self) -> None:
        from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

        self._reformatter = VideoReformatter()
        self._flags = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
        self._spaces = {_BT709: Colorspace.ITU709, _BT601: Colorspace.ITU601}

    def __call__(self, picture: Any, width: int, height: int) -> np.ndarray:
        """A picture, an `av.VideoFrame`, as uint8 [height, width, 3], plane after plane in memory."""
        space = None
        if picture.colorspace in (_UNSPECIFIED, _RESERVED):
            space = self._spaces[assumed_matrix(picture.width, picture.height)]
        # Planar: that way libswscale has vector code for.
        planar = self._reformatter.reformat(
            picture, width, height, "gbrp", src_colorspace=space, interpolation=self._flags, threads=1
        )
        rgb_CHW = np.empty((3, height, width), np.uint8)
        for plane_HW, number in zip(rgb_CHW, (2, 0, 1), strict=True):
            plane: Any = planar.planes[number]
            plane_HW[...] = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, :width]
        return rgb_CHW.transpose(1, 2, 0)


class FromRgb:
    """Converts pictures for a video of this size: `assumed_matrix`, limited range, chroma from all pixels."""

    def __init__(self, width: int, height: int) -> None:
        from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

        self._reformatter, self._range = VideoReformatter(), ColorRange.MPEG
        self._space = Colorspace.ITU709 if assumed_matrix(width, height) == _BT709 else Colorspace.ITU601
        self._flags = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP

    def __call__(self, rgb: Any, pixel_format: str) -> Any:
        """An `av.VideoFrame` of rgb24 as one of another format."""
        return self._reformatter.reformat(
            rgb,
            format=pixel_format,
            dst_colorspace=self._space,
            dst_color_range=self._range,
            interpolation=self._flags,
            threads=1,
        )
