"""The page in Chromium: how the tests open it and ask it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from numformats.page import build

BATCHES = (Path(__file__).parent / "page_batches.js").read_text()
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@dataclass
class Browser:
    """A running Chromium, and the file of the page."""

    chromium: Any
    address: str
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @contextmanager
    def open(self, fragment: str = "", **settings: Any) -> Iterator[Any]:
        """The page in a window of its own, without a network."""
        context = self.chromium.new_context(
            **{"viewport": {"width": 1280, "height": 900}} | settings
        )
        context.set_offline(True)
        page = context.new_page()
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(self.address + fragment)
        yield page
        context.close()


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Chromium, or a word why there is none."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: pip install 'numformats[browser]'"
    )
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium, or CHROMIUM=/path/of/one")
    file = folder / "numformats.html"
    file.write_text(build(), encoding="utf-8")
    with api.sync_playwright() as playwright:
        # As root, as CI runs, Chromium has no sandbox of its own.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Browser(chromium, file.as_uri())
        chromium.close()


def ask(page: Any, question: str, **asked: Any) -> Any:
    """The answer of a function of `page_batches.js`."""
    return page.evaluate(f"([question, asked]) => {{ {BATCHES} }}", [question, asked])
