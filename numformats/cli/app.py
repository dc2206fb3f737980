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


@app.command("bench")
def _bench(
    work: Annotated[str, typer.Option(help="encode, decode, round.")] = "encode,decode,round",
    formats: Annotated[
        str, typer.Option(help="Formats, with commas between.")
    ] = "float8_e4m3fn,bfloat16,float4_e2m1fn,int8",
    rounding: Annotated[str, typer.Option(help="Rounding modes.")] = "nearest_even,stochastic",
    dtype: Annotated[str, typer.Option(help="The input: float32, float64, float16, bfloat16.")] = (
        "float32"
    ),
    sizes: Annotated[str, typer.Option(help="Numbers of elements.")] = "16777216",
    threads: Annotated[str, typer.Option(help="Numbers of threads; `all` for all.")] = "1,all",
    rounds: Annotated[int, typer.Option(help="Rounds, in which all take turns.")] = 9,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw a picture to this file.")] = None,
) -> None:
    """Tell how fast arrays are encoded, decoded and rounded, beside copying and other libraries."""
    try:
        from numformats.cli.bench_report import BenchOptions, bench
    except ModuleNotFoundError as error:
        print(f"numformats bench: it needs {error.name}; install it", file=sys.stderr)
        raise typer.Exit(2) from None
    try:
        options = BenchOptions.parse(
            work, formats, rounding, dtype, sizes, threads, rounds, as_json, plot
        )
    except (TypeError, ValueError) as error:
        print(f"numformats bench: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    bench(options)


@app.command("warm-up")
def _warm_up() -> None:
    """Compile all kernels ahead, into the cache on disk."""
    print(f"numformats: {numformats.warm_up()} kernels are ready")
