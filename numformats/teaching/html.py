"""An explanation as a part of a page, for a notebook: the same lines, with colours."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from numformats.teaching.layout import Line, Span

# Of fields: Okabe and Ito, 2008, which all eyes tell apart. As a line under the bits, so that their
# own colour is that of the page, light or dark.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_STYLES: Final = {"strong": "font-weight:bold", "faint": "opacity:0.7", "": ""}
_BLOCK: Final = "line-height:1.35;margin:0;overflow-x:auto;background:transparent;color:inherit"


def page_part(lines: Iterable[Line], label: str) -> str:
    """Lines as preformatted text. label: what a screen reader calls it."""
    body = "\n".join("".join(map(_span, line)).rstrip() for line in lines)
    return f'<pre role="group" aria-label="{escape(label)}" style="{_BLOCK}">{body}</pre>'


def _span(span: Span) -> str:
    style = style_of(span.kind)
    text = escape(span.text)
    return f'<span style="{style}">{text}</span>' if style else text


def style_of(kind: str) -> str:
    """The style of a kind of span."""
    if kind.startswith("field"):
        colour = COLOURS[int(kind.removeprefix("field")) % len(COLOURS)]
        return f"border-bottom:2px solid {colour}"
    return _STYLES[kind]
