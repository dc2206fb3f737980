"""Specializations of IEEE P3109's operations against the exact oracle, NumPy and the draft."""

from __future__ import annotations

import functools
import itertools
import math
import pickle
import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import numformats as nf
from numformats import arithmetic, exact
from numformats.arithmetic import declarations, exact_results
from numformats.arithmetic.specializations import Specialization
from numformats.exact.intervals import Interval
from numformats.exact.numbers import Number
from numformats.modes import Stochastic

INF, NAN = math.inf, math.nan
NEAREST = "(NearestTiesToEven, SatNone)"
APPLIED = {one.p3109: one.name for one in exact.OPERATIONS.values() if one.p3109}
COMPARED = {one.p3109: one.name for one in exact.COMPARISONS.values() if one.p3109}
ASKED = {one.p3109: one.name for one in exact.PREDICATES.values()}
NEIGHBOURS = {"NextGreaterThan": exact.next_up, "NextLessThan": exact.next_down}


def make(declaration: str) -> Specialization:
    return arithmetic.specialization(declaration)


@functools.cache
def value_of(code: int, fmt: nf.Format) -> Any:
    """A value as P3109 reads it: without a sign of zero."""
    value = exact.decode(code, fmt)
    return Fraction(0) if value == 0 else value


def product_of(s: Any, x: Any) -> Any:
    """The value of a scale factor and an element, by the rules of clause 4.10.4."""
    if any(isinstance(v, float) for v in (s, x)):
        return float(np.float64(s) * np.float64(x)) if s != 0 and x != 0 else NAN
    return s * x


def oracle(name: str, codes: Any, made: Specialization, draw: int | None = None) -> Any:
    """What the exact oracle says of one result."""
    formats = made.operand_formats
    if name in NEIGHBOURS:
        return NEIGHBOURS[name](*codes, *formats, rules="p3109")
    if name in ASKED:
        return exact.predicate(ASKED[name], *codes, *formats, rules="p3109")
    values = [value_of(code, fmt) for code, fmt in zip(codes, formats, strict=True)]
    if name in COMPARED:
        return exact.compare(COMPARED[name], *values, rules="p3109")
    if name.startswith("Scaled"):
        name = name.removeprefix("Scaled")
        values = [product_of(*values[i : i + 2]) for i in range(0, len(values), 2)]
    fmt, rho = made.parameters.format("fr"), made.parameters.projection()
    if name == "Convert":
        name, values = "Add", [*values, 0]
    return exact.apply(
        APPLIED[name],
        values,
        fmt,
        rho.rounding,
        rho.saturation,
        random_bits=draw,
        rules="p3109",
    )


def corners(fmt: nf.Format) -> list[int]:
    """The codes at which rules change: zeros, ends, infinities, NaNs and 1."""
    ends = [0, 1, fmt.highest_step, fmt.highest_step - 1, exact.project(1, fmt)]
    steps = {fmt.code_of_step(step) for step in ends}
    if fmt.signed:
        steps |= {fmt.code_of_step(-step) for step in ends}
    special = {fmt.code_of_nan(False), fmt.code_of_nan(True), fmt.code_of_zero(True)}
    if fmt.has_inf:
        special |= {fmt.code_of_infinity(negative) for negative in {False, fmt.signed}}
    return sorted(steps | special)


def tuples(made: Specialization, count: int, rng: random.Random) -> list[tuple[int, ...]]:
    """Operands to try: corners, and arbitrary codes."""
    ends = [corners(fmt) for fmt in made.operand_formats]
    return [
        tuple(
            rng.choice(end) if rng.random() < 0.4 else rng.randrange(2**fmt.bits)
            for end, fmt in zip(ends, made.operand_formats, strict=True)
        )
        for _ in range(count)
    ]


def check(declaration: str, operands: Iterable[tuple[int, ...]]) -> None:
    made = make(declaration)
    rows = list(operands)
    found = np.asarray(made(*map(np.array, zip(*rows, strict=True))))
    name = made.operation.name
    expected = [oracle(name, row, made) for row in rows]
    wrong = np.flatnonzero(found != np.array(expected))
    assert not wrong.size, (declaration, rows[wrong[0]], found[wrong[0]], expected[wrong[0]])


# The conforming set, clause 4.5

OF_CODES = [d for d in arithmetic.conforming_set() if "Of<" not in d]
NAMES = sorted({declaration.partition("<")[0] for declaration in OF_CODES})


@pytest.mark.parametrize("name", NAMES)
def test_the_conforming_set_against_the_oracle(name: str) -> None:
    rng = random.Random(name)
    for declaration in OF_CODES:
        if declaration.startswith(f"{name}<"):
            made = make(declaration)
            bits = sum(fmt.bits for fmt in made.operand_formats)
            if bits <= 8:
                check(declaration, itertools.product(*_all_codes(made)))
            else:
                check(declaration, tuples(made, 60, rng))


