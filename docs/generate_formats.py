"""The tables of the formats page, made from the format descriptions themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np

import numformats as nf
from numformats.formats.registry import ALIASES
from numformats.reals import in_powers_of_two
from numformats.scaled.conventions import CASTS
from numformats.scaled.describing import granularity_text, rule_text

T = TypeVar("T")

NONE = "-"

IEEE = """\
### IEEE 754 and its plan

The top exponent is set aside: infinity where the trailing significand is 0, NaN where it is not
(IEEE 754-2019 clause 3.4). `float16` and `float32` are interchange formats of the standard
(clause 3.6, table 3.5). The others share out their bits in the same way: `bfloat16` (Google, Intel,
2018), `tf32` (NVIDIA A100 white paper, 2020), `float8_e5m2` (OCP OFP8 v1.0, table 1), `float8_e4m3`
and `float8_e3m4` (LLVM APFloat). One departs from the plan: `dlfloat16` (Agrawal et al., ARITH
2019) has no subnormals, no infinity, and one NaN code of each sign."""

OCP = """\
### OCP: OFP8 E4M3 and Microscaling (MX)

*fn* in a name: finite, no infinity. `float8_e4m3fn` is E4M3 of the OCP 8-bit Floating Point
Specification (OFP8) v1.0, table 1; E5M2 of the same specification is on the plan of IEEE 754 and
stands above. The others are the elements and the scale of the OCP Microscaling Formats (MX)
Specification v1.0, clauses 5.3 and 5.4. `float8_e8m0fnu` is a scale: a bare exponent, unsigned and
without zero. Positive numbers below the smallest value become that value. Zero and negative numbers
overflow, and so become NaN under `none`."""

FNUZ = """\
### FNUZ

*fnuz* in a name: finite, NaN, unsigned zero. The one NaN is the code that would be negative zero.
Source: Noune et al., "8-bit Numerical Formats for Deep Neural Networks", 2022, arXiv:2206.02915;
for the variant with bias 11, LLVM APFloat."""

P3109 = """\
### IEEE P3109

One rule makes them all (IEEE P3109 interim report v4.0, clauses 3.1 and 4.7.2), and the name
`binary{K}p{P}{s|u}{e|f}` says what it made: K bits, precision P, **s**igned or **u**nsigned,
**e**xtended (with infinity) or **f**inite. There is one zero.

|  | signed | unsigned |
| --- | --- | --- |
| bias | `2**(K-P-1)` | `2**(K-P)` |
| the one NaN | `2**(K-1)`, where negative zero would be | `2**K - 1`, the last code |
| infinity, if extended | `2**(K-1) - 1` | `2**K - 2` |
| negative infinity, if extended | `2**K - 1` | - |
| overflow of `none`, extended | infinity | infinity; below zero, NaN |
| overflow of `none`, finite | max | max; below zero, NaN |

`nf.p3109(K, P, signed=..., extended=...)` makes a format of 3 to 16 bits, and
`nf.list_formats("p3109")` names all 504. The signed ones of 8 bits:"""

POSITS = """\
### Posits

