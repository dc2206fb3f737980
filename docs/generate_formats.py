"""The tables of the formats page, made from the format descriptions themselves."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numformats as nf
from numformats.formats import ALIASES
from numformats.formats.base import in_powers_of_two

NONE = "–"

# Family, heading, and what its members have in common.
FLOAT_FAMILIES = (
    (
        "ieee",
        "IEEE 754 and its plan",
        "The top exponent is set aside: infinity at trailing significand 0, NaN at all others "
        "(IEEE 754-2019 clause 3.4). `float16` and `float32` are interchange formats of the "
        "standard (clause 3.6); the others lay out fewer bits in the same way. `dlfloat16` is the "
        "exception: no subnormals, no infinity, and one NaN code of each sign.",
    ),
    (
        "ocp",
        "OCP: OFP8 E4M3 and Microscaling (MX)",
        "*fn* in a name: finite, no infinity. `float8_e4m3fn` is E4M3 of the OCP 8-bit Floating "
        "Point Specification (OFP8) v1.0, table 1; E5M2 of the same specification is on the plan "
        "of IEEE 754 and stands above. The others are the elements and the scale of the OCP "
        "Microscaling Formats (MX) Specification v1.0, clauses 5.3 and 5.4. `float8_e8m0fnu` is "
        "a scale: unsigned, without zero, a bare exponent.",
    ),
    (
        "fnuz",
        "FNUZ",
        "*fnuz*: finite, NaN, unsigned zero. The code that would be negative zero is the one NaN. "
        "Source: Noune et al., 8-bit Numerical Formats for Deep Neural Networks, 2022, "
        "arXiv:2206.02915; the variant with bias 11 as in LLVM's APFloat.",
    ),
)


def formats_page() -> str:
    """The generated part of the formats page, in MyST Markdown."""
    sections = [
        _float_family(family, heading, text) for family, heading, text in FLOAT_FAMILIES
    ]
    return "\n\n".join([*sections, _p3109(), _integers()]) + "\n"


# Floating point: one table for each family

FLOAT_COLUMNS: tuple[tuple[str, Callable[[nf.FloatFormat], str]], ...] = (
    ("format", lambda f: f"`{f.name}`"),
    ("bits", lambda f: str(f.bits)),
    ("fields", lambda f: _fields(f)),
    ("p", lambda f: str(f.precision)),
    ("bias", lambda f: str(f.bias)),
    ("max", lambda f: _value(f.highest)),
    ("smallest normal", lambda f: _value(f.smallest_normal_exact)),
    ("smallest subnormal", lambda f: _smallest_subnormal(f)),
    ("infinity", lambda f: _infinity(f)),
    ("NaN", lambda f: _nan(f)),
    ("overflow", lambda f: f.overflow),
    ("also called", lambda f: _aliases(f)),
    ("dtype", lambda f: _dtype(f)),
)


def _float_family(family: str, heading: str, text: str) -> str:
    rows = []
    for name in nf.list_formats(family):
        fmt = nf.get_format(name)
        assert isinstance(fmt, nf.FloatFormat)
        rows.append([cell(fmt) for _, cell in FLOAT_COLUMNS])
    table = _table([title for title, _ in FLOAT_COLUMNS], rows)
    return f"### {heading}\n\n{text}\n\n{table}"


def _fields(fmt: nf.FloatFormat) -> str:
    fields = [fmt.exponent_bits, fmt.mantissa_bits]
    return "\u00a0+\u00a0".join(map(str, [1, *fields] if fmt.signed else fields))


def _smallest_subnormal(fmt: nf.FloatFormat) -> str:
    smallest = fmt.smallest_positive_exact
    return _value(smallest) if smallest < fmt.smallest_normal_exact else NONE


def _infinity(fmt: nf.FloatFormat) -> str:
    if fmt.inf_code is None:
        return NONE
    return _sign(fmt) + _code(fmt.inf_code, fmt)


def _nan(fmt: nf.FloatFormat) -> str:
    codes = [code for code in range(fmt.top_code + 1) if fmt.is_nan_code(code)]
    if not codes:  # at the code of negative zero, or nowhere
        return NONE if fmt.nan_code is None else _code(fmt.nan_code, fmt)
    first, last = _code(codes[0], fmt), _code(codes[-1], fmt)
    return _sign(fmt) + (first if first == last else f"{first} to {last}")


def _sign(fmt: nf.FloatFormat) -> str:
    return "±\u00a0" if fmt.signed else ""


def _code(code: int, fmt: nf.FloatFormat) -> str:
    digits = (fmt.bits + 3) // 4
    return f"`0x{code:0{digits}X}`"


def _aliases(fmt: nf.Format) -> str:
    return ", ".join(f"`{alias}`" for alias, named in ALIASES.items() if named is fmt) or NONE


def _dtype(fmt: nf.Format) -> str:
    dtype = fmt.dtype
    if dtype is None:
        return NONE
    package = dtype.type.__module__.partition(".")[0]
    return package if dtype.name == fmt.name else f"{package} `{dtype.name}`"


# P3109: a rule, and a few of its 504 members as an example

P3109_TEXT = """\
### IEEE P3109

