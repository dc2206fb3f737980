"""The page's own arithmetic, in Chromium, against the library's: no code differs."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from page_browser import ask, running_browser

import numformats as nf
from numformats.formats.format import Format
from numformats.irrational import Irrational
from numformats.modes import DETERMINISTIC, Stochastic
from numformats.page.formats import all_families, described
from numformats.reals import read_number
from numformats.system import NumberSystem
from numformats.testing.decision_points import decision_inputs, fraction_inputs

pytestmark = pytest.mark.browser

NUMBERS = 2000
P3109 = "IEEE P3109"
FORMATS = [fmt for family in all_families() for fmt in family.formats if family.title != P3109]
P3109_FORMATS = [
    fmt for family in all_families() for fmt in family.formats if family.title == P3109
]
IDS = [fmt.name for fmt in FORMATS]


@dataclass(frozen=True)
class Mode:
    """A projection, for the library and for the page."""

    rounding: str | Stochastic
    saturation: str

    @property
    def bits(self) -> int:
        if isinstance(self.rounding, Stochastic):
            return self.rounding.bits
        return int(self.rounding == "stochastic_equal")

    def for_page(self) -> dict[str, Any]:
        rounding = self.rounding
        if isinstance(rounding, Stochastic):
            rounding = f"stochastic_{rounding.variant}"
        return {"rounding": rounding, "saturation": self.saturation, "bits": self.bits}


ROUNDINGS = [
    *DETERMINISTIC,
    "stochastic_equal",
    *(Stochastic(bits, variant) for variant, bits in (("A", 8), ("B", 5), ("C", 8), ("C", 32))),
]


def modes_of(fmt: Format) -> list[Mode]:
    wraps = ["wrap"] if "wraps" in described(fmt) else []
    saturations = ["none", "finite", "propagate", *wraps]
    return [Mode(rounding, saturation) for rounding in ROUNDINGS for saturation in saturations]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_browser(tmp_path_factory.mktemp("page")) as browser, browser.open() as page:
        yield page
        assert browser.messages == []


def in_base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def in_hexadecimal(value: Any) -> str:
    """An exact value as the page's functions tell it: Python writes no decimals of any length."""
    if isinstance(value, Fraction):
        return f"{value.numerator:x}/{value.denominator:x}"
    if math.isnan(value):
        return "NaN"
    return "-0" if value == 0 else "Infinity" if value > 0 else "-Infinity"


def numbers_for(fmt: Format, rng: np.random.Generator) -> NDArray[np.float64]:
    """Decision points, parts of the way between values, and others of all sizes."""
    points = [decision_inputs(fmt, np.float64), fraction_inputs(fmt, np.float64, 8)]
    near = np.concatenate(points)
    near = near[np.isfinite(near)]
    chosen = rng.choice(near, NUMBERS - 100, replace=len(near) < NUMBERS)
    others = rng.standard_normal(96) * 2.0 ** rng.integers(-40, 40, 96)
    return np.concatenate([chosen, others, [0.0, -0.0, np.inf, -np.inf]])


def assert_as_encode(
    page: Any, fmt: Format, shares: list[tuple[Mode, NDArray[np.float64]]], rng: np.random.Generator
) -> None:
    """The codes of some numbers for each of some modes."""
    asked, expected = [], []
    for mode, x in shares:
        given, random = mode.for_page() | {"floats": in_base64(x)}, {}
        if mode.bits:
            draws = rng.integers(0, 2**mode.bits, len(x), np.uint64).astype(np.uint32)
            given["draws"], random = in_base64(draws), {"random_bits": draws}
        asked.append(given)
        expected.append(fmt.encode(x, mode.rounding, mode.saturation, **random))
    answers = ask(page, "encodeFloats", name=fmt.name, modes=asked)
    for (mode, x), answer, codes in zip(shares, answers, expected, strict=True):
        got = np.frombuffer(base64.b64decode(answer), np.uint32)
        wrong = np.flatnonzero(got != codes)[:3]
        assert not wrong.size, (fmt.name, mode, x[wrong], got[wrong], codes[wrong])


def without_infinities(x: NDArray[np.float64], mode: Mode) -> NDArray[np.float64]:
    """What the mode takes: there is nothing that infinity could wrap to."""
    return x[np.isfinite(x)] if mode.saturation == "wrap" else x


