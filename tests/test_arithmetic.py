"""Operations on arrays against the oracle, `numformats.exact.apply`, bit for bit."""

from __future__ import annotations

import doctest
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numformats as nf
from numformats import exact
from numformats.arithmetic.application import apply_to_codes
from numformats.exact.application import evaluate, find_operation, projected
from numformats.exact.rules import find_rules
from numformats.modes import (
    ROUNDING_NAMES,
    RoundingMode,
    Stochastic,
    parse_modes,
    random_bit_count,
)

A = nf.arithmetic
BFLOAT16, E4M3 = np.dtype(ml_dtypes.bfloat16), np.dtype(ml_dtypes.float8_e4m3fn)
RANDOM = [Stochastic(8, "A"), Stochastic(5, "B"), Stochastic(3, "C")]
MODES: list[RoundingMode] = [*ROUNDING_NAMES, *RANDOM]
UNARY = [name for name, one in exact.OPERATIONS.items() if one.operands == 1]
BINARY = ["add", "subtract", "multiply", "divide"]
FORMATS: dict[str, Any] = {
    **{
        name: nf.get_format(name)
        for name in (
            *("float8_e4m3fn", "float8_e5m2", "binary8p3se", "binary8p1se", "binary8p1ue"),
            *("float4_e2m1fn", "float16", "bfloat16", "float32", "tf32", "dlfloat16"),
            *("float8_e4m3fnuz", "float8_e8m0fnu", "int8", "uint4"),
        )
    },
    "table": nf.TableFormat("table", [-2.0, -0.3, 0.0, 0.1, 0.5, 1.0, 7.0, 100.0]),
    "far": nf.FloatFormat("far", 11, 1),
    "p3109_signs": nf.FloatFormat("p3109_signs", 4, 3, arithmetic="p3109"),
}
DTYPES = [
    *map(np.dtype, ("float16", "float32", "float64", "int8", "int32", "int64")),
    *(BFLOAT16, E4M3, np.dtype(ml_dtypes.float8_e5m2), np.dtype(ml_dtypes.float8_e8m0fnu)),
]


def right(name: str, operands: list[Any], fmt: Any, mode: Any, draws: Any = None) -> np.ndarray:
    """What `A.apply` should give, as codes."""
    codes = []
    for i in range(len(operands[0])):
        draw = None if draws is None else int(draws[i])
        scalars = [operand[i] for operand in operands]
        codes.append(exact.apply(name, scalars, fmt, mode, nan="zero", random_bits=draw))
    return np.array(codes, np.uint32)


def assert_same(found: Any, codes: Any, fmt: Any, *what: Any) -> None:
    wanted = np.asarray(fmt.decode(codes, dtype=found.dtype))
    if found.tobytes() != wanted.tobytes():
        wrong = [i for i in range(found.size) if found[i].tobytes() != wanted[i].tobytes()]
        i = wrong[0]
        raise AssertionError((*what, len(wrong), i, float(found[i]), float(wanted[i])))


def draws_for(mode: Any, size: int, seed: int = 0) -> Any:
    count = random_bit_count(mode)
    return np.random.default_rng(seed).integers(0, 2**count, size) if count else None


# All pairs


def all_pairs(name: str, fmt: Any, modes: list[Any]) -> None:
    """Every pair of codes, and of values, under every mode."""
    codes = np.arange(2**fmt.bits, dtype=np.uint8)
    x, y = (part.ravel() for part in np.meshgrid(codes, codes, indexing="ij"))
    values = fmt.decode(codes)
    for mode, wanted in zip(modes, right_of_pairs(name, values, fmt, modes), strict=True):
        draws = draws_for(mode, x.size)
        found = apply_to_codes(name, [x, y], [fmt, fmt], fmt, mode, nan="zero", random_bits=draws)
        assert np.array_equal(found, wanted), (name, fmt.name, mode)
        found = A.apply(name, [values[x], values[y]], fmt, mode, nan="zero", random_bits=draws)
        assert_same(found, wanted, fmt, name, mode)


