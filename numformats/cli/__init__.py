"""The command `numformats`. Its libraries come with the extra `cli` and are loaded only here."""

from __future__ import annotations

import sys

from numformats.cli.stopping import end_by_exceptions


def main() -> None:
    """Run the command, or say how to install what it needs."""
    try:
        from numformats.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print(
            f"numformats: the command needs {error.name}: pip install 'numformats[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    end_by_exceptions()
    app()