@pytest.mark.parametrize("fmt", FORMATS, ids=IDS)
def test_every_mode_gives_the_codes_of_encode(page: Any, fmt: Format) -> None:
    rng = np.random.default_rng(0)
    x = numbers_for(fmt, rng)
    shares = [(mode, without_infinities(x, mode)) for mode in modes_of(fmt)]
    assert_as_encode(page, fmt, shares, rng)


def rationals_for(fmt: Format, rng: np.random.Generator, count: int) -> list[Fraction]:
    """Numbers that float64 mostly has not: at boundaries and values, and just beside them."""
    steps = rng.integers(fmt.lowest_step, fmt.highest_step, count, np.int64, endpoint=True)
    found = []
    for place, step in enumerate(steps.tolist()):
        boundary = fmt.boundary(step) if fmt.lattice is not None or step < fmt.highest_step else 0
        near = Fraction(float(boundary)) if isinstance(boundary, Irrational) else Fraction(boundary)
        if isinstance(boundary, Irrational):
            near = boundary.enclose(200)[place % 2]
        base = fmt.value_of_step(step) if place % 3 == 0 else near
        beside = base * Fraction((place % 5) - 2, 10**40)
        found.append(base + beside)
    return found


@pytest.mark.parametrize("fmt", FORMATS, ids=IDS)
def test_numbers_that_float64_has_not_get_the_codes_of_the_oracle(page: Any, fmt: Format) -> None:
    rng = np.random.default_rng(1)
    assert_as_the_oracle(page, fmt, rationals_for(fmt, rng, 240), rng)


def assert_as_the_oracle(
    page: Any, fmt: Format, numbers: list[Fraction], rng: np.random.Generator
) -> None:
    """Each number in one of the modes, in turn."""
    modes = modes_of(fmt)
    asked, expected = [], []
    for place, number in enumerate(numbers):
        mode = modes[place % len(modes)]
        draw = int(rng.integers(0, 2**mode.bits)) if mode.bits else None
        asked.append([in_hexadecimal(number), mode.for_page() | {"draw": draw or 0}])
        expected.append(
            nf.exact.project(number, fmt, mode.rounding, mode.saturation, random_bits=draw)
        )
    answers = ask(page, "encodeFractions", name=fmt.name, fractions=asked)
    wrong = [
        (*given, answer, code)
        for given, answer, code in zip(asked, answers, expected, strict=True)
        if answer != code
    ]
    assert not wrong, (fmt.name, wrong[:3])


def test_all_formats_of_p3109_in_every_mode(page: Any) -> None:
    """Some two thousand numbers of each, of which some modes have one and others another."""
    rng = np.random.default_rng(2)
    for fmt in P3109_FORMATS:
        if fmt.exponent_bits > 9:  # values, or what is beside them, are beyond float64
            assert_as_the_oracle(page, fmt, rationals_for(fmt, rng, 200), rng)
            continue
        x, modes = numbers_for(fmt, rng), modes_of(fmt)
        shares = [(mode, x[place :: len(modes)]) for place, mode in enumerate(modes)]
        assert_as_encode(page, fmt, shares, rng)


def test_codes_decode_to_the_values_of_the_oracle(page: Any) -> None:
    """All of formats of 8 bits and fewer, and 2,000 of the others."""
    rng = np.random.default_rng(3)
    checked = 0
    for fmt in [*FORMATS, *P3109_FORMATS]:
        if fmt.bits <= 8:
            codes = list(range(2**fmt.bits))
        else:
            count = NUMBERS if fmt in FORMATS else 100
            codes = rng.integers(0, 2**fmt.bits, count, np.uint64).tolist()
        expected = [in_hexadecimal(nf.exact.decode(code, fmt)) for code in codes]
        answers = ask(page, "decodeCodes", name=fmt.name, codes=[str(code) for code in codes])
        assert answers == expected, fmt.name
        checked += len(expected)
    assert checked > 90_000


def test_nan_has_the_code_of_the_library(page: Any) -> None:
    mode = Mode("nearest_even", "none").for_page()
    for fmt in [*FORMATS, *P3109_FORMATS]:
        if not fmt.has_nan:
            continue
        answers = ask(page, "encodeTexts", name=fmt.name, texts=[["nan", mode], ["-nan", mode]])
        assert answers == [fmt.code_of_nan(False), fmt.code_of_nan(True)], fmt.name


