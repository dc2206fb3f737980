"""One page for the browser that shows how numbers become codes, in every format and mode.

`build` makes it from the formats of the library: a file that asks no server and no network. Its
scripts have an exact arithmetic of their own, of rational numbers, which the tests compare with
`numformats.exact`.
"""

from numformats.page.assembly import build

__all__ = ["build"]