The Posit Standard of 2022 has two exponent bits, and codes in two's complement; `nf.posit(n, es)`
makes others of 3 to 32 bits, whose names are `posit12`, `posit8_es1` and so on. *NaR* (not a real)
is what infinities and NaN become; no other number does, under any mode. To nearest, no number but
zero becomes zero, and what is too large becomes the largest value. How a code is read is told under
[number systems](number_systems.md#posits). Sources: Posit Standard 2022, clauses 3.4, 3.5 and 4.1;
Gustafson and Yonemoto, 2017, for other numbers of exponent bits."""

TAKUMS = """\
### Takums

Linear takums. `nf.takum(n)` makes others of 6 to 16 bits. What is said of posits holds for them;
how a code is read is told under [number systems](number_systems.md#takums). Source: Hunhold,
"Beating Posits at Their Own Game: Takum Arithmetic", 2024, arXiv:2404.18603."""

LOGARITHMIC = """\
### Logarithmic systems

A code holds a logarithm, so its value is a power, and mostly irrational; what is decoded is the
float64 nearest to it. To nearest, the logarithm is rounded. `nf.lns(n, fraction_bits)` makes
logarithmic number systems of 3 to 16 bits, named `lns8_4` and so on, with a logarithm to base 2 in
fixed point; `nf.log_takum(n)` logarithmic takums of 6 to 16 bits, to the base of the square root of
e. How their codes are read, and their sources, are told under
[number systems](number_systems.md#logarithmic-number-systems). With names of their own:"""

INTEGERS = """\
### Integers

Two's complement: no infinity, no NaN, no negative zero. Overflow of `none` goes to the nearer end
of the range. N is the number of bits. A narrow format never writes the lowest code, so that its
range is symmetric."""


def formats_page() -> str:
    """The generated part of the formats page, in MyST Markdown."""
    sections = []
    for family, text in (("ieee", IEEE), ("ocp", OCP), ("fnuz", FNUZ)):
        members = [fmt for fmt in _members(family) if isinstance(fmt, nf.FloatFormat)]
        sections += [text, table(members, NUMBERS), table(members, CODES)]
    sections += [P3109, table(range(1, 8), SIGNED_8_BITS)]
    for family, text in (("posits", POSITS), ("takums", TAKUMS)):
        sections += [text, table(_members(family), TAPERED)]
    sections += [LOGARITHMIC, table(_members("logarithmic"), POWERS)]
    sections += [INTEGERS, table(INTEGER_PATTERNS, INTEGER_COLUMNS)]
    return "\n\n".join(sections) + "\n"


def _members(family: str) -> list[nf.Format]:
    return [nf.get_format(name) for name in nf.list_formats(family)]


def table(items: Sequence[T], columns: dict[str, Callable[[T], str]]) -> str:
    """A Markdown table: a row for each item, a column for each title and the cell it makes."""
    rows = [[cell(item) for cell in columns.values()] for item in items]
    lines = [list(columns), ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# Cells


def _value(value: Fraction) -> str:
    """A value exactly, and about how large it is where the exact form does not show it."""
    exact = in_powers_of_two(value)
    return exact if "*" not in exact else f"`{exact}` (about {float(value):.2g})"


def _fields(fmt: nf.FloatFormat) -> str:
    fields = [fmt.exponent_bits, fmt.mantissa_bits]
    return " + ".join(map(str, [1, *fields] if fmt.signed else fields))


def _smallest_subnormal(fmt: nf.FloatFormat) -> str:
    smallest = fmt.smallest_positive_exact
    return _value(smallest) if smallest < fmt.smallest_normal_exact else NONE


def _infinity(fmt: nf.FloatFormat) -> str:
    return NONE if fmt.inf_code is None else _codes(fmt, fmt.inf_code, fmt.inf_code)


def _nan(fmt: nf.FloatFormat) -> str:
    if fmt.nan_code is None:
        return NONE
    if not fmt.is_nan_code(fmt.top_code):  # then it stands where negative zero would
        return f"`0x{fmt.nan_code:X}`"
    return _codes(fmt, fmt.max_code + 1 + fmt.has_inf, fmt.top_code)


def _codes(fmt: nf.FloatFormat, first: int, last: int) -> str:
    """A range of magnitude codes, with a sign where both signs have it."""
    written = " to ".join(f"`0x{code:X}`" for code in sorted({first, last}))
    return f"± {written}" if fmt.signed else written


def _aliases(fmt: nf.Format) -> str:
    return ", ".join(f"`{alias}`" for alias, named in ALIASES.items() if named is fmt) or NONE


def _dtype(fmt: nf.Format) -> str:
    if fmt.dtype is None:
        return NONE
    package = fmt.dtype.type.__module__.partition(".")[0]
    return f"`{package}.{fmt.dtype.name}`"


# Columns

NUMBERS: dict[str, Callable[[nf.FloatFormat], str]] = {
    "format": lambda fmt: f"`{fmt.name}`",
    "bits": lambda fmt: str(fmt.bits),
    "fields": _fields,
    "precision": lambda fmt: str(fmt.precision),
    "bias": lambda fmt: str(fmt.bias),
    "max": lambda fmt: _value(fmt.highest),
    "smallest normal": lambda fmt: _value(fmt.smallest_normal_exact),
    "smallest subnormal": _smallest_subnormal,
}

CODES: dict[str, Callable[[nf.FloatFormat], str]] = {
    "format": lambda fmt: f"`{fmt.name}`",
    "infinity": _infinity,
    "NaN": _nan,
    "overflow of `none`": lambda fmt: {"nan": "NaN"}.get(fmt.overflow, fmt.overflow),
    "aliases": _aliases,
    "dtype": _dtype,
}


# Values of takums are best told by their exponents.
TAPERED: dict[str, Callable[[nf.Format], str]] = {
    "format": lambda fmt: f"`{fmt.name}`",
    "bits": lambda fmt: str(fmt.bits),
    "precision at 1": lambda fmt: str(fmt.precision),
    "smallest positive": lambda fmt: f"`{in_powers_of_two(fmt.smallest_positive_exact)}`",
    "max": lambda fmt: f"`{in_powers_of_two(fmt.highest)}`",
    "NaR": lambda fmt: f"`0x{fmt.code_of_nan(False):X}`",
    "aliases": _aliases,
}


POWERS: dict[str, Callable[[nf.Format], str]] = {
    "format": lambda fmt: f"`{fmt.name}`",
    "bits": lambda fmt: str(fmt.bits),
    "smallest positive, about": lambda fmt: f"{fmt.smallest_subnormal:.6g}",
    "max, about": lambda fmt: f"{fmt.max:.6g}",
    "next after 1, about": lambda fmt: f"{1 + fmt.eps:.8g}",
    "zero": lambda fmt: f"`0x{fmt.code_of_zero(False):X}`",
    "NaN": lambda fmt: f"`0x{fmt.code_of_nan(False):X}`",
}


def _signed_8_bits(precision: int, extended: bool) -> nf.FloatFormat:
    return nf.p3109(8, precision, signed=True, extended=extended)


SIGNED_8_BITS: dict[str, Callable[[int], str]] = {
    "formats": lambda p: ", ".join(f"`{_signed_8_bits(p, e).name}`" for e in (True, False)),
    "fields": lambda p: _fields(_signed_8_bits(p, False)),
    "bias": lambda p: str(_signed_8_bits(p, False).bias),
    "max, extended": lambda p: _value(_signed_8_bits(p, True).highest),
    "max, finite": lambda p: _value(_signed_8_bits(p, False).highest),
    "smallest normal": lambda p: _value(_signed_8_bits(p, False).smallest_normal_exact),
    "smallest subnormal": lambda p: _smallest_subnormal(_signed_8_bits(p, False)),
}

# Pattern of the name, lowest and highest value.
INTEGER_PATTERNS = (
    ("intN", "-2**(N-1)", "2**(N-1) - 1"),
    ("uintN", "0", "2**N - 1"),
    ("intN_narrow", "1 - 2**(N-1)", "2**(N-1) - 1"),
)


def _integers(pattern: str) -> list[nf.Format]:
    return [f for f in _members("integers") if f.name == pattern.replace("N", str(f.bits))]


def _widths(formats: list[nf.Format]) -> str:
    widths = [fmt.bits for fmt in formats]
    if len(widths) > 2 and widths == list(range(widths[0], widths[-1] + 1)):
        return f"{widths[0]} to {widths[-1]}"
    return ", ".join(map(str, widths)) or NONE


INTEGER_COLUMNS: dict[str, Callable[[tuple[str, str, str]], str]] = {
    "format": lambda row: f"`{row[0]}`",
    "min": lambda row: f"`{row[1]}`",
    "max": lambda row: f"`{row[2]}`",
    "widths N": lambda row: _widths(_integers(row[0])),
    "with a dtype": lambda row: _widths([f for f in _integers(row[0]) if f.dtype is not None]),
}


def scaled_page() -> str:
    """The table of the page on scaled formats."""
    rows = [
        "| name | element | scale | a scale for each | rule | bits |",
        "|---|---|---|---|---|---|",
    ]
    for fmt in map(nf.get_scaled_format, nf.list_scaled_formats()):
        rule = rule_text(fmt.rule) if fmt.is_symmetric else "range"
        scale = fmt.scale_element.name
        if isinstance(fmt.scale, nf.ScaledFormat):
            assert fmt.tensor_scale is not None
            scale += f" and {fmt.tensor_scale.name} ({granularity_text(fmt.scale.granularity)})"
        if fmt.scale_mean is not None:
            scale += f", less their mean ({fmt.scale_mean.name})"
        if fmt.micro_exponents:
            scale += f", doubled by bits per {' and '.join(map(str, fmt.micro_exponents))}"
        element = fmt.element.name
        if fmt.zero_point is not None:
            element += ", zero point"
        if fmt.offset is not None:
            element += f", {fmt.offset.name} offset"
        where = granularity_text(fmt.granularity)
        rows.append(f"| `{fmt.name}` | {element} | {scale} | {where} | {rule} | {fmt.bits:g} |")
    return "\n".join(rows) + "\n"


# What the libraries' casts do not agree about.
CAST_INPUTS = (
    ("465", 465.0),
    ("1e6", 1e6),
    ("infinity", float("inf")),
    ("NaN", float("nan")),
    ("-NaN", -float("nan")),
    ("0", 0.0),
    ("-2", -2.0),
    ("1.25 * 2**-127", 1.25 * 2.0**-127),
    ("2**-127", 2.0**-127),
    ("3 * 2**-129", 3 * 2.0**-129),
)


def casts_page() -> str:
    """The table of what each library's cast makes of numbers that they do not agree about."""
    rows = [
        f"| format | number | numformats | {' | '.join(CASTS)} |",
        "|---|---|---|" + "---|" * len(CASTS),
    ]
    formats = {name: None for casts in CASTS.values() for name in casts}
    for fmt in map(nf.get_format, formats):
        for title, number in CAST_INPUTS:
            ours = _attempt(lambda n=number, f=fmt: f.encode(np.float32(n), nan="raise"), fmt)
            theirs = [
                _attempt(lambda n=number, f=fmt, c=library: nf.cast(n, f, c), fmt)
                if fmt.name in casts
                else ""
                for library, casts in CASTS.items()
            ]
            if len({ours, *theirs} - {""}) > 1:
                rows.append(f"| `{fmt.name}` | {title} | {ours} | {' | '.join(theirs)} |")
    return "\n".join(rows) + "\n"


def _attempt(encode: Callable[[], int], fmt: nf.Format) -> str:
    """The code that a cast gives, and its value; or that it refuses."""
    try:
        code = int(encode())
    except ValueError:
        return "refused"
    value = float(fmt.decode(code))
    return f"`0x{code:X}` {'NaN' if value != value else f'{value:.6g}'}"