def _all_codes(made: Specialization) -> list[range]:
    return [range(2**fmt.bits) for fmt in made.operand_formats]


@pytest.mark.slow
@pytest.mark.parametrize("declaration", OF_CODES, ids=str)
def test_all_of_the_conforming_set_against_the_oracle(declaration: str) -> None:
    """All operands where these have 16 bits or fewer, else many."""
    made = make(declaration)
    if sum(fmt.bits for fmt in made.operand_formats) <= 16:
        check(declaration, itertools.product(*_all_codes(made)))
    else:
        check(declaration, tuples(made, 5_000, random.Random(declaration)))


@pytest.mark.parametrize("name", ["Add", "Subtract", "Multiply"])
def test_all_pairs_against_numpy(name: str) -> None:
    """Sums and products of these formats are exact in float64."""
    for first, second in (("binary8p3se", "binary8p4se"), ("binary8p3se", "binary4p2sf")):
        f, g = nf.get_format(first), nf.get_format(second)
        x, y = np.meshgrid(np.arange(2**f.bits), np.arange(2**g.bits), indexing="ij")
        with np.errstate(invalid="ignore"):
            exactly = getattr(np, name.lower())(f.values()[x], g.values()[y])
        for result in ("Binary8p4se", "Binary8p3se", "binary32", "binary16", "BFloat16"):
            made = make(f"{name}<B{first[1:]}, B{second[1:]}, {result}, {NEAREST}>")
            fr = made.result_formats[0]
            found = np.asarray(fr.decode(made(x, y), dtype=np.float64))
            expected = np.asarray(fr.round(exactly), np.float64)
            assert np.array_equal(found, expected, equal_nan=True)
            assert not np.any(np.signbit(found) & (found == 0))


# What P3109's table of clause 4.14 says, and Table 3 and the text of Annex B.
FORMATS = {
    "Binary8p4se": (8, 4, "Signed", "Extended", 4, 3, 8, 224.0, -224.0, 2**-10, 7 * 2**-10, 2**-7),
    "Binary8p1uf": (8, 1, "Unsigned", "Finite", 8, 0, 128, 2.0**126, 0.0, 2**-127, NAN, 2**-127),
    "Binary4p2sf": (4, 2, "Signed", "Finite", 2, 1, 2, 3.0, -3.0, 0.25, 0.25, 0.5),
    "binary16": (16, 11, "Signed", "Extended", 5, 10, 15, 65504.0, -65504.0, 2**-24, None, 2**-14),
    "BFloat16": (16, 8, "Signed", "Extended", 8, 7, 127, None, None, 2**-133, None, 2**-126),
    "binary32": (32, 24, "Signed", "Extended", 8, 23, 127, None, None, 2**-149, None, 2**-126),
}
OF_FORMATS = (
    *("BitwidthOf", "PrecisionOf", "SignednessOf", "DomainOf", "ExponentBitwidthOf"),
    *("TrailingSignificandBitwidthOf", "ExponentBiasOf", "MaxFiniteOf", "MinFiniteOf"),
    *("MinPositiveOf", "MaxSubnormalOf", "MinNormalOf"),
)


@pytest.mark.parametrize("name", FORMATS)
def test_operations_on_formats(name: str) -> None:
    for operation, expected in zip(OF_FORMATS, FORMATS[name], strict=True):
        made = make(f"{operation}<{name}>")
        if not made.result_formats:
            assert made() == expected
        elif expected is not None:
            (fmt,) = made.result_formats
            assert made().dtype == fmt.encode(1.0).dtype
            assert np.array_equal(fmt.decode(made(), dtype=np.float64), expected, equal_nan=True)


def test_operations_on_projections() -> None:
    assert make("RoundOf<(StochasticB(7), SatPropagate)>")() == "StochasticB(7)"
    assert make("SatOf<(ToOdd, SatPropagate)>")() == "SatPropagate"


def test_classes() -> None:
    found = make("Class<Binary4p2se>")(np.arange(16))
    assert list(found[:9]) == [
        "ClsZero",
        "ClsPositiveSubnormal",
        *["ClsPositiveNormal"] * 5,
        "ClsPositiveInfinity",
        "ClsNaN",
    ]
    assert list(found[[9, 10, 15]]) == [
        "ClsNegativeSubnormal",
        "ClsNegativeNormal",
        "ClsNegativeInfinity",
    ]
    assert make("Class<binary16>")(0x8000) == "ClsZero"


def test_the_total_order() -> None:
    made = make("TotalOrder<Binary4p2se, Binary8p3se>")
    f, g = nf.get_format("binary4p2se"), nf.binary8p3se
    nan, other_nan = f.code_of_nan(False), g.code_of_nan(False)
    one, other_one = f.encode(1.0), g.encode(1.0)
    low = g.code_of_infinity(True)
    assert [bool(made(*pair)) for pair in ((nan, low), (nan, other_nan), (one, other_nan))] == [
        True,
        True,
        False,
    ]
    assert made(one, other_one)
    assert not made(one, low)


