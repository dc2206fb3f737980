"""What every law says of itself: where it stands, what it was fitted on, its constants."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Final

from numformats.laws.arguments import Floats

_HERE: Final = str(Path(__file__).parent)


class ExtrapolationWarning(UserWarning):
    """A law was asked about something that it was not fitted on."""


@dataclass(frozen=True)
class Source:
    """Where a law and its constants stand.

    Attributes
    ----------
    paper : str
        Its authors and year.
    arxiv : str
        Its number at arXiv; empty for a fit of your own.
    place : str
        The equations, tables and appendices that have the form and the constants.
    secondary : tuple of str
        The constants that were taken from somebody's summary, and not from the paper.
    inferred : str
        What the paper leaves open and how it is read here, with the reason; empty if nothing.
    """

    paper: str
    arxiv: str = ""
    place: str = ""
    secondary: tuple[str, ...] = ()
    inferred: str = ""


@dataclass(frozen=True)
class Range:
    """From where to where an argument went in the runs that a law was fitted on."""

    argument: str
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.argument} {self.low:g} to {self.high:g}"


class Constants:
    """A dataclass whose float fields are the constants of a formula."""

    @property
    def constants(self) -> dict[str, float]:
        """The constants by name; those of a part of a law as ``part.constant``."""
        found: dict[str, float] = {}
        for field in fields(self):  # type: ignore[arg-type]
            value: Any = getattr(self, field.name)
            if isinstance(value, float):
                found[field.name] = value
            elif isinstance(value, Constants):
                inner = value.constants.items()
                found |= {f"{field.name}.{name}": constant for name, constant in inner}
        return found


@dataclass(frozen=True)
class Law(Constants):
    """What all laws have in common.

    Attributes
    ----------
    name : str
        The law's name in `LAWS`.
    source : Source
        Where it stands.
    fitted_on : tuple of Range
        The runs that its constants were fitted on.
    form : str
        Its equations.
    constants : dict of str to float
        Its constants by name.
    """

    name: str
    source: Source
    fitted_on: tuple[Range, ...]
    form: ClassVar[str] = ""

    def __str__(self) -> str:
        source = self.source
        where = [source.paper, f"arXiv {source.arxiv}" if source.arxiv else "", source.place]
        lines = [
            f"{self.name}: {', '.join(filter(None, where))}",
            self.equations,
            ", ".join(f"{name} {value:g}" for name, value in self.constants.items()),
            f"fitted on {', '.join(map(str, self.fitted_on))}",
        ]
        if source.secondary:
            lines.append(f"not from the paper: {', '.join(source.secondary)}")
        return "\n".join([*lines, source.inferred] if source.inferred else lines)

    @property
    def equations(self) -> str:
        """`form`, or where a law may have one of several, that of its own."""
        return self.form

    def warn_outside(self, **arguments: Floats) -> None:
        """Warn once for each argument with numbers outside of what the law was fitted on."""
        for known in self.fitted_on:
            numbers = arguments.get(known.argument)
            if numbers is None or numbers.size == 0:
                continue
            low, high = float(numbers.min()), float(numbers.max())
            # What was written with a few digits is not held against the last of them.
            if known.low * (1 - 1e-9) <= low and high <= known.high * (1 + 1e-9):
                continue
            given = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            message = (
                f"{known.argument}: {given} is outside {known.low:g} to {known.high:g}, the runs "
                f"that {self.name} was fitted on; the answer is an extrapolation"
            )
            warnings.warn(message, ExtrapolationWarning, stacklevel=_levels_to_caller())


def _levels_to_caller() -> int:
    """How far up the stack is whoever asked a law, for the warning to point there."""
    levels = 1
    above: FrameType | None = sys._getframe(1)
    while above is not None and above.f_code.co_filename.startswith(_HERE):
        levels, above = levels + 1, above.f_back
    return levels