def right_of_pairs(
    name: str, values: np.ndarray, fmt: Any, modes: list[Any]
) -> Iterator[np.ndarray]:
    """For each mode what `right` gives for all pairs of values, by the two steps of `exact.apply`:
    each exact result is found once, and results that are the same are projected once.
    """
    operation, rules = find_operation(name), find_rules(fmt, None)
    outcomes = [evaluate(operation, pair, rules) for pair in itertools.product(values, repeat=2)]
    for mode in modes:
        draws = draws_for(mode, len(outcomes))
        read = parse_modes(mode, "none", "zero")
        known: dict[Any, int] = {}
        codes = []
        for i, outcome in enumerate(outcomes):
            draw = None if draws is None else int(draws[i])
            key = outcome, draw
            if key not in known:
                known[key] = projected(outcome, fmt, read, draw, rules, name)
            codes.append(known[key])
        yield np.array(codes, np.uint32)


def narrow_formats() -> list[Any]:
    return [f for f in map(nf.get_format, nf.list_formats()) if f.bits <= 6]


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("fmt", ["float4_e2m1fn", "binary4p2sf", "binary4p1se", "int4"])
def test_all_pairs_of_four_bits(name: str, fmt: str) -> None:
    all_pairs(name, nf.get_format(fmt), MODES)


@pytest.mark.slow
@pytest.mark.parametrize("name", BINARY)
def test_all_pairs_of_up_to_six_bits(name: str) -> None:
    for fmt in narrow_formats():
        all_pairs(name, fmt, MODES)


@pytest.mark.slow
@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("fmt", ["float8_e4m3fn", "float8_e5m2", "binary8p3se", "binary8p1se"])
def test_all_pairs_of_eight_bits(name: str, fmt: str) -> None:
    for mode in MODES:
        all_pairs(name, nf.get_format(fmt), [mode])


@pytest.mark.parametrize("fmt", ["float8_e4m3fn", "float8_e5m2", "binary8p3se", "binary8p1se"])
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_pairs_of_eight_bits(fmt: str, mode: Any) -> None:
    rng, system = np.random.default_rng(3), nf.get_format(fmt)
    x, y = rng.integers(0, 256, (2, 120), dtype=np.uint8)
    values = system.decode(np.arange(256))
    draws = draws_for(mode, x.size)
    for name in BINARY:
        wanted = right(name, [values[x], values[y]], system, mode, draws)
        found = apply_to_codes(
            name, [x, y], [system] * 2, system, mode, nan="zero", random_bits=draws
        )
        assert np.array_equal(found, wanted), name


# Functions


