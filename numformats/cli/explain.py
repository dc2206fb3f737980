"""`numformats explain`: why a number becomes the code that it becomes, or what a code means."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from numformats.cli.outputs import drop_stdout, write_fault
from numformats.cli.plotting import require_matplotlib, save_figure
from numformats.cli.rounding_words import read_rounding
from numformats.modes import RoundingMode, parse_nan, parse_saturation
from numformats.names import get_format
from numformats.reals import read_number
from numformats.scaled.catalogue import find
from numformats.scaled.formats import ScaledFormat
from numformats.teaching import CodeExplanation, Explanation, ScaledExplanation, explain
from numformats.teaching.codes import explain_format_code, lines_of_code
from numformats.teaching.layout import Line
from numformats.teaching.scaled import lines_of_scaled
from numformats.teaching.text import lines_of

# As a terminal has them; they stand out from light and from dark.
_STYLES: Final = {
    "strong": "bold",
    "faint": "dim",
    "field0": "bold blue",
    "field1": "bold red",
    "field2": "bold green",
    "field3": "bold magenta",
    "field4": "bold yellow",
    "field5": "bold cyan",
}


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """What was asked for, and what was found, before anything is written."""

    found: Explanation | CodeExplanation | ScaledExplanation
    as_json: bool
    plot: Path | None

    @classmethod
    def parse(
        cls,
        *,
        number: str,
        format_name: str,
        rounding: str,
        saturation: str | None,
        nan: str,
        random_bits: int | None,
        index: int | None,
        is_code: bool,
        as_json: bool,
        plot: Path | None,
    ) -> ExplainOptions:
        """The options of a command line; ValueError or TypeError for what makes no sense."""
        if plot is not None:
            require_matplotlib("--plot")
        mode: RoundingMode = read_rounding(rounding)
        parse_nan(nan)
        if saturation is not None:
            parse_saturation(saturation)
        if is_code:
            found: Any = explain_format_code(_read_code(number), get_format(format_name))
        else:
            found = _explained(number, format_name, mode, saturation, nan, random_bits, index)
        if plot is not None and not isinstance(found, Explanation):
            raise ValueError("--plot: a number between its neighbours is drawn, and nothing else")
        return cls(found=found, as_json=as_json, plot=plot)


def _explained(
    number: str,
    format_name: str,
    rounding: Any,
    saturation: str | None,
    nan: str,
    random_bits: int | None,
    index: int | None,
) -> Explanation | ScaledExplanation:
    if index is None and isinstance(find(format_name), ScaledFormat):
        block = _read_block(number)
        if len(block) != 1:
            raise ValueError(f"--index: which of the {len(block)} numbers? They are counted from 0")
        index = 0
    if index is None:
        return explain(number, format_name, rounding, saturation, nan=nan, random_bits=random_bits)
    block = _read_block(number)
    return explain(block, format_name, rounding, saturation, random_bits=random_bits, index=index)


def _read_code(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"--code: {text!r} is no code; write 29, 0x1d or 0b11101") from None


def _read_block(text: str) -> list[float]:
    """Numbers with commas or spaces between, as float64."""
    found = [read_number(part)[0] for part in text.replace(",", " ").split()]
    if not found:
        raise ValueError("--index: no numbers; write them with commas between, '0.1, -2.5, 3'")
    return [float(number) for number in found]


def write(options: ExplainOptions) -> int:
    """Write an explanation to standard output, and its picture to a file; the exit status."""
    found = options.found
    if options.plot is not None and isinstance(found, Explanation):
        try:
            save_figure(found.plot().figure, options.plot)
        except (OSError, ValueError) as error:
            print(f"numformats explain: {write_fault(options.plot, error)}", file=sys.stderr)
            return 2
    try:
        if options.as_json:
            print(json.dumps(found.as_dict(), indent=2))
        else:
            _print_coloured(_lines(found))
        sys.stdout.flush()
    except BrokenPipeError:  # a reader such as `head` that has seen enough
        drop_stdout()
    return 0


def _lines(found: Explanation | CodeExplanation | ScaledExplanation) -> list[Line]:
    if isinstance(found, Explanation):
        return lines_of(found)
    return lines_of_code(found) if isinstance(found, CodeExplanation) else lines_of_scaled(found)


def _print_coloured(lines: Iterable[Line]) -> None:
    if not sys.stdout.isatty():
        for line in lines:
            print("".join(span.text for span in line).rstrip())
        return
    console = Console(highlight=False)
    for line in lines:
        spans = ((span.text, _STYLES.get(span.kind, "")) for span in line)
        console.print(Text.assemble(*spans), soft_wrap=True)
