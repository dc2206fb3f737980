"""Sphinx configuration: `sphinx-build -W -n -b html docs docs/_build/html`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numformats
from numformats.page import build as build_browser_page

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent

project = "numformats"
author = "The numformats developers"
project_copyright = author
version = release = numformats.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
# What is generated is included by a page, and is no page of its own.
exclude_patterns = ["_build", "_generated"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# The notebooks of the course are stored without outputs, and run by each build: outputs that are
# kept would be those of another version of the library. A cell that fails fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
# Hidden cells are answers to exercises.
nb_code_prompt_show = "Show the answer"
nb_code_prompt_hide = "Hide the answer"

# In docstrings, a name in single backticks is a link where there is something to link to.
default_role = "py:obj"
# The docstrings tell the types; a signature is there to show names, order and defaults.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# -n asks for every reference to be found. Left out are types and exceptions that are not ours, and
# names without a dot, which are mostly parameters.
nitpick_ignore_regex = [
    (r"py:(class|exc)", r"(?!numformats).*"),
    (r"py:obj", r"\w+"),
    (r"py:obj", r"numpy\..*"),
]

html_theme = "furo"
html_title = f"numformats {version}"


def write_generated_pages(app: Sphinx) -> None:
    """Write what the pages include from the format descriptions to `_generated/`."""
    sys.path.insert(0, str(HERE))
    from generate_expected_error import draw_splits, splits_page, splits_picture
    from generate_explain import draw_pictures
    from generate_formats import casts_page, formats_page, scaled_page
    from generate_law import write_law
    from generate_number_systems import costs_page, draw_precision, precision_page, ranges_page

    folder = HERE / "_generated"
    folder.mkdir(exist_ok=True)
    (folder / "formats.md").write_text(formats_page(), encoding="utf-8")
    (folder / "casts.md").write_text(casts_page(), encoding="utf-8")
    (folder / "scaled.md").write_text(scaled_page(), encoding="utf-8")
    (folder / "ranges.md").write_text(ranges_page(), encoding="utf-8")
    (folder / "costs.md").write_text(costs_page(), encoding="utf-8")
    (folder / "precision.md").write_text(precision_page(), encoding="utf-8")
    draw_precision(folder)
    (folder / "splits.md").write_text(splits_page(), encoding="utf-8")
    (folder / "splits-picture.md").write_text(splits_picture(), encoding="utf-8")
    draw_splits(folder)
    write_law(folder)
    draw_pictures(folder)


def write_browser_page(app: Sphinx) -> None:
    """Put the page for the browser beside the pages of the site, which link to it."""
    if app.builder.format == "html":
        target = Path(app.outdir) / "numformats.html"
        target.write_text(build_browser_page(), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", write_generated_pages)
    app.connect("builder-inited", write_browser_page)
