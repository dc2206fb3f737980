"""The formats of the library as data for the page: steps, codes, and where values lie.

What a number system says of itself (`numformats.system`) is all that the page is told, too. What a
format has not, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict
from fractions import Fraction
from typing import Any, Final, NamedTuple

from numformats.exact.saturation import require_saturation
from numformats.formats.format import Format
from numformats.formats.registry import find_format, list_formats

# The package, before its module: threads that load them meet in that order.
from numformats.scaled import catalogue
from numformats.system import Lattice, NumberSystem, Taper

# Logarithmic systems have no list of names; these are well-known proportions.
_LNS_NAMES: Final = ("lns8_3", "lns8_4", "lns16_8")
_CODEBOOKS: Final = (catalogue.NF4_TABLE, catalogue.FP4_TABLE, catalogue.DYNAMIC_TABLE)

Data = dict[str, Any]


class Family(NamedTuple):
    """Formats that stand together in the page, and how their codes fall into fields."""

    title: str
    formats: tuple[Format, ...]
    fields: Callable[[Any], Data]


def all_families() -> tuple[Family, ...]:
    """All that the page has, in its order."""
    return (
        Family("IEEE 754 and like it", _listed("ieee"), _float_fields),
        Family("OCP: FP8, FP6, FP4, scale", _listed("ocp"), _float_fields),
        Family("FNUZ", _listed("fnuz"), _float_fields),
        Family("HiFloat8", _listed("hifloat"), lambda _: {"kind": "hifloat8"}),
        Family("Integers", _listed("integers"), lambda _: {"kind": "integer"}),
        Family("Posits", _listed("posits"), lambda fmt: {"kind": "posit", "es": fmt.es}),
        Family("Takums", _listed("takums"), lambda _: {"kind": "takum"}),
        Family("Logarithmic takums", _listed("logarithmic"), lambda _: {"kind": "takum"}),
        Family("Logarithmic", _named(_LNS_NAMES), _logarithm_fields),
        Family("Codebooks", _CODEBOOKS, lambda _: {"kind": "entry"}),
        Family("IEEE P3109", _listed("p3109"), _float_fields),
    )


def families() -> list[Data]:
    """The same as JSON has it."""
    return [
        {
            "title": family.title,
            "formats": [described(fmt) | {"fields": family.fields(fmt)} for fmt in family.formats],
        }
        for family in all_families()
    ]


def described(fmt: Format) -> Data:
    """A format as the page is told of it."""
    data: Data = {
        "name": fmt.name,
        "bits": fmt.bits,
        "lowest": fmt.lowest_step,
        "highest": fmt.highest_step,
        "overflow": fmt.overflow,
        **_order(fmt),
    }
    if fmt.even_ties != "code":
        data["ties"] = fmt.even_ties
    if fmt.has_inf:
        data["infinity"] = fmt.code_of_infinity(False)
    if fmt.has_nan:
        data["nan"] = [fmt.code_of_nan(False), fmt.code_of_nan(True)]
    if fmt.has_negative_zero:
        data["negative_zero"] = fmt.code_of_zero(True)
    if _wraps(fmt):
        data["wraps"] = True
    return data


def _wraps(fmt: Format) -> bool:
    try:
        require_saturation(fmt, "wrap")
    except ValueError:
        return False
    return True


# Where values lie


def _order(fmt: Format) -> Data:
    if fmt.lattice is not None:
        return {"lattice": _lattice(fmt.lattice)}
    if fmt.taper is not None:
        return {"taper": _taper(fmt.taper)}
    powers = getattr(fmt, "powers", None)
    if powers is not None:
        codes = runs(fmt.codes_in_order)
        return {"powers": {**powers._asdict(), "exponents": runs(powers.exponents), "codes": codes}}
    return {"table": _table(fmt)}


def _lattice(lattice: Lattice) -> Data:
    """All fields that differ from their defaults."""
    plain = asdict(Lattice(0, 0)) | {"trailing_bits": None, "lowest_quantum": None}
    return {name: value for name, value in asdict(lattice).items() if value != plain[name]}


def _taper(taper: Taper) -> Data:
    """Starts are binary fractions that float64 holds, and so does JSON."""
    return {
        "lowest_exponent": taper.lowest_exponent,
        "starts": [_as_number(binade.start) for binade in taper.binades],
        "widths": [binade.width for binade in taper.binades],
    }


def _table(fmt: Format) -> Data:
    """The value of each code. Boundaries are means, which is what the page takes them for."""
    if type(fmt).boundary is not NumberSystem.boundary:
        raise NotImplementedError(f"{fmt.name}: boundaries that are no means")
    values = [_as_number(fmt.value(code)) for code in range(2**fmt.bits)]
    beyond = getattr(fmt, "value_beyond", None)
    return {"values": values} | ({} if beyond is None else {"beyond": _as_number(beyond)})


def _as_number(value: Fraction | float) -> float | int | str:
    """A number that JSON has, or a word for one that it has not."""
    if not math.isfinite(value):
        return str(float(value))
    number = float(value)
    assert number == value, value
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def runs(numbers: Iterable[int | None]) -> list[list[int | None]]:
    """Numbers as runs of equal differences: the first, the difference, how many.

    >>> runs([5, 7, 9, 10])
    [[5, 2, 3], [10, 0, 1]]
    """
    found: list[list[Any]] = []
    for number in numbers:
        if found and _goes_on(found[-1], number):
            first, difference, count = found[-1]
            found[-1] = [first, number - first if count == 1 else difference, count + 1]
        else:
            found.append([number, 0, 1])
    return found


def _goes_on(run: list[Any], number: Any) -> bool:
    first, difference, count = run
    if first is None or number is None:
        return False
    return bool(count == 1 or number == first + difference * count)


# Fields of codes


def _float_fields(fmt: Format) -> Data:
    return {"kind": "float", "exponent": fmt.exponent_bits, "bias": fmt.bias}


def _logarithm_fields(fmt: Format) -> Data:
    return {"kind": "logarithm"}


def _listed(family: str) -> tuple[Format, ...]:
    return _named(list_formats(family))


def _named(names: Iterable[str]) -> tuple[Format, ...]:
    found = map(find_format, names)
    return tuple(fmt for fmt in found if fmt is not None)
