"""What drives the browser says when a page has died, and does not wait for its answer."""

import pytest

from tests.web.chromium import Chromium, needs_chromium


@needs_chromium
def test_a_page_that_has_died_is_told_at_once(tmp_path):
    browser = Chromium(tmp_path)
    assert browser.value("1 + 1") == 2
    with pytest.raises(AssertionError, match="the page's process has died; its log ends with"):
        browser.call("Page.crash")
    browser.close()
