"""The subcommands of `numformats` and their options."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import numformats
from numformats.analysis.comparison import DEFAULT_FORMATS
from numformats.cli.compiling import tell_of_compiling
from numformats.cli.plan import DEFAULT_FORMATS as PLANNED_FORMATS
from numformats.cli.plan import PlanOptions, plan
from numformats.cli.report import report
from numformats.cli.report_options import ReportOptions
from numformats.modes import ROUNDING_NAMES, SATURATION_MODES
from numformats.tensor_files.opening import printable

# What cannot be read is told by the commands, in one line.
_PathArgument = partial(typer.Argument, readable=False)
_PathOption = partial(typer.Option, readable=False)

app = typer.Typer(
    help="What a low-precision number is, and what it costs to use one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@contextmanager
def _refusing(command: str) -> Iterator[None]:
    """End the command with a line on stderr and status 2 where its options make no sense."""
    try:
        yield
    except (TypeError, ValueError) as error:
        print(f"numformats {command}: {printable(str(error))}", file=sys.stderr)
        raise typer.Exit(2) from None


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
    tell_of_compiling()


@app.command("report")
def _report(
    files: Annotated[
        list[Path] | None,
        _PathArgument(
            metavar="[FILE]...",
            help="A .safetensors, .gguf, .onnx, .npy or .npz file, a .safetensors.index.json, or a "
            "folder of these; without one, weights that come along.",
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
    by_channel: Annotated[
        bool, typer.Option("--by-channel", help="Name the worst channels, too.")
    ] = False,
    tensors: Annotated[
        bool, typer.Option("--tensors", help="A table for each tensor, too.")
    ] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="With JSON and CSV: no tensor by itself.")
    ] = False,
    sort: Annotated[
        str | None, typer.Option(help="Put the best first, by a figure such as sqnr_db.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Name the best format of so many bits per value.")
    ] = None,
    expected: Annotated[
        bool, typer.Option("--expected", help="Tell beside it what normal numbers would cost.")
    ] = False,
    html: Annotated[
        Path | None, _PathOption(help="Write a page with pictures to this file, too.")
    ] = None,
    plot: Annotated[
        Path | None, _PathOption(help="Draw error against bits to this file, such as a .png.")
    ] = None,
) -> None:
    """Tell which format is best for the weights of the files, and what each format would cost.

    First comes the answer for all tensors: the best format for so many bits, and what to avoid. In
    the tables each format has two rows: with one scale for the tensor, and with none; a format with
    scales of its own has one.
    """
    with _refusing("report"):
        options = ReportOptions.parse(
            files=files or [],
            formats=formats,
            rounding=rounding,
            saturation=saturation,
            seed=seed,
            as_json=as_json,
            as_csv=as_csv,
            by_channel=by_channel,
            tensors=tensors,
            summary=summary,
            sort=sort,
            budget=budget,
            expected=expected,
            html=html,
            plot=plot,
        )
    raise typer.Exit(report(options))


@app.command("plan")
def _plan(
    checkpoint: Annotated[
        Path, _PathArgument(help="A file of tensors, the index of several, or their folder.")
    ],
    budget: Annotated[float, typer.Option(help="Bits per value, scales included, such as 4.5.")],
    formats: Annotated[
        str, typer.Option(help="Formats to choose from, with commas between.")
    ] = ",".join(PLANNED_FORMATS),
    include: Annotated[
        list[str] | None, typer.Option(help="Plan what matches, as *.mlp.*, whatever is usual.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave what matches; may be given several times.")
    ] = None,
    sensitivity: Annotated[
        Path | None,
        _PathOption(help="JSON or .npz: what a squared error counts in each tensor, by its name."),
    ] = None,
    output: Annotated[
        Path | None, _PathOption(help="Write the plan to this file, for simulate --plan.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell of it in JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Name each tensor.")] = False,
) -> None:
    """Choose a format for each matrix, so that errors are least within a budget of bits.

    Exact: no other choice of these formats has a smaller sum of errors. They are squared, and
    relative to the mean square of their tensor, unless --sensitivity says how much they count.
    """
    with _refusing("plan"):
        options = PlanOptions.parse(
            checkpoint=checkpoint,
            budget=budget,
            formats=formats,
            include=include,
            exclude=exclude,
            sensitivity=sensitivity,
            output=output,
            as_json=as_json,
            verbose=verbose,
        )
        raise typer.Exit(plan(options))


@app.command("simulate")
def _simulate(
    checkpoint: Annotated[
        Path, _PathArgument(help="A .safetensors file, the index of several, or their folder.")
    ],
    output: Annotated[Path, _PathOption(help="The file or the folder to write.")],
    format_name: Annotated[
        str | None, typer.Option("--format", help="The format of the matrices.")
    ] = None,
    plan: Annotated[
        Path | None, _PathOption(help="Instead: JSON, the format of each tensor by its name.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Change what matches, as *.mlp.*, whatever is usual.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave what matches; may be given several times.")
    ] = None,
    axis: Annotated[int | None, typer.Option(help="The axis of blocks or of channels.")] = None,
    scale_rule: Annotated[str | None, typer.Option(help="How scales are chosen.")] = None,
    rounding: Annotated[
        str, typer.Option(help=f"{', '.join(ROUNDING_NAMES)} or stochastic.")
    ] = "nearest_even",
    seed: Annotated[int, typer.Option(help="The seed of stochastic rounding.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell of it in JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Name each tensor.")] = False,
) -> None:
    """Write a checkpoint again, with its matrices as a format would hold them.

    Tensors have the names, shapes and dtypes that they had, so that any framework can evaluate it.
    """
    from numformats.cli import simulate

    with _refusing("simulate"):
        options = simulate.SimulateOptions.parse(
            checkpoint=checkpoint,
            output=output,
            format_name=format_name,
            plan=plan,
            include=include,
            exclude=exclude,
            axis=axis,
            scale_rule=scale_rule,
            rounding=rounding,
            seed=seed,
            force=force,
            as_json=as_json,
            verbose=verbose,
        )
        raise typer.Exit(simulate.run(options))


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
    sizes: Annotated[str, typer.Option(help="Numbers of elements.")] = "16,1000,16777216",
    threads: Annotated[str, typer.Option(help="Numbers of threads; `all` for all.")] = "1,all",
    rounds: Annotated[int, typer.Option(help="Rounds, in which all take turns.")] = 9,
    first_calls: Annotated[
        bool, typer.Option("--first-calls", help="Instead: first calls of fresh processes.")
    ] = False,
    arithmetic: Annotated[
        bool, typer.Option("--arithmetic", help="Instead: operations and matrix products.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    plot: Annotated[Path | None, _PathOption(help="Draw a picture to this file.")] = None,
) -> None:
    """Tell how fast arrays are encoded, decoded and rounded, beside copying and other libraries."""
    try:
        from numformats.cli import bench
    except ModuleNotFoundError as error:
        print(f"numformats bench: it needs {error.name}; install it", file=sys.stderr)
        raise typer.Exit(2) from None
    with _refusing("bench"):
        options = bench.BenchOptions.parse(
            works=work,
            formats=formats,
            rounding=rounding,
            dtype=dtype,
            sizes=sizes,
            threads=threads,
            rounds=rounds,
            first_calls=first_calls,
            arithmetic=arithmetic,
            as_json=as_json,
            plot=plot,
        )
    raise typer.Exit(bench.bench(options))


@app.command("page")
def _page(
    file: Annotated[Path, _PathArgument(help="The page to write, such as numformats.html.")],
) -> None:
    """Write one page for the browser that shows what becomes of a number, in every format.

    The file needs no other, no server and no network.
    """
    from numformats.cli import page

    with _refusing("page"):
        raise typer.Exit(page.write(file))


@app.command("law")
def _law(
    quick: Annotated[
        bool, typer.Option("--quick", help="One size of model alone: a minute, not a quarter hour.")
    ] = False,
    text: Annotated[
        Path | None,
        _PathOption(help="What to train on; without it, the Python standard library's sources."),
    ] = None,
    output: Annotated[Path, _PathOption(help="The folder of results, report and pictures.")] = Path(
        "numformats-law"
    ),
    formats: Annotated[
        str | None,
        typer.Option(
            help="What to round to after training, with commas between: int4_g16, nvfp4, "
            "gptq:int4_channel; or noise:0.05."
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Runs of each kind; 3, or 1 if quick.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one for each core.")] = None,
) -> None:
    """Train small language models, round them, and fit the law of precision to the harm.

    Each run's result is kept in the folder: stopped, the same command goes on where it was.
    """
    from numformats.cli import law

    with _refusing("law"):
        options = law.LawOptions.parse(
            quick=quick, text=text, output=output, formats=formats, seeds=seeds, workers=workers
        )
    raise typer.Exit(law.law(options))


@app.command("warm-up")
def _warm_up() -> None:
    """Compile all kernels ahead, into the cache on disk."""
    print(f"numformats: {numformats.warm_up()} kernels are ready")


_Rounding = Annotated[
    str,
    typer.Option(help=f"{', '.join(ROUNDING_NAMES)}, or stochastic as sr, srA8, srB8, srC8."),
]
_Saturation = Annotated[str, typer.Option(help=", ".join(SATURATION_MODES))]
_Input = Annotated[
    str, typer.Option("--input", help="float32, float64, or a format whose codes come in.")
]
_Tininess = Annotated[str, typer.Option(help="When underflow is detected: after, before rounding.")]


# So that -0.1 and -inf are numbers and not options.
@app.command("explain", context_settings={"ignore_unknown_options": True})
def _explain(
    number: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER",
            help="0.1, 1/3, 0x1.8p-3, -inf; an operation: '0.1 + 0.2', 'sqrt(2)'; a code.",
        ),
    ],
    format_name: Annotated[str, typer.Argument(metavar="FORMAT")],
    rounding: _Rounding = "nearest_even",
    saturation: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(SATURATION_MODES)}; by default none, with scales finite."),
    ] = None,
    nan: Annotated[str, typer.Option(help="raise, max, zero: in formats without NaN.")] = "raise",
    random_bits: Annotated[
        int | None, typer.Option(help="R, an integer, for stochastic rounding.")
    ] = None,
    index: Annotated[
        int | None,
        typer.Option(help="NUMBER is several, with commas between; explain this one, from 0 on."),
    ] = None,
    code: Annotated[bool, typer.Option("--code", help="NUMBER is a code: 29 or 0x1d.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    plot: Annotated[Path | None, _PathOption(help="Draw a picture to this file.")] = None,
) -> None:
    """Tell why a number becomes the code that it becomes, and which rule decided."""
    from numformats.cli import explain

    with _refusing("explain"):
        _require_no_option(number, format_name)
        try:
            options = explain.ExplainOptions.parse(
                number=number,
                format_name=format_name,
                rounding=rounding,
                saturation=saturation,
                nan=nan,
                random_bits=random_bits,
                index=index,
                is_code=code,
                as_json=as_json,
                plot=plot,
            )
        except IndexError as error:
            raise ValueError(str(error)) from None
    raise typer.Exit(explain.write(options))


def _require_no_option(*arguments: str) -> None:
    """ValueError for what was meant for an option, and is none."""
    for argument in arguments:
        if argument.startswith("--"):
            raise ValueError(f"no such option: {argument}; see numformats explain --help")


@app.command("vectors")
def _vectors(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT")],
    rounding: _Rounding = "nearest_even",
    saturation: _Saturation = "none",
    source: _Input = "float32",
    level: Annotated[int, typer.Option(help="1: each decision point; 2: more between.")] = 1,
    tininess: _Tininess = "after",
    output: Annotated[
        Path | None, _PathOption(help="Write to this file; arrays, if it ends in .npz.")
    ] = None,
) -> None:
    """Write test vectors: lines of an input, its code and the flags, in hexadecimal."""
    from numformats.cli import vectors

    with _refusing("vectors"):
        options = vectors.VectorOptions.parse(
            format_name=format_name,
            rounding=rounding,
            saturation=saturation,
            source=source,
            level=level,
            tininess=tininess,
        )
    raise typer.Exit(vectors.write(options, output))


@app.command("verify")
def _verify(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT")],
    file: Annotated[Path, _PathArgument(help="Answers, laid out as vectors are; - for a pipe.")],
    rounding: _Rounding = "nearest_even",
    saturation: _Saturation = "none",
    source: _Input = "float32",
    level: Annotated[
        int | None, typer.Option(help="All inputs of the vectors of this level must be there.")
    ] = None,
    tininess: _Tininess = "after",
) -> None:
    """Tell where an implementation's answers to test vectors are wrong.

    The exit status is 0 if all are right, 1 if some are wrong or missing, 2 if a line cannot be
    read or there is none.
    """
    from numformats.cli import vectors

    with _refusing("verify"):
        options = vectors.VectorOptions.parse(
            format_name=format_name,
            rounding=rounding,
            saturation=saturation,
            source=source,
            level=level,
            tininess=tininess,
        )
    raise typer.Exit(vectors.verify(options, file))
