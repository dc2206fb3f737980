"""The page as one text: its skeleton, with style, scripts and formats in their places."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numformats
from numformats.formats.registry import ALIASES
from numformats.modes import ROUNDING_NAMES, rule_of
from numformats.page.formats import families

# In the order in which they are read; each uses what stands before it.
SCRIPTS: Final = (
    "rationals",
    "reading",
    "writing",
    "powers",
    "orders",
    "systems",
    "custom",
    "projection",
    "elements",
    "fields",
    "wording",
    "catalogue",
    "state",
    "controls",
    "number_line",
    "error_curve",
    "value_table",
    "panel",
    "main",
)


@cache
def build() -> str:
    """The page as HTML: one text of less than 400 kB that needs no other file, server or network.

    >>> page = build()
    >>> page.startswith("<!doctype html>"), "http" in page.split("<body>")[0]
    (True, False)
    """
    parts = {
        "style": _source("style.css"),
        "data": _embedded(data()),
        "scripts": "\n".join(_source(f"scripts/{name}.js") for name in SCRIPTS),
        "version": numformats.__version__,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _source("page.html"))


def data() -> dict[str, Any]:
    """What the scripts are told: all formats, and what each rounding mode does, in words."""
    return {
        "families": families(),
        "aliases": {alias: fmt.name for alias, fmt in ALIASES.items()},
        "rules": {name: rule_of(name) for name in ROUNDING_NAMES},
    }


def _source(name: str) -> str:
    return files("numformats.page").joinpath(name).read_text(encoding="utf-8")


def _embedded(value: object) -> str:
    """JSON as a script element may hold it, in which no text ends the element."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