def inputs(dtype: np.dtype[Any]) -> np.ndarray:
    words = np.arange(2 ** (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}")
    return words.view(dtype)


def check_function(name: str, x: np.ndarray, fmt: Any, mode: Any) -> None:
    draws = draws_for(mode, x.size)
    found = A.apply(name, [x], fmt, mode, nan="zero", random_bits=draws)
    assert_same(found, right(name, [x], fmt, mode, draws), fmt, name, x.dtype, mode)


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", [np.dtype(np.float16), BFLOAT16, E4M3], ids=str)
def test_functions_of_a_sample(name: str, dtype: np.dtype[Any]) -> None:
    x = np.random.default_rng(len(name)).permutation(inputs(dtype))[:40]
    check_function(name, x, nf.get_format(dtype.name), "nearest_even")
    for mode in MODES[:: 3 if name != "exp" else 1]:
        check_function(name, x[:12], nf.get_format(dtype.name), mode)


@pytest.mark.thorough
@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("fmt", [f for f in nf.list_formats() if nf.get_format(f).bits == 8])
def test_functions_of_all_eight_bits(name: str, fmt: str) -> None:
    system = nf.get_format(fmt)
    codes = np.arange(256, dtype=np.uint8)
    found = apply_to_codes(name, [codes], [system], system, nan="zero")
    values = [exact.decode(code, system) for code in range(256)]
    has_sign_of_nan = exact.OPERATIONS[name].kind == "sign"
    for code, value in enumerate(values):
        if has_sign_of_nan and value != value:
            continue
        wanted = exact.apply(name, [value], system, nan="zero")
        assert found[code] == wanted, (name, fmt, code)


@pytest.mark.slow
@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", [np.dtype(np.float16), BFLOAT16], ids=str)
def test_functions_of_all_sixteen_bits(name: str, dtype: np.dtype[Any]) -> None:
    check_function(name, inputs(dtype), nf.get_format(dtype.name), "nearest_even")


@pytest.mark.parametrize("name", UNARY)
def test_functions_near_their_lines(name: str) -> None:
    """Where float64 rounds onto x, 0, 1, 1/2 or infinity, the side decides."""
    tiny = [s * 2.0**-e for s in (1, -1, 1.5, -1.25) for e in (12, 20, 27, 30, 60, 130)]
    large = [s * v for s in (1, -1) for v in (18.0, 40.0, 120.0, 750.0, 1000.0, 2.0**60, 2.0**100)]
    x = np.array([*tiny, *large], BFLOAT16)
    for fmt in (nf.bfloat16, nf.float32):
        for mode in ("toward_zero", "toward_positive", "toward_negative", "to_odd", Stochastic(4)):
            check_function(name, x, fmt, mode)


# Double rounding


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_one_rounding_where_two_go_wrong(mode: Any) -> None:
    cases: list[tuple[str, list[Any], Any]] = [
        ("fma", [np.float32(4097), np.float32(4097), np.float32(2.0**-30)], nf.float32),
        ("fma", [np.float32(4097), np.float32(-4097), np.float32(-(2.0**-30))], nf.float32),
        ("fma", [BFLOAT16.type(1.5), BFLOAT16.type(1.0), BFLOAT16.type(2.0**-60)], nf.bfloat16),
        ("add", [1.0625, np.float64(2.0**-80)], nf.float8_e4m3fn),
        ("add", [np.float32(1.0), np.float32(-(2.0**-100))], nf.float32),
        ("add", [np.float64(1e308), np.float64(1e308)], nf.float16),
        ("faa", [np.float32(1.0), np.float32(2.0**-60), np.float32(2.0**-24)], nf.float32),
        ("faa", [np.float64(1.0), np.float64(2.0**-80), np.float64(-1.0)], nf.bfloat16),
        ("multiply", [np.float64(1 + 2.0**-30), np.float64(1 - 2.0**-30)], nf.float16),
        ("multiply", [np.float64(2.0**-600), np.float64(2.0**-600)], nf.float16),
        ("multiply", [BFLOAT16.type(2.0**-70), BFLOAT16.type(1.5 * 2.0**-64)], nf.bfloat16),
        ("multiply", [BFLOAT16.type(2.0**-67), BFLOAT16.type(1.0078125 * 2.0**-67)], nf.bfloat16),
        ("multiply", [BFLOAT16.type(2.0**-100), BFLOAT16.type(2.0**-100)], nf.bfloat16),
        ("divide", [np.float32(1.0), np.float32(3.0)], nf.float32),
        # 2**-55 of it below the middle between 1 and its neighbour.
        ("divide", [np.int32(127 * 2**24 + 128), np.int32(127 * 2**24 + 1)], nf.float32),
        ("divide", [np.float64(1.0), np.float64(1 - 2.0**-53)], nf.float16),
        ("sqrt", [np.float64(1 + 2.0**-52)], nf.float32),
        ("hypot", [np.float32(1.0), np.float32(2.0**-40)], nf.float32),
        ("hypot", [np.float64(1.0), np.float64(2.0**-400)], nf.float16),
        ("add", [2**53 + 1, np.float64(-(2.0**53))], nf.float16),
        ("add", [np.int64(2**62 + 1), np.int64(-(2**62))], nf.float16),
    ]
    for name, operands, fmt in cases:
        arrays = [np.array([operand]) for operand in operands]
        draws = draws_for(mode, 1, seed=7)
        found = A.apply(name, arrays, fmt, mode, random_bits=draws)
        assert_same(found, right(name, arrays, fmt, mode, draws), fmt, name, operands, mode)


def test_finite_results_beyond_float32_and_float64_are_finite() -> None:
    for operand in (np.array([2.0**100], BFLOAT16), np.array([1e300])):
        found = A.multiply(operand, operand, nf.bfloat16, saturation="propagate")
        assert float(found[0]) == nf.bfloat16.max
    found = A.exp(np.array([1e300, np.inf]), nf.bfloat16, saturation="propagate")
    assert found.tolist() == [nf.bfloat16.max, np.inf]


def test_signs_of_zero_sums() -> None:
    zeros = np.array([0.0, -0.0], np.float32)
    for name, count in (("add", 2), ("subtract", 2), ("faa", 3), ("fma", 3)):
        operands = [
            np.array(column) for column in zip(*itertools.product(zeros, repeat=count), strict=True)
        ]
        for mode in ("nearest_even", "toward_negative"):
            for fmt in (nf.float32, nf.float8_e5m2, FORMATS["p3109_signs"]):
                found = A.apply(name, operands, fmt, mode)
                assert_same(found, right(name, operands, fmt, mode), fmt, name, mode)


# Mixed formats

numbers = st.one_of(
    st.floats(),
    st.floats(width=16),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 27.0, np.inf, -np.inf, np.nan]),
)


