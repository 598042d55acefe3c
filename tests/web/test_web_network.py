"""The kernel of networks beside plain JavaScript, at sizes that fill no register."""

import numpy as np

from tests.web.in_node import done, needs_node

pytestmark = needs_node


def test_the_kernel_computes_what_plain_javascript_does_at_odd_sizes():
    (found,) = done({"what": "networks"})
    assert len(found["worst"]) > 30
    assert max(found["worst"].values()) < 3e-5, found["worst"]


def test_pixels_are_rounded_to_even_and_cut_off():
    (found,) = done({"what": "networks"})
    x = np.float32([-1 + 1 / 255, -1 + 3 / 255, 0, -9, 9, 1, -np.inf, np.inf, -np.inf, 0.3, -0.3, 0.999])
    levels = np.clip(np.rint((x * np.float32(0.5) + np.float32(0.5)) * np.float32(255)), 0, 255)
    assert levels[2] == 128  # of 127.5
    levels[6] = 0  # where the harness has NaN
    expected = np.insert(levels.reshape(4, 3), 3, 255, axis=1).ravel().tolist()
    assert found["bytes"] == [expected, expected]