# All operations


@pytest.mark.parametrize("operation", arithmetic.provided(), ids=lambda one: one.name)
def test_every_operation_against_the_oracle(operation: arithmetic.P3109Operation) -> None:
    name = operation.name
    if name in ("Class", "RoundOf", "SatOf") or name.endswith("Of") or "Block" in name:
        return  # tested by themselves
    rng = random.Random(name)
    formats = ["Binary8p3se", "Binary6p2uf", "binary16", "BFloat16", "Binary5p3sf", "binary32"]
    for rounding, saturation in (("NearestTiesToEven", "SatNone"), ("TowardNegative", "SatFinite")):
        words = [
            f"({rounding}, {saturation})" if one == "rho" else rng.choice(formats)
            for one in operation.parameters
        ]
        declaration = f"{name}<{', '.join(words)}>"
        check(declaration, tuples(make(declaration), 25, rng))


def test_signatures() -> None:
    told = {operation.name: str(operation) for operation in arithmetic.provided()}
    assert told["ArcTan2"] == "ArcTan2<fy, fx, fr, rho>(y, x)"
    assert told["Clamp"] == "Clamp<fx, flo, fhi, fr, rho>(x, lo, hi)"
    assert told["BlockAbs"] == "BlockAbs<B, (fs1, fx1), fs, fr, rho>(s1, [x1], sr)"
    assert told["RoundOf"] == "RoundOf<rho>()"


def test_everything_of_annex_g_is_provided() -> None:
    unary = (
        "Convert Abs Negate Sqrt RSqrt Recip Exp Log ExpMinusOne LogOnePlus Exp2 Log2 Sin Cos Tan "
        "ArcSin ArcCos ArcTan Sinh Cosh Tanh ArcSinh ArcCosh ArcTanh SinPi CosPi TanPi ArcSinPi "
        "ArcCosPi ArcTanPi Softplus"
    )
    binary = (
        "CopySign Add Subtract Multiply Divide Hypot ArcTan2 ArcTan2Pi Maximum Minimum "
        "MaximumNumber MinimumNumber MaximumMagnitude MinimumMagnitude MaximumMagnitudeNumber "
        "MinimumMagnitudeNumber MinimumFinite MaximumFinite"
    )
    projected = [*unary.split(), *binary.split(), "FMA", "FAA", "Clamp"]
    expected = {
        *(f"{prefix}{name}" for prefix in ("", "Block", "Scaled") for name in projected),
        *("ConvertFromBlock", "ConvertToBlock", "ConvertToBlockMaxAbsFinite"),
        *("BlockReduceAdd", "BlockReduceMultiply", "BlockDotProduct"),
        *COMPARED,
        *ASKED,
        *OF_FORMATS,
        *("Class", "RoundOf", "SatOf", "NextGreaterThan", "NextLessThan"),
    }
    assert {operation.name for operation in arithmetic.provided()} == expected


# Projections

ROUNDINGS = [*declarations.ROUNDINGS, "StochasticA(3)", "StochasticB(8)", "StochasticC(5)"]


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("saturation", declarations.SATURATIONS)
@pytest.mark.parametrize("result", ["Binary5p2se", "Binary8p1uf", "Binary6p4ue", "binary16"])
def test_all_modes_against_the_oracle(rounding: str, saturation: str, result: str) -> None:
    rng = random.Random(f"{rounding} {saturation} {result}")
    for operation in ("Multiply<Binary8p3se, Binary8p2ue", "Hypot<Binary8p4se, Binary4p2sf"):
        made = make(f"{operation}, {result}, ({rounding}, {saturation})>")
        mode = made.parameters.projection().rounding
        rows = tuples(made, 40, rng)
        draws = None
        if isinstance(mode, Stochastic):
            draws = [rng.randrange(2**mode.bits) for _ in rows]
        found = made(*map(np.array, zip(*rows, strict=True)), random_bits=draws)
        name = made.operation.name
        for row, code, draw in zip(rows, found, draws or [None] * len(rows), strict=True):
            assert code == oracle(name, row, made, draw), (made, row, draw)


# Into formats of which float64 does not have all that decides: their range, or their random bits.
WIDE = [
    "Divide<Binary8p3se, Binary8p3se, Binary16p1se, (ToOdd, SatNone)>",
    "Multiply<Binary16p1se, Binary16p2ue, Binary16p1ue, (NearestTiesToEven, SatNone)>",
    "Exp<Binary16p3se, Binary16p1se, (TowardPositive, SatPropagate)>",
    "Add<binary32, Binary16p1se, Binary16p3se, (NearestTiesToAway, SatNone)>",
]