@settings(max_examples=250)
@given(data=st.data())
def test_any_operation_on_any_dtypes(both_paths: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(exact.OPERATIONS)))
    fmt = FORMATS[data.draw(st.sampled_from(sorted(FORMATS)))]
    mode = data.draw(st.sampled_from([*MODES, Stochastic(32)]))
    count, operands = exact.OPERATIONS[name].operands, []
    for _ in range(count):
        dtype = data.draw(st.sampled_from(DTYPES))
        given_numbers = data.draw(st.lists(numbers, min_size=3, max_size=3))
        with np.errstate(all="ignore"):
            operands.append(np.nan_to_num(given_numbers).clip(-100, 100).astype(dtype))
            if dtype.kind not in "iu":
                operands[-1] = np.array(given_numbers).astype(dtype)
    if count == 2 and data.draw(st.booleans()):
        operands[1] = operands[0]
    saturations = ["none", "finite", "propagate"]
    saturation = data.draw(st.sampled_from(saturations))
    draws = draws_for(mode, 3, seed=data.draw(st.integers(0, 99)))
    found = A.apply(name, operands, fmt, mode, saturation, nan="zero", random_bits=draws)
    wanted = [
        exact.apply(
            name,
            [operand[i] for operand in operands],
            fmt,
            mode,
            saturation,
            nan="zero",
            random_bits=None if draws is None else int(draws[i]),
        )
        for i in range(3)
    ]
    assert_same(found, np.array(wanted, np.uint32), fmt, name, fmt.name, mode, operands)


def test_integers_that_wrap() -> None:
    x = np.array([100, -128, 127, 3, 2**31 - 1], np.int32)
    y = np.array([100, -1, 2, 7, 2**31 - 1], np.int32)
    for name in ("add", "multiply", "divide", "remainder"):
        wanted = [
            exact.apply(name, [a, b], nf.int8, "toward_zero", "wrap")
            for a, b in zip(x, y, strict=True)
        ]
        assert_same(A.apply(name, [x, y], nf.int8, "toward_zero", "wrap"), wanted, nf.int8)
    wanted = [exact.apply("exp", [a], nf.int8, saturation="wrap") for a in (3, 40, 60)]
    assert_same(A.exp(np.array([3, 40, 60], np.int8), nf.int8, saturation="wrap"), wanted, nf.int8)
    # The steps of a random mode are finer than the last bit of a large float64.
    large, tiny, draws = np.full(6, 2.0**46 + 0.75), np.full(6, 2.0**-30), np.arange(59, 65)
    wanted = [
        exact.apply("add", [large[0], tiny[0]], nf.int8, Stochastic(8), "wrap", random_bits=int(r))
        for r in draws
    ]
    found = A.add(large, tiny, nf.int8, Stochastic(8), "wrap", random_bits=draws)
    assert_same(found, wanted, nf.int8)
    assert len(set(wanted)) == 2
    with pytest.raises(ValueError, match="infinit"):
        A.reciprocal(0.0, nf.int8, saturation="wrap")


# Tables and chunks give what elements give


