"""How each codec is drawn, on plots and on the page.

Okabe and Ito's palette, darkened where it is too pale for lines on white: colour-blind readers can tell it apart. Each
codec has a marker of its own as well, so that colour never has to do it alone.
"""

from collections.abc import Iterable
from typing import NamedTuple

from experiments.rd.names import OURS, is_ours


class Look(NamedTuple):
    """One codec's colours and marker."""

    colour: str  # on white
    on_dark: str  # the same hue, on a dark page
    marker: str  # matplotlib's letter
    ours: bool = False  # drawn larger and on top


LOOKS = {
    "x264": Look("#b87a00", "#e69f00", "s"),
    "x265": Look("#0072b2", "#4fa8dc", "o"),
    "svtav1": Look("#00805c", "#35c09a", "^"),
    "av1": Look("#aa4c84", "#dd92bd", "D"),
    "vvc": Look("#5b6770", "#a9b6c0", "v"),
    OURS: Look("#d55e00", "#ff8433", "*", ours=True),
}
# The first one is far from every colour above, x265's blue too.
SPARE = (Look("#7a3fc2", "#b894f0", "P"), Look("#857c00", "#f0e442", "X"), Look("#111111", "#eeeeee", "h"))


def looks(codecs: Iterable[str]) -> dict[str, Look]:
    """A look for every codec: its own, our first model that of ours, and each further or unknown one the next spare."""
    unknown = 0
    found: dict[str, Look] = {}
    for codec in codecs:
        if codec in LOOKS:
            found[codec] = LOOKS[codec]
        elif is_ours(codec) and LOOKS[OURS] not in found.values():
            found[codec] = LOOKS[OURS]
        else:
            found[codec] = SPARE[unknown % len(SPARE)]._replace(ours=is_ours(codec))
            unknown += 1
    return found
