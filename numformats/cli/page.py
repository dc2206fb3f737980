"""`numformats page`: the page for the browser, as one file."""

from __future__ import annotations

import sys
from pathlib import Path

from numformats.cli.outputs import require_no_tensors, write_fault
from numformats.page import build
from numformats.tensor_files.opening import printable
from numformats.tensor_files.whole import whole_file


def write(path: Path) -> int:
    """Write the page to a file; the exit status of the command.

    ValueError for the name of a file of tensors.
    """
    require_no_tensors("FILE", path)
    try:
        with whole_file(path) as stream:
            stream.write(build().encode())
    except OSError as error:
        print(f"numformats page: {write_fault(path, error)}", file=sys.stderr)
        return 2
    # What went to a pipe, or to standard output itself, is not there to be opened.
    if path.is_file():
        print(f"{printable(str(path))}: open it in a browser")
    return 0