@pytest.mark.parametrize("mode", ["nearest_even", "toward_negative", Stochastic(6)], ids=str)
@pytest.mark.parametrize(
    ("name", "dtype"),
    [("add", E4M3), ("divide", E4M3), ("exp", E4M3), ("add", BFLOAT16), ("sin", BFLOAT16)],
    ids=str,
)
def test_size_changes_no_result(
    both_paths: str, name: str, dtype: np.dtype[Any], mode: Any
) -> None:
    size, fmt = 600_000, nf.get_format(dtype.name)
    rng = np.random.default_rng(5)
    words = f"u{dtype.itemsize}"
    operands = [
        rng.integers(0, 2 ** (8 * dtype.itemsize), size).astype(words).view(dtype)
        for _ in range(exact.OPERATIONS[name].operands)
    ]
    draws = draws_for(mode, size)
    found = A.apply(name, operands, fmt, mode, random_bits=draws)
    for begin in (0, 32_300, size - 900):
        part = slice(begin, begin + 900)
        few = None if draws is None else draws[part]
        alone = A.apply(name, [one[part] for one in operands], fmt, mode, random_bits=few)
        assert found[part].tobytes() == alone.tobytes()


def test_layouts_change_no_result(both_paths: str) -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.standard_normal((40, 60)).astype(np.float32) for _ in range(2))
    wanted = A.add(x, y, nf.float8_e4m3fn, "stochastic", rng=3)
    for first, second in [
        (np.asfortranarray(x), y),
        (x.astype(">f4"), y),
        (np.repeat(x, 2, axis=0)[::2], np.repeat(y, 3, axis=1)[:, ::3]),
    ]:
        assert np.array_equal(A.add(first, second, nf.float8_e4m3fn, "stochastic", rng=3), wanted)
    row = A.multiply(x, y[0], nf.float16)
    assert np.array_equal(row, A.multiply(x, np.tile(y[0], (40, 1)), nf.float16))
    assert A.add(x[:0], y[:0], nf.float16).shape == (0, 60)


def test_out_may_be_an_operand(both_paths: str) -> None:
    x = np.linspace(-3, 3, 50, dtype=np.float32)
    y = x[::-1].copy()
    wanted = A.add(x, y, nf.float8_e5m2)
    out = x.copy()
    assert A.add(out, y, nf.float8_e5m2, out=out) is out
    assert np.array_equal(out, wanted)
    # Operands that overlap it elsewhere are read before they are written.
    shifted = np.append(x, np.float32(0))
    A.add(shifted[:-1], y, nf.float8_e5m2, out=shifted[1:])
    assert np.array_equal(shifted[1:], wanted)
    backward = np.linspace(-3, 3, 50, dtype=np.float32)
    A.add(backward, backward[::-1], nf.float8_e5m2, out=backward)
    assert np.array_equal(backward, A.add(x, x[::-1], nf.float8_e5m2))


def test_dtypes_of_results() -> None:
    half, wide = np.ones(2, np.float16), np.ones(2, np.float32)
    narrow, other = np.ones(2, E4M3), np.ones(2, ml_dtypes.float8_e5m2)
    assert A.add(half, wide, nf.float8_e4m3fn).dtype == np.float32
    assert A.add(half, 1.0, nf.float8_e4m3fn).dtype == np.float16
    assert A.add(narrow, narrow, nf.float8_e4m3fn).dtype == E4M3
    assert A.add(narrow, other, nf.float8_e4m3fn).dtype == np.float32
    assert A.add(half, half, nf.float32).dtype == np.float32
    assert isinstance(A.add(1.0, 2.0, nf.float16), np.float64)
    assert A.add(half, np.float64(1.0), nf.float16).dtype == np.float64
    assert isinstance(A.add(np.float16(1), np.float16(2), nf.float16), np.float16)


def test_codes_of_numbers_beyond_float64() -> None:
    far = nf.FloatFormat("far", 14, 1)
    codes = np.array([1, 2, 9000, 20000, 31000, 40000], np.uint16)
    found = apply_to_codes("multiply", [codes, codes], [far, far], far)
    values = [exact.decode(int(code), far) for code in codes]
    assert found.tolist() == [exact.apply("multiply", [v, v], far) for v in values]


def test_rules_of_p3109() -> None:
    x = [0.0, 1.0, -1.0]
    assert np.isnan(A.divide(x, 0.0, nf.binary8p3se)).all()
    assert np.array_equal(A.divide(x[1:], 0.0, nf.float8_e5m2), [np.inf, -np.inf])
    found = A.apply("divide", [x, 0.0], nf.float16, rules="p3109")
    assert np.isnan(found).all()
    assert not np.signbit(A.apply("negative", [0.0], nf.float16, rules="p3109"))