@pytest.mark.parametrize("declaration", WIDE)
def test_results_beyond_float64(declaration: str) -> None:
    made = make(declaration)
    assert not exact_results.float64_suffices(
        made.result_formats[0], made.parameters.projection().rounding
    )
    rng = random.Random(declaration)
    # Exponentials of the largest are numbers of some thousand digits.
    check(declaration, tuples(made, 40, rng))


def test_random_bits_beyond_float64() -> None:
    made = make("Divide<binary16, binary16, binary32, (StochasticA(32), SatNone)>")
    again = make("Divide<binary16, binary16, binary32, (StochasticA(8), SatNone)>")
    rng = random.Random(1)
    rows = tuples(made, 50, rng)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    draws = [rng.randrange(2**32) for _ in rows]
    found = made(*columns, random_bits=draws)
    for row, code, draw in zip(rows, found, draws, strict=True):
        assert code == oracle("Divide", row, made, draw)
    # A seed gives the bits that `encode` draws from it, on both paths.
    for one in (made, again):
        bits = one.parameters.projection().rounding.bits
        drawn = nf.codec.random_bits.draw(7, 0, len(rows), bits)
        assert np.array_equal(one(*columns, rng=7), one(*columns, random_bits=drawn))
    one_draw = made(*columns, random_bits=5)
    assert np.array_equal(one_draw, made(*columns, random_bits=np.full(len(rows), 5)))


def test_external_formats_follow_p3109() -> None:
    """Clause 4.8: -0 is read as 0, zero is written as +0, NaN as the quiet one without payload."""
    f = nf.float32
    recip = make(f"Recip<binary32, binary32, {NEAREST}>")
    assert recip(f.encode(-0.0)) == recip(f.encode(0.0)) == 0x7FC00000
    negate = make(f"Negate<binary16, binary16, {NEAREST}>")
    assert [int(negate(code)) for code in (0, 0x8000, 0xFE01, 0x7C01)] == [0, 0, 0x7E00, 0x7E00]
    multiply = make(f"Multiply<Binary8p3se, Binary8p3se, binary16, {NEAREST}>")
    tiny = nf.binary8p3se.encode([-(2.0**-17), 2.0**-17])
    assert multiply(tiny[0], tiny[1]) == 0  # not 0x8000
    copy_sign = make(f"CopySign<binary16, binary16, binary16, {NEAREST}>")
    assert copy_sign(0x3C00, 0x8000) == 0x3C00


@pytest.mark.parametrize(
    ("declaration", "operands", "expected"),
    [
        ("Divide<Binary8p4se, Binary8p4se, Binary8p4se", (1, 0), NAN),
        ("Divide<Binary8p4se, Binary8p4se, Binary8p4se", (1, -INF), 0),
        ("FMA<Binary8p4se, Binary8p4se, Binary8p4se, Binary8p4se", (0, INF, 1), NAN),
        ("FAA<Binary8p4se, Binary8p4se, Binary8p4se, Binary8p4se", (INF, 1, INF), INF),
        ("LogOnePlus<Binary8p4se, Binary8p4se", (-1,), -INF),
        ("ArcTan2<Binary8p4se, Binary8p4se, Binary8p4se", (0, -1), 3.25),
        ("ArcTan2<Binary8p4se, Binary8p4se, Binary8p4se", (-1, -INF), 3.25),
        ("ArcTan2<Binary8p4se, Binary8p4se, Binary8p4se", (1, 0), 1.625),
        ("Hypot<Binary8p4se, Binary8p4se, Binary8p4se", (INF, NAN), NAN),
        ("MinimumFinite<Binary8p4se, Binary8p4se, Binary8p4se", (INF, NAN), INF),
        ("MaximumFinite<Binary8p4se, Binary8p4se, Binary8p4se", (-2, INF), -2),
        ("MaximumMagnitude<Binary8p4se, Binary8p4se, Binary8p4se", (-2, 2), 2),
        ("Clamp<Binary8p4se, Binary8p4se, Binary8p4se, Binary8p4se", (1, 3, 2), NAN),
    ],
)
def test_rules_of_the_clauses(declaration: str, operands: Any, expected: float) -> None:
    f = nf.binary8p4se
    made = make(f"{declaration}, {NEAREST}>")
    found = f.decode(made(*f.encode(np.array(operands, np.float64))))
    assert np.array_equal(found, expected, equal_nan=True)


# Blocks, clause 5

F, SCALE = nf.binary8p3se, nf.binary8p1uf
BLOCK = "Binary8p1uf, Binary8p3se"


def values(codes: Any, fmt: nf.Format = F) -> list[float]:
    return np.asarray(fmt.decode(codes, dtype=np.float64)).tolist()