def random_parameters(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "exponent": int(rng.integers(1, 9)),
        "trailing": int(rng.integers(0, 9)),
        "bias": int(rng.integers(-20, 150)),
        "signed": bool(rng.integers(0, 2)),
        "infinity": bool(rng.integers(0, 2)),
        "nan": str(rng.choice(["ieee", "top", "negative_zero", "none"])),
        "subnormals": str(rng.choice(["gradual", "none", "flush"])),
    }


def own_format(p: dict[str, Any]) -> Format | None:
    """The same format of the library; None where it refuses one."""
    try:
        return nf.FloatFormat(
            "own",
            p["exponent"],
            p["trailing"],
            bias=p["bias"],
            signed=p["signed"],
            has_inf=p["infinity"],
            nan=p["nan"],
            has_subnormals=p["subnormals"] == "gradual",
            subnormals="flush" if p["subnormals"] == "flush" else "gradual",
        )
    except ValueError:
        return None


def test_formats_of_ones_own_are_those_of_the_library(page: Any) -> None:
    rng = np.random.default_rng(4)
    given = [random_parameters(rng) for _ in range(600)]
    answers = ask(page, "describeFloats", given=given)
    formats = [own_format(parameters) for parameters in given]
    assert 100 < sum(fmt is None for fmt in formats) < 500
    for parameters, answer, fmt in zip(given, answers, formats, strict=True):
        if fmt is None:
            assert answer is None, parameters
            continue
        assert answer is not None, parameters
        fields = {"kind": "float", "exponent": fmt.exponent_bits, "bias": fmt.bias}
        name = answer.pop("name")
        assert answer | {"name": "own"} == described(fmt) | {"fields": fields}, parameters
        # The name that a link holds makes the same format.
        numbers = rationals_for(fmt, rng, 6)
        expected = [nf.exact.project(number, fmt) for number in numbers]
        asked = [[in_hexadecimal(x), Mode("nearest_even", "none").for_page()] for x in numbers]
        assert ask(page, "encodeFractions", name=name, fractions=asked) == expected


TEXTS = [
    *("0.1", "-0.1", "+.5", "5.", "1e3", "1E-3", "-1.25e+2", "0", "-0", "-0.0", "1/3", "-22/7"),
    *("0x1.8p-3", "-0x.8", "0xAp2", "0X1.P1", "inf", "-Inf", "Infinity", "nan", "-NaN", " 2 "),
    *("1_000", "1__0", "", ".", "1.2.3", "0x", "0xg", "1/0", "1/-3", "e5", "1e", "--1", "abc"),
    *("1e1000001", "0x1p1000001", "1e-1000001", "0,1", "1 2", "infinite", "∞", "1e400", "3/0.5"),
]


def read_or_none(text: str) -> list[Any] | None:
    try:
        value, negative = read_number(text)
    except ValueError:
        return None
    return [in_hexadecimal(value), negative]


def test_texts_are_read_as_the_library_reads_them(page: Any) -> None:
    answers = ask(page, "readTexts", texts=TEXTS)
    for text, answer in zip(TEXTS, answers, strict=True):
        expected = read_or_none(text)
        # The sign of a NaN that is typed is the only one that Python's float keeps.
        assert answer == expected, (text, answer, expected)


def test_numbers_are_written_so_that_they_can_be_read(page: Any) -> None:
    rng = np.random.default_rng(5)
    numbers = [Fraction(x) for x in rng.standard_normal(300) * 2.0 ** rng.integers(-900, 900, 300)]
    numbers += [Fraction(int(n), int(d)) for n, d in rng.integers(1, 10**6, (300, 2))]
    numbers += [Fraction(1, 8), Fraction(0), Fraction(10**5), Fraction(999_999_5, 10)]
    written = ask(page, "writeNumbers", texts=[str(number) for number in numbers])
    for number, answer in zip(numbers, written, strict=True):
        assert read_number(answer["readable"])[0] == number
        assert answer["float"] == float(number)
        if answer["decimal"] is not None:
            assert Fraction(answer["decimal"]) == number
        near = Fraction(answer["near"])
        assert abs(near - number) <= abs(number) * Fraction(51, 10**7), (number, answer)


def test_boundaries_are_taken_for_means_only_where_they_are() -> None:
    """What the page is not told of boundaries, it computes so."""
    for fmt in FORMATS:
        data = described(fmt)
        if "table" in data:
            assert type(fmt).boundary is NumberSystem.boundary
