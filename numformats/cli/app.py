"""The subcommands of `numformats` and their options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import numformats
from numformats.analysis.comparison import DEFAULT_FORMATS
from numformats.cli.report import ReportOptions, report
from numformats.rounding import ROUNDING_NAMES, SATURATION_MODES

app = typer.Typer(
    help="What a low-precision number is, and what it costs to use one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"numformats {numformats.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Tell the version."),
    ] = False,
) -> None:
    """What a low-precision number is, and what it costs to use one."""


@app.command("report")
def _report(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="A .safetensors, .npy or .npz file; without one, weights that come along.",
        ),
    ] = None,
    formats: Annotated[
        str, typer.Option(help="Formats to compare, with commas between.")
    ] = ",".join(DEFAULT_FORMATS),
    rounding: Annotated[
        str, typer.Option(help=f"{', '.join(ROUNDING_NAMES)} or stochastic.")
    ] = "nearest_even",
    saturation: Annotated[
        str, typer.Option(help=", ".join(mode for mode in SATURATION_MODES if mode != "wrap"))
    ] = "none",
    seed: Annotated[int, typer.Option(help="The seed of stochastic rounding.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """Tell what each format would cost each tensor of the files.

    For every tensor and format there are two rows: with one scale for the tensor, and with none.
    """
    try:
        options = ReportOptions.parse(formats, rounding, saturation, seed, as_json, as_csv)
    except (TypeError, ValueError) as error:
        print(f"numformats report: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    raise typer.Exit(report(files or [], options))