def same(found: Any, expected: Any) -> bool:
    return np.array_equal(np.asarray(found, float), np.asarray(expected, float), equal_nan=True)


def test_conversion_from_a_block() -> None:
    made = make(f"ConvertFromBlock<4, {BLOCK}, binary16, {NEAREST}>")
    x = F.encode([1.0, -3.0, INF, NAN])
    found = made((SCALE.encode(0.25), x))
    assert same(values(found, nf.float16), [0.25, -0.75, INF, NAN])
    # 0 times infinity.
    assert same(values(made(SCALE.encode(0.0), x), nf.float16), [0, 0, NAN, NAN])


def test_conversion_to_a_block() -> None:
    made = make(f"ConvertToBlock<4, binary16, Binary8p3se, Binary8p3se, {NEAREST}>")
    x = nf.float16.encode([3.0, -0.0, -INF, NAN])
    for scale, expected in [
        (2.0, [1.5, 0, -INF, NAN]),
        (-2.0, [-1.5, 0, INF, NAN]),
        (0.0, [0, 0, 0, NAN]),
        (INF, [1, 0, -1, NAN]),
        (-INF, [-1, 0, 1, NAN]),
        (NAN, [NAN] * 4),
    ]:
        s, elements = made(x, F.encode(scale))
        assert same(values(s), scale)
        assert same(values(elements), expected)


def test_conversion_to_a_block_by_the_largest() -> None:
    f = nf.binary8p4se
    made = make(
        "ConvertToBlockMaxAbsFinite<2, Binary8p4se, Binary8p4se, Binary8p4se, "
        "(NearestTiesToEven, SatFinite), (NearestTiesToEven, SatNone)>"
    )
    blocks_of_two = [[2.0, -8.0], [NAN, NAN], [INF, -INF], [INF, -4.0], [NAN, 3.0], [0.0, 0.0]]
    scales, elements = made(f.encode(blocks_of_two))
    assert same(values(scales, f), [8, NAN, 224, 4, 3, 0])
    assert same(
        values(elements, f), [[0.25, -1], [NAN, NAN], [INF, -INF], [INF, -1], [NAN, 1], [0, 0]]
    )
    upward = make(
        "ConvertToBlockMaxAbsFinite<1, binary32, Binary8p1ue, Binary8p3se, "
        "(TowardPositive, SatNone), (TowardZero, SatFinite)>"
    )
    scale, element = upward(nf.float32.encode([5.0]))
    assert (values(scale, nf.get_format("binary8p1ue")), values(element)) == (8.0, [0.625])


def test_random_scales_and_elements() -> None:
    made = make(
        "ConvertToBlockMaxAbsFinite<2, binary32, Binary8p2ue, Binary8p3se, "
        "(StochasticA(16), SatNone), (StochasticA(16), SatNone)>"
    )
    x = nf.float32.encode(np.full((500, 2), [1.25, 0.3]))
    scales, elements = made(x, rng=3)
    again = made(x, rng=3)
    assert np.array_equal(scales, again[0])
    assert np.array_equal(elements, again[1])
    # A scale of 1.5 is drawn for half of the blocks; what the others' elements draw is independent.
    up = values(scales, nf.get_format("binary8p2ue")) == np.float64(1.5)
    assert 200 < np.count_nonzero(up) < 300
    second = np.asarray(values(elements))[~up, 1]
    assert 40 < np.count_nonzero(second == 0.3125) < len(second)
    with pytest.raises(ValueError, match="ConvertToBlock"):
        made(x, random_bits=3)


def test_scales_and_elements_do_not_share_random_bits() -> None:
    """Of the scales that are not rounded up, those with the same bits would go up for a third."""
    made = make(
        "ConvertToBlockMaxAbsFinite<1, binary32, Binary8p2ue, Binary8p3se, "
        "(StochasticA(16), SatNone), (StochasticA(16), SatNone)>"
    )
    scales, elements = made(nf.float32.encode(np.full((4_000, 1), 1.125)), rng=1)
    down = elements[values(scales, nf.get_format("binary8p2ue")) == np.float64(1.0), 0]
    assert 2_800 < len(down) < 3_200
    assert 0.45 < np.count_nonzero(np.array(values(down)) == 1.25) / len(down) < 0.55


def test_sums_and_products_of_blocks() -> None:
    total = make(f"BlockReduceAdd<3, {BLOCK}, binary32, {NEAREST}>")
    product = make(f"BlockReduceMultiply<3, {BLOCK}, binary32, {NEAREST}>")
    rows = [[1.0, 49152.0, 2.0**-17], [0.0, INF, 1.0], [INF, -INF, 1.0], [INF, 1.0, 2.0]]
    s, x = SCALE.encode([0.5] * 4), F.encode(rows)
    exactly = [(1 + 49152 + 2.0**-17) / 2, INF, NAN, INF]
    assert same(values(total((s, x)), nf.float32), np.float32(exactly))
    assert same(values(product((s, x)), nf.float32), [0.125 * 49152 * 2.0**-17, NAN, -INF, INF])
    # One scale for all blocks, and one block.
    assert np.array_equal(total((s[0], x)), total((s, x)))
    assert total((s[0], x[0])) == total((s, x))[0]


