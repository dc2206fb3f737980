"""The command `numformats`. Its libraries come with the extra `cli` and are loaded only here."""

from __future__ import annotations

import sys

from numformats.cli.stopping import end_by_exceptions


def main() -> None:
    """Run the command, or say how to install what it needs."""
    end_by_exceptions()
    try:
        from numformats.cli.app import app
    except KeyboardInterrupt:  # while modules are loaded; later, Typer ends the command so
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print(
            f"numformats: the command needs {error.name}: pip install 'numformats[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    app()
