"""`Explanation`: what `explain` finds of a number, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from numformats.exact.flags import Flags
from numformats.formats.format import Format
from numformats.formats.reading import Reading
from numformats.irrational import Irrational
from numformats.modes import Modes
from numformats.reals import Extended
from numformats.teaching import html, text
from numformats.teaching.records import Computation, Decision, Error, Neighbour

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False)
class Explanation:
    """How a number becomes a code of a format, and why that one.

    It prints as text of at most 80 columns, shows itself in a notebook, and `plot` draws it.

    Attributes
    ----------
    text : str
        The number as it was given.
    number : Fraction or float
        The same exactly; the floats inf, -inf and nan.
    negative : bool
        Its sign, which zero and NaN have, too.
    format : Format
        What it was projected onto.
    modes : Modes
        The rounding mode, the saturation mode, the policy for NaN.
    random_bits : int or None
        R of IEEE P3109, in the stochastic modes.
    code : int
        What it became.
    value : Fraction or float
        The value of that code; -0.0 for a negative zero.
    reading : Reading
        The fields of the code, and the formula of its value.
    lower, upper : Neighbour or None
        The two values that enclose the number, of a range without end; both are the number itself
        where it is a value, or the last value where there is nothing beyond. None if it is not
        finite.
    position : Fraction or None
        The part of the way from the lower to the upper neighbour at which the number lies; None if
        they are not two.
    boundary : Fraction, Irrational or None
        Where rounding to nearest changes sides between them.
    rounded : Fraction or float
        What rounding made of the number, which may be beyond the range.
    decisions : tuple of Decision
        Which rules decided: one for rounding, and one for saturation where that had something to
        decide.
    error : Error or None
        How far the value is from the number; None if one of them is not finite.
    flags : Flags
        The exceptions of IEEE 754 that the projection signals; what an operation signals by itself,
        such as a division by zero, is not among them.
    computation : Computation or None
        The operation whose result the number is, if it was one.

    Examples
    --------
    >>> import numformats as nf
    >>> why = nf.explain("0.1", "e4m3fn")
    >>> why.code, why.value, why.position
    (29, Fraction(13, 128), Fraction(4, 5))
    >>> why.decisions[0].rule, why.error.relative
    ('nearest', Fraction(1, 64))
    """

    text: str
    number: Extended
    negative: bool
    format: Format
    modes: Modes
    random_bits: int | None
    code: int
    value: Extended
    reading: Reading
    lower: Neighbour | None
    upper: Neighbour | None
    position: Fraction | None
    boundary: Fraction | Irrational | None
    rounded: Extended
    decisions: tuple[Decision, ...]
    error: Error | None
    flags: Flags
    computation: Computation | None = None

    @property
    def decided_by(self) -> Decision:
        """The decision that had the last word."""
        return self.decisions[-1]

    @property
    def taken(self) -> Neighbour | None:
        """The neighbour that the number was rounded to, if it had two."""
        if self.position is None:
            return None
        return self.upper if self.upper and self.rounded == self.upper.value else self.lower

    def __str__(self) -> str:
        return text.plain(text.lines_of(self))

    def __repr__(self) -> str:
        return f"<Explanation {text.headline(self)}>"

    def _repr_html_(self) -> str:
        return html.page_part(text.lines_of(self), text.headline(self))

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON: exact numbers as str, such as ``"13/128"``."""
        from numformats.teaching.plain_data import of_explanation

        return of_explanation(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the neighbours, the boundary and the number on a line.

        ax: where to, by default a new figure. ModuleNotFoundError without matplotlib, ValueError
        for a number that has no two neighbours.
        """
        from numformats.plots import rounding_step

        if self.lower is None or self.upper is None or self.position is None:
            raise ValueError(f"{self.text} lies between no two values, so there is nothing to draw")
        assert isinstance(self.number, Fraction)
        assert isinstance(self.rounded, Fraction)
        return rounding_step(
            self.number,
            self.lower.value,
            self.upper.value,
            self.boundary,
            self.rounded,
            title=text.headline(self),
            ax=ax,
        )