def test_dot_products() -> None:
    """The specialization of Annex D.2, on operands whose products and sums float64 has."""
    made = make(
        "BlockDotProduct<8,Binary8p1uf,Binary8p4se,Binary8p1uf,Binary8p4se,binary32,"
        "(NearestTiesToEven,SatNone)>"
    )
    f = nf.binary8p4se
    rng = np.random.default_rng(0)
    finite = np.flatnonzero(np.isfinite(f.values()))
    x, y = rng.choice(finite, (2, 200, 8))
    s, t = (np.asarray(SCALE.encode(2.0 ** rng.integers(-3, 3, 200))) for _ in range(2))
    products = f.values()[x] * f.values()[y]
    expected = products.sum(1) * SCALE.values()[s] * SCALE.values()[t]
    assert np.array_equal(made((s, x), (t, y)), nf.float32.encode(expected))
    assert np.array_equal(made(s, x, t, y), made((s, x), (t, y)))
    nan, inf = f.encode([NAN, INF])
    assert np.isnan(nf.float32.decode(made((0, x[0]), (s[0], np.full(8, inf)))))
    assert np.isnan(nf.float32.decode(made((s[0], x[0]), (s[0], np.full(8, nan)))))


def test_elementwise_operations_on_blocks() -> None:
    made = make(f"BlockAdd<3, ({BLOCK}), ({BLOCK}), Binary8p1uf, Binary8p3se, {NEAREST}>")
    flat = make(f"BlockAdd<3, {BLOCK}, {BLOCK}, {BLOCK}, {NEAREST}>")
    assert made == flat
    x, y = F.encode([1.0, INF, 3.0]), F.encode([4.0, -INF, 0.25])
    r = SCALE.encode(4.0)
    scale, elements = made((SCALE.encode(2.0), x), (SCALE.encode(0.5), y), r)
    assert scale == r
    assert same(values(elements), [1.0, NAN, F.round(6.125 / 4)])
    scales, rows = made((SCALE.encode([2.0, 1.0]), x), (SCALE.encode(0.5), y), r)
    assert (scales.shape, rows.shape) == ((2,), (2, 3))
    assert np.array_equal(rows[0], elements)


@pytest.mark.parametrize("name", ["Sqrt", "Exp2", "Log2", "Recip"])
def test_irrational_results_over_scales(name: str) -> None:
    """A scale that is a power of two shifts what a wide enough format has, exactly."""
    result, wide = "Binary10p4se", "Binary12p4se"
    made = make(f"Block{name}<256, ({BLOCK}), Binary8p3se, {result}, {NEAREST}>")
    plain = make(f"Scaled{name}<({BLOCK}), {wide}, {NEAREST}>")
    s = SCALE.encode(0.5)
    x = np.arange(256)
    f, g = nf.get_format(result), nf.get_format(wide)
    for scale in (2.0, -4.0, -0.125):
        _, elements = made((s, x), F.encode(scale))
        expected = np.asarray(g.decode(plain(s, x), dtype=np.float64)) / scale
        in_range = np.isnan(expected) | (expected == 0)
        in_range |= (np.abs(expected) > f.smallest_normal) & (np.abs(expected) < f.max)
        assert np.count_nonzero(in_range & np.isfinite(expected)) > 60
        found = np.asarray(f.decode(elements, dtype=np.float64))
        assert same(found[in_range], expected[in_range])


def test_results_too_large_to_be_written_out_over_scales() -> None:
    made = make(f"BlockExp<2, ({BLOCK}), Binary16p1se, binary32, (TowardZero, SatNone)>")
    wide = nf.get_format("binary16p1se")
    x = F.encode([49152.0, -49152.0])
    largest = (SCALE.encode(2.0**100), x)
    for step, sign in ((wide.highest_step, 1), (1, 1), (-wide.highest_step, -1), (-1, -1)):
        _, elements = made(largest, wide.code_of_step(step))
        assert values(elements, nf.float32) == [sign * nf.float32.max, 0.0]


def test_the_signs_of_irrational_results() -> None:
    log = make(f"BlockLog2<2, (Binary8p1uf, Binary8p3se), Binary8p3se, Binary8p3se, {NEAREST}>")
    _, elements = log((SCALE.encode(1.0), F.encode([0.75, 1.25])), F.encode(-INF))
    assert values(elements) == [1.0, -1.0]


# Rounding to odd