# Comparisons, classes, neighbours


def test_comparisons() -> None:
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, -np.nan]
    x, y = (np.array(one) for one in zip(*itertools.product(special, repeat=2), strict=True))
    integers = np.array([2**53, 2**53 + 1, -(2**60)])
    for name in exact.COMPARISONS:
        function = getattr(A, name)
        assert function(x, y).tolist() == [
            exact.compare(name, a, b) for a, b in zip(x, y, strict=True)
        ]
        assert function(integers, 2.0**53).tolist() == [
            exact.compare(name, int(a), 2.0**53) for a in integers
        ]
    wanted = [exact.compare("total_order", a, b, rules="p3109") for a, b in zip(x, y, strict=True)]
    assert A.total_order(x, y, rules="p3109").tolist() == wanted
    out = np.empty(x.shape, bool)
    assert A.less(x, y, out) is out


@pytest.mark.parametrize("fmt", ["float8_e4m3fn", "float8_e5m2", "binary8p3se", "int4"])
def test_classes_and_neighbours(fmt: str) -> None:
    system = nf.get_format(fmt)
    values = system.values()
    codes = [c for c in range(values.size) if values[c] == values[c]]
    x = values[codes]
    assert A.classify(x, system).tolist() == [exact.classify(c, system) for c in codes]
    for name in exact.PREDICATES:
        wanted = [exact.predicate(name, c, system) for c in codes]
        assert getattr(A, name)(x, system).tolist() == wanted
    for name in ("next_up", "next_down"):
        wanted = [getattr(exact, name)(c, system) for c in codes]
        assert_same(getattr(A, name)(x, system), wanted, system, name)
    assert A.classify(1.0, system) == "positive_normal"
    with pytest.raises(ValueError, match="no value of"):
        A.next_up([1.0, 0.3], system)


# Names, documents, errors


def test_every_operation_has_a_function() -> None:
    assert set(exact.OPERATIONS) <= set(A.__all__)
    assert {*exact.COMPARISONS, *exact.PREDICATES} <= set(A.__all__)
    assert pickle.loads(pickle.dumps(A.add)) is A.add


@pytest.mark.parametrize("name", sorted(exact.OPERATIONS))
def test_examples_of_operations(name: str) -> None:
    (test,) = doctest.DocTestFinder().find(getattr(A, name), name, module=False, globs={})
    result = doctest.DocTestRunner().run(test)
    assert result.attempted >= 2
    assert not result.failed


def test_bad_input() -> None:
    for operands, words, error, match in [
        (([1, 2], [1, 2, 3]), {}, ValueError, r"do not broadcast: x \(2,\) and y \(3,\)"),
        ((1.0, "a"), {}, TypeError, "y: "),
        ((1.0, 1j), {}, TypeError, "y: "),
        ((1.0, 2.0), {"rounding": "up"}, ValueError, "rounding: unknown 'up'"),
        ((1.0, 2.0), {"random_bits": 1}, ValueError, "random_bits"),
        ((1.0, 2.0), {"rounding": "sr", "rng": 1, "random_bits": 1}, ValueError, "rng"),
        (([1.0], 2.0), {"out": np.empty(2)}, ValueError, "out: shape"),
        (([1.0], 2.0), {"out": np.empty(1, int)}, TypeError, "out: dtype"),
        (([1.0], 2.0), {"out": [1.0]}, TypeError, "out: "),
    ]:
        with pytest.raises(error, match=match):
            A.add(*operands, nf.float16, **words)
    with pytest.raises(ValueError, match=r"subtract: the result at position 1 is NaN, and int8"):
        A.subtract([1.0, np.inf], [1.0, np.inf], nf.int8)
    assert A.subtract([1.0, np.inf], [1.0, np.inf], nf.int8, nan="max").tolist() == [0, 127]
    with pytest.raises(TypeError, match="expected a format"):
        A.add(1.0, 2.0, "float16")
    with pytest.raises(ValueError, match="did you mean 'exp'"):
        A.apply("expp", [1.0], nf.float16)
    with pytest.raises(ValueError, match="add takes 2, got 1"):
        A.apply("add", [1.0], nf.float16)