One rule makes them all (IEEE P3109 interim report v4.0, clauses 3.1 and 4.7.2). The name
`binary{K}p{P}{s|u}{e|f}` says it: K bits, precision P, *s*igned or *u*nsigned, *e*xtended (with
infinity) or *f*inite. The bias is 2**(K-P-1) if signed and 2**(K-P) if not. There is one zero.

| code | signed | unsigned |
|---|---|---|
| NaN, the only one | 2**(K-1), where negative zero would be | 2**K - 1, the last |
| +infinity, if extended | 2**(K-1) - 1 | 2**K - 2 |
| -infinity, if extended | 2**K - 1 | – |
| overflow under `none` | infinity, or max if finite | the same; below zero, NaN |

`numformats.p3109(K, P, signed=..., extended=...)` makes a format of 3 to 16 bits;
`numformats.list_formats("p3109")` names all of them. Here are the signed ones of 8 bits:
"""


def _p3109() -> str:
    rows = []
    for precision in range(1, 8):
        extended = nf.p3109(8, precision, signed=True, extended=True)
        finite = nf.p3109(8, precision, signed=True, extended=False)
        rows.append(
            [
                f"`{extended.name}`, `{finite.name}`",
                _fields(finite),
                str(finite.bias),
                _value(extended.highest),
                _value(finite.highest),
                _value(finite.smallest_normal_exact),
                _smallest_subnormal(finite),
            ]
        )
    header = [
        "formats",
        "fields",
        "bias",
        "max, extended",
        "max, finite",
        "smallest normal",
        "smallest subnormal",
    ]
    return f"{P3109_TEXT}\n{_table(header, rows)}"


# Integers: one row for each pattern

INTEGERS_TEXT = """\
### Integers

Two's complement, with no infinity, no NaN and no negative zero; overflow goes to the nearest end of
the range, or wraps round if `saturation="wrap"` asks for it. N is the number of bits. A narrow
format leaves the lowest code unused, which makes its range symmetric.
"""


def _integers() -> str:
    named = [nf.get_format(name) for name in nf.list_formats("integers")]
    rows = []
    for pattern, low, high in (
        ("intN", "-2**(N-1)", "2**(N-1) - 1"),
        ("uintN", "0", "2**N - 1"),
        ("intN_narrow", "1 - 2**(N-1)", "2**(N-1) - 1"),
    ):
        members = [fmt for fmt in named if fmt.name.replace(str(fmt.bits), "N") == pattern]
        widths = [fmt.bits for fmt in members]
        with_dtype = [str(fmt.bits) for fmt in members if fmt.dtype is not None]
        rows.append(
            [
                f"`{pattern}`",
                f"{min(widths)} to {max(widths)}",
                f"`{low}`",
                f"`{high}`",
                f"for N = {', '.join(with_dtype)}" if with_dtype else NONE,
            ]
        )
    return f"{INTEGERS_TEXT}\n{_table(['format', 'N', 'min', 'max', 'dtype'], rows)}"


# Markdown


def _value(value: Fraction) -> str:
    """A value exactly, with its size in decimal where the exact form does not show it."""
    exact = in_powers_of_two(value).replace(" ", "\u00a0")
    if "*" not in exact:
        return exact
    return f"`{exact}` ≈\u00a0{float(value):.3g}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