def test_rounding_to_odd() -> None:
    rng = random.Random(0)
    inexact = 0
    for _ in range(2_000):
        power = Fraction(2) ** rng.randrange(-1100, 1040)
        x = Fraction(rng.randrange(-(2**60), 2**60), rng.randrange(1, 2**30)) * power
        found = exact_results.to_odd(Number(x, x < 0))
        assert math.isfinite(found)
        if found == x:
            continue
        inexact += 1
        assert int(Fraction(found) / Fraction(math.ulp(found))) % 2 == 1
        toward = math.nextafter(found, INF if found < x else -INF)
        assert min(found, toward) < x < max(found, toward)
    assert inexact > 1_000
    assert exact_results.to_odd(Number(Fraction(1, 2**2000), False)) == 5e-324
    assert exact_results.to_odd(Number(Fraction(-(2**2000)), True)) == -1.7976931348623157e308
    assert math.isnan(exact_results.to_odd(Number(NAN, False)))


def test_intervals_rounded_to_odd() -> None:
    above = math.nextafter(1.0, 2)

    def closing(low: Any, high: Any) -> Any:
        """Intervals about a number just above `low`, that are ever smaller."""
        return lambda bits: Interval(low, low + (high - low) * Fraction(2, 3) / 2 ** (bits - 60))

    one, up = Fraction(1), Fraction(above)
    # Just above 1, which is even; just above an odd number; and just below 1.
    assert exact_results.to_odd(closing(one, one + 1)) == above
    assert exact_results.to_odd(closing(up, up + 1)) == above
    assert exact_results.to_odd(lambda bits: Interval(1 - one / 2**bits, one)) == math.nextafter(
        1, 0
    )
    assert exact_results.to_odd(lambda bits: Interval(one * 2**1024, INF)) == 1.7976931348623157e308
    assert exact_results.to_odd(lambda bits: Interval(-INF, -one * 2**1024)) < -1.7e308


def test_float64_is_used_as_far_as_it_suffices() -> None:
    suffices = exact_results.float64_suffices
    assert suffices(nf.float32, "nearest_even")
    assert suffices(nf.float32, Stochastic(27))
    assert not suffices(nf.float32, Stochastic(28))
    assert suffices(nf.get_format("binary16p6se"), "to_odd")
    assert not suffices(nf.get_format("binary16p4se"), "to_odd")
    # One end alone is beyond it.
    assert not suffices(nf.FloatFormat("far up", 11, 2, bias=0), "to_odd")
    assert not suffices(nf.FloatFormat("far down", 5, 2, bias=1_100), "to_odd")


# Arrays


def test_shapes_and_dtypes() -> None:
    made = make(f"Add<Binary8p3se, Binary4p2sf, binary16, {NEAREST}>")
    x, y = np.arange(6, dtype=np.int64).reshape(2, 3), np.array([1, 2, 3], ">u2")
    found = made(x, y)
    assert (found.shape, found.dtype) == ((2, 3), np.dtype(np.uint16))
    assert isinstance(made(1, 2), np.uint16)
    assert made(1, 2) == made([1], [2])[0]
    assert np.array_equal(found[:, ::-1], made(x[:, ::-1], y[::-1]))
    assert made(np.zeros((0, 3), np.uint8), y).shape == (0, 3)
    assert make("CompareLess<Binary8p3se, Binary8p3se>")(0, 1).dtype == np.bool_
    assert make("IsZero<Binary8p3se>")([[0], [1]]).tolist() == [[True], [False]]
    assert make("NextLessThan<binary32>")(np.zeros(0, np.uint32)).shape == (0,)


def test_results_asked_for_again() -> None:
    """Kept results are those of the operands, whatever was asked for before."""
    made = make(f"Subtract<Binary6p3se, Binary5p2se, Binary8p4se, {NEAREST}>")
    rows = list(itertools.product(range(64), range(32)))
    some = rows[::7]
    first = [int(made(*row)) for row in some]
    everything = made(*map(np.array, zip(*rows, strict=True)))
    assert everything[::7].tolist() == first
    check(str(made), rows)


# Declarations


def test_declarations_are_read_as_they_are_written() -> None:
    spaced = make(" Exp < Binary8p3se,binary8p4se , ( NearestTiesToEven,SatFinite ) > ")
    assert str(spaced) == "Exp<Binary8p3se, Binary8p4se, (NearestTiesToEven, SatFinite)>"
    assert spaced == make(str(spaced))
    for declaration in arithmetic.conforming_set():
        assert str(make(declaration)) == declaration
        assert pickle.loads(pickle.dumps(make(declaration))) == make(declaration)
    mixed = f"BlockFMA<8, ({BLOCK}), ({BLOCK}), ({BLOCK}), {BLOCK}, (StochasticC(4), SatPropagate)>"
    assert str(make(mixed)) == mixed


