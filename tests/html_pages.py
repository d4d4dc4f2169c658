"""Pages of runs for tests: what they hold, and what a browser makes of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")


class _Links(HTMLParser):
    """Tags that open, and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]


def parsed(html: str) -> _Links:
    """Tags and links of a page."""
    links = _Links()
    links.feed(html)
    links.close()
    return links


def traces(html: str, name: str) -> list[dict[str, Any]]:
    """What the interactive figure of a name draws."""
    start = re.search(rf'Plotly\.newPlot\(\s*"{name}",\s*', html)
    assert start, f"no figure {name}"
    found = json.JSONDecoder().raw_decode(html, start.end())[0]
    assert isinstance(found, list)
    return found


def in_browser(page: Path, expression: str) -> Any:
    """The value of a JavaScript expression in a page once it is drawn.

    The value is written into the page by one more script, and read from what the browser prints of the page.
    """
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is there")
    script = f"<script>window.onload = () => {{ document.body.dataset.read = JSON.stringify({expression}); }};</script>"
    copy = page.with_name(f"read-{page.name}")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{script}</body>"), encoding="utf-8")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader",
         "--virtual-time-budget=5000", "--dump-dom", copy.resolve().as_uri()],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    read = re.search(r'<body[^>]*data-read="([^"]*)"', done.stdout)
    assert read, done.stderr[-1000:]
    return json.loads(read[1].replace("&quot;", '"').replace("&amp;", "&"))
