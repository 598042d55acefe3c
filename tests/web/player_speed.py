"""How quick the page is: `python -m tests.web.player_speed PAGE.html`, a page with a clip in it.

Prints processor seconds of the whole tab (page, worker, compiling; `Performance.getMetrics`), which say less of other
programs on the machine than a clock does: until frames are shown, and for the rest of the clip, which must fit in
64 MiB.
"""

import sys
import tempfile
from pathlib import Path

from tests.web.chromium import Chromium

DECODED = "timeline.dataset.bytes / (4 * picture.width * picture.height)"


def main(page: Path) -> None:
    """Measures one page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        chromium = Chromium(Path(profile))
        chromium.call("Performance.enable")
        # A page from disk gets a process of its own, whose clock begins with it.
        chromium.call("Page.navigate", url=page.resolve().as_uri())
        for shown, said in (("preview|whole", "first frame, perhaps a preview"), ("whole", "first whole frame")):
            chromium.wait(f"/{shown}/.test(window.picture?.dataset.shown)")
            print(f"{said}: {processor_seconds(chromium):.2f} s")
        before, there = processor_seconds(chromium), chromium.value(DECODED)
        chromium.wait(f"{DECODED} === Number(seek.max)")
        seconds = processor_seconds(chromium) - before
        rate = float(chromium.value("facts.innerText.match(/at ([\\d.]+) a second/)[1]"))
        length = (int(chromium.value("seek.max")) - there) / rate
        print(f"{length:.1f} s of video after it: {seconds:.2f} s, {length / seconds:.1f} times real time")
        chromium.close()


def processor_seconds(chromium: Chromium) -> float:
    """Of the tab's process so far."""
    metrics = chromium.call("Performance.getMetrics")["metrics"]
    found: float = next(metric["value"] for metric in metrics if metric["name"] == "ProcessTime")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