def refused() -> Iterator[tuple[str, str]]:
    good = f"Binary8p3se, Binary8p4se, {NEAREST}"
    yield f"Expo<{good}>", "operation: unknown 'Expo'; did you mean 'Exp'?"
    yield f"exp<{good}>", "did you mean 'Exp'?"
    yield f"Frobnicate<{good}>", "operation: unknown 'Frobnicate'."
    yield f"Exp<Binary8p3sx, Binary8p4se, {NEAREST}>", "fx: unknown 'Binary8p3sx'; did you mean"
    yield f"Exp<Binary8p9se, Binary8p4se, {NEAREST}>", "fx: 'Binary8p9se': precision: 9 is outside"
    yield f"Exp<Binary8p3se, binary64, {NEAREST}>", "fr: unknown 'binary64'"
    yield f"Exp<float8_e5m2, Binary8p4se, {NEAREST}>", "fx: unknown 'float8_e5m2'"
    yield "Exp<Binary8p3se, Binary8p4se, (NearestEven, SatNone)>", "rounding: unknown 'NearestEven'"
    yield "Exp<Binary8p3se, Binary8p4se, (ToOdd, SatFinit)>", "did you mean 'SatFinite'?"
    yield "Exp<Binary8p3se, Binary8p4se, (StochasticA, SatNone)>", "StochasticA(N)"
    yield "Exp<Binary8p3se, Binary8p4se, (StochasticA(33), SatNone)>", "1 to 32 random bits"
    yield "Exp<Binary8p3se, Binary8p4se, ToOdd, SatNone>", "rho: 'ToOdd' is not a projection"
    yield "Exp<Binary8p3se, Binary8p4se>", "no rho given; expected Exp<fx, fr, rho>"
    yield f"Exp<Binary8p3se, Binary8p4se, {NEAREST}, binary16>", "'binary16' is one too many"
    yield f"Exp<((ToOdd, SatNone), binary16), {NEAREST}>", "fx: ('ToOdd', 'SatNone') is no format"
    yield "Exp<Binary8p3se, Binary8p4se, (ToOdd, SatNone, SatNone)>", "is not a projection"
    yield f"BlockReduceAdd<x, {BLOCK}, binary32, {NEAREST}>", "B: 'x' is not a block size"
    yield f"BlockReduceAdd<0, {BLOCK}, binary32, {NEAREST}>", "B: '0' is not a block size"


@pytest.mark.parametrize(("declaration", "message"), list(refused()))
def test_what_is_not_provided(declaration: str, message: str) -> None:
    with pytest.raises(KeyError) as error:
        make(declaration)
    assert message in str(error.value)
    assert isinstance(error.value, arithmetic.NotProvidedError)


@pytest.mark.parametrize(
    "declaration",
    [
        "",
        "Exp",
        "Exp<>",
        "Exp<Binary8p3se",
        "<Binary8p3se>",
        "Exp<Binary8p3se,>",
        "Exp<,Binary8p3se>",
        "Exp<Binary8p3se Binary8p4se>",
        "Exp<Binary8p3se, (ToOdd, SatNone>",
        "Exp<Binary8p3se), (ToOdd, SatNone>",
        "Exp<Binary8p3se, ()>",
        "Exp<Exp<Binary8p3se>>",
        "Exp<Binary8p3se>(3)",
        "Exp-1<Binary8p3se>",
    ],
)
def test_what_is_no_declaration(declaration: str) -> None:
    with pytest.raises((ValueError, KeyError), match=r"declaration|rho|fr|fx"):
        make(declaration)
    for other in (3, [declaration]):
        with pytest.raises(TypeError, match="declaration: expected a str"):
            make(other)  # type: ignore[arg-type]


def test_operands_that_are_refused() -> None:
    made = make(f"Add<Binary8p3se, Binary4p2sf, binary16, {NEAREST}>")
    with pytest.raises(TypeError, match=r"Add<.*>\(x, y\) takes 2, got 1"):
        made(1)
    with pytest.raises(ValueError, match="y: 16 is above 15"):
        made(1, 16)
    with pytest.raises(TypeError, match="x: dtype float64"):
        made(1.5, 1)
    with pytest.raises(ValueError, match=r"operands: shapes x \(2,\), y \(3,\) do not broadcast"):
        made([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="random_bits"):
        made(1, 2, random_bits=3)
    with pytest.raises(ValueError, match="rounds nothing"):
        make("IsZero<Binary8p3se>")(1, random_bits=3)
    with pytest.raises(ValueError, match=r"x: shape \(2,\); the last axis of blocks has B = 3"):
        make(f"BlockReduceAdd<3, {BLOCK}, binary32, {NEAREST}>")((1, [1, 2]))
    with pytest.raises(ValueError, match="do not broadcast"):
        make(f"BlockReduceAdd<1, {BLOCK}, binary32, {NEAREST}>")(([1, 2], [[1], [2], [3]]))
