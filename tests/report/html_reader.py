"""A page as a browser's parser sees it: elements, what is left open, text."""

import base64
import hashlib
import re
from html.parser import HTMLParser

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.cells = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in {"path", "line", "circle", "polyline", "rect"}
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)

    def labels(self, part):
        """What a screen reader says of the elements whose class has that part."""
        return [a["aria-label"] for _, a in self.tags if part in a.get("class", "").split() and "aria-label" in a]


def checked(text):
    """The page, after asserting that it is whole, fetches nothing and runs nothing but its one script."""
    page = Page(text)
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "img", "form")
        assert not {"src", "href", "srcset", "action"} & set(attributes)
    assert "http:" not in text and "https:" not in text and "@import" not in text
    assert all(url.startswith("data:image/webp;base64,") for url in re.findall(r"url\(([^)]*)\)", text))
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert [tag for tag, _ in page.tags].count("script") == 1
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'\"" in text and "default-src 'none'" in text
    assert not re.search(r"\son[a-z]+=", text.replace(script, ""))
    return page
