"""HiFloat4: its authors' public code, and the rule that rounds once, written here number by number
in Fractions; and all that a scaled array can do with micro-exponents.
"""

from __future__ import annotations

import importlib
import itertools
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray
from scaled_meaning import parts_of

import numformats as nf
from numformats.cli.report import ReportOptions, report
from numformats.codec import backends

HIF4 = nf.get_scaled_format("hif4")
HALF = Fraction(1, 2)
# In the manner of MX9 of Darvish Rouhani et al., 2023: 16 numbers, a bit for each two.
MX9 = nf.ScaledFormat(
    *("mx9", nf.get_format("int8_narrow"), nf.float8_e8m0fnu, nf.PerBlock(16), "floor"),
    micro_exponents=(2,),
)


class Group(NamedTuple):
    """A group of 64 numbers: its scale, the bits of eight parts and of sixteen, and in quarters
    what its elements are."""

    scale: Fraction
    eights: list[int]
    fours: list[int]
    quarters: list[int]


def to_precision(x: Fraction, bits: int) -> Fraction:
    """A positive number rounded to so many significant bits, ties to even."""
    exponent = math.floor(math.log2(x)) if x > 2**-1000 else -1000
    while Fraction(2) ** (exponent + 1) <= x:
        exponent += 1
    while Fraction(2) ** exponent > x:
        exponent -= 1
    quantum = Fraction(2) ** (exponent + 1 - bits)
    return round(x / quantum) * quantum


def to_bfloat16(x: Fraction) -> Fraction:
    smallest = Fraction(1, 2**126)
    if x < smallest:
        return round(x * 2**133) * Fraction(1, 2**133)
    return to_precision(x, 8)


def to_e6m2(x: Fraction) -> Fraction:
    return to_precision(min(max(x, Fraction(1, 2**48)), Fraction(49152)), 3)


def parts(group: list[Fraction], size: int) -> list[Fraction]:
    return [max(map(abs, group[i : i + size])) for i in range(0, 64, size)]


def by_authors(group: list[Fraction]) -> Group:
    scale = to_e6m2(to_bfloat16(max(map(abs, group)) * to_bfloat16(Fraction(1, 7))))
    factor = to_bfloat16(1 / scale)
    eights = [int(part * factor >= 4) for part in parts(group, 8)]
    fours = [int(p * factor / 2 ** eights[i // 2] >= 2) for i, p in enumerate(parts(group, 4))]
    quarters = []
    for i, x in enumerate(group):
        own = abs(x) * factor / 2 ** (eights[i // 8] + fours[i // 4])
        # Halves upward.
        size = min(math.floor(own * 4 + HALF), 7)
        quarters.append(-size if x < 0 else size)
    return Group(scale, eights, fours, quarters)


def rounded_once(group: list[Fraction]) -> Group:
    scale = to_e6m2(max(map(abs, group)) / 7)
    eights = [int(part / scale >= 4) for part in parts(group, 8)]
    fours = [int(p / scale / 2 ** eights[i // 2] >= 2) for i, p in enumerate(parts(group, 4))]
    quarters = [
        max(min(round(x / scale / 2 ** (eights[i // 8] + fours[i // 4]) * 4), 7), -7)
        for i, x in enumerate(group)
    ]
    return Group(scale, eights, fours, quarters)


MEANT = {"hif4": by_authors, "ocp": rounded_once}


def assert_as_meant(x: NDArray[Any], convention: str) -> None:
    """Of an array whose last axis is cut into groups, the last of which is filled up with zeros."""
    q = nf.quantize(x, "hif4", convention=convention)
    length = x.shape[-1]
    scales = q.scale_values()
    for row in itertools.product(*map(range, x.shape[:-1])):
        numbers = [Fraction(float(n)) for n in x[row]]
        numbers += [Fraction(0)] * (-length % 64)
        for g in range(len(numbers) // 64):
            meant = MEANT[convention](numbers[64 * g : 64 * (g + 1)])
            assert scales[(*row, g)] == meant.scale
            found = q.codes[row][64 * g : 64 * (g + 1)]
            assert np.abs(HIF4.element.decode(found) * 4).tolist() == [
                abs(n) for n in meant.quarters[: found.size]
            ]
            negative = [n < 0 for n in numbers[64 * g : 64 * (g + 1)]][: found.size]
            assert ((found & 8) != 0)[np.array(meant.quarters[: found.size]) != 0].tolist() == [
                is_below for is_below, n in zip(negative, meant.quarters, strict=False) if n != 0
            ]
            assert q.micro_exponents is not None
            assert q.inner_micro_exponents is not None
            eights = q.micro_exponents[row][8 * g : 8 * (g + 1)]
            fours = q.inner_micro_exponents[row][16 * g : 16 * (g + 1)]
            assert eights.tolist() == meant.eights[: eights.size]
            assert fours.tolist() == meant.fours[: fours.size]
            own = [
                float(n * meant.scale * 2 ** (meant.eights[i // 8] + meant.fours[i // 4]) / 4)
                for i, n in enumerate(meant.quarters)
            ]
            part = q.dequantize(np.float64)[row][64 * g : 64 * (g + 1)]
            assert part.tolist() == own[: part.size]


def drawn(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float32]:
    """Numbers with many near the decisions: multiples of eighths of the scale's steps, and wide."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape) * 2.0 ** rng.integers(-6, 6, (*shape[:-1], 1))
    coarse = rng.random(shape) < 0.5
    x[coarse] = np.rint(x[coarse] * 32) / 32
    x[rng.random(shape) < 0.05] = 0
    return x.astype(np.float32)


@pytest.mark.parametrize("convention", ["hif4", "ocp"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_groups_are_as_meant(convention: str, dtype: str) -> None:
    own = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    assert_as_meant(drawn((6, 130)).astype(own), convention)


@pytest.mark.parametrize("convention", ["hif4", "ocp"])
def test_every_scale_and_the_thresholds_of_the_parts(convention: str) -> None:
    rows = []
    for scale, quarter in itertools.product((1.0, 1.25, 1.5, 1.75), range(8, 29)):
        row = np.full(64, scale / 8)
        row[0] = 7 * scale
        # On, just below and just above multiples of a quarter, and of halves of these.
        at = np.float32(scale * quarter / 4)
        row[8:11] = at, np.nextafter(at, np.float32(0)), np.nextafter(at, np.float32(9))
        row[20], row[28] = row[9], -row[10]
        row[33:50] = scale * (np.arange(17) / 8 - 1)
        rows.append(row)
    assert_as_meant(np.float32(rows), convention)


@pytest.mark.parametrize("convention", ["hif4", "ocp"])
def test_the_ends_of_the_scale(convention: str) -> None:
    x = np.zeros((7, 64), np.float32)
    x[:, 5] = [344064, 4e5, 3e38, 7 * 2.0**-48, 2.0**-50, 1e-40, 0]
    x[:, 40] = -x[:, 5] / 3
    assert_as_meant(x, convention)
    q = nf.quantize(x, "hif4", convention=convention)
    assert q.scales.ravel().tolist() == [0xFE, 0xFE, 0xFE, 0, 0, 0, 0]
    # The largest number is 7 scales.
    assert q.dequantize()[:3, 5].tolist() == [7 * 49152.0] * 3


def test_the_two_ways_differ_where_the_authors_round_on_the_way() -> None:
    x = np.zeros(64, np.float32)
    # A tie, and below another by less than the reciprocal of 1.25 is rounded up by.
    x[[0, 8]] = 7.0, 0.625
    y = np.zeros(64, np.float32)
    y[[0, 8]] = 7 * 1.25, 1.25 * (0.875 - 2.0**-12)
    for numbers, own, theirs in ((x, 0.5, 0.75), (y, 1.25 * 0.75, 1.25)):
        assert nf.quantize(numbers, "hif4").dequantize()[8] == own
        assert nf.quantize(numbers, "hif4", convention="hif4").dequantize()[8] == theirs


@pytest.mark.parametrize("convention", ["hif4", "ocp"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_groups_run_along_any_axis(axis: int, convention: str) -> None:
    x = drawn((70, 66, 67), 3)
    moved = nf.quantize(np.moveaxis(x, axis, -1), "hif4", convention=convention)
    q = nf.quantize(x, "hif4", axis=axis, convention=convention)
    for name in ("codes", "scales", "micro_exponents", "inner_micro_exponents"):
        np.testing.assert_array_equal(np.moveaxis(getattr(q, name), axis, -1), getattr(moved, name))
    np.testing.assert_array_equal(np.moveaxis(q.dequantize(), axis, -1), moved.dequantize())


def test_float64_is_taken_as_it_is_and_by_the_authors_as_float32() -> None:
    x = np.zeros(64)
    x[[0, 8]] = 7.0, 0.625 + 2.0**-40
    assert nf.quantize(x, "hif4").dequantize()[8] == 0.75
    assert nf.quantize(np.float32(x), "hif4").dequantize()[8] == 0.5
    assert_as_meant(drawn((3, 64)).astype(np.float64) * (1 + 2.0**-30), "ocp")
    wide = drawn((2, 64)).astype(np.float64) * (1 + 2.0**-30)
    of_both = (nf.quantize(n, "hif4", convention="hif4") for n in (wide, wide.astype("f4")))
    codes, expected = (q.codes for q in of_both)
    np.testing.assert_array_equal(codes, expected)


def test_infinity_and_nan() -> None:
    x = drawn((2, 128), 4)
    finite = nf.quantize(np.where(np.arange(128) == 3, 0, x), "hif4")
    x[:, 3] = np.inf, -np.inf
    q = nf.quantize(x, "hif4")
    # Infinity does not count for scales and bits, and becomes the largest that these leave.
    np.testing.assert_array_equal(q.scales, finite.scales)
    np.testing.assert_array_equal(q.micro_exponents, finite.micro_exponents)
    np.testing.assert_array_equal(q.inner_micro_exponents, finite.inner_micro_exponents)
    assert q.codes[:, 3].tolist() == [7, 15]
    x[1, 70] = np.nan
    q = nf.quantize(x, "hif4")
    assert q.scales[1, 1] == 0xFF
    assert np.isnan(q.dequantize()[1, 64:]).all()
    assert np.isfinite(q.dequantize()[0]).all()
    for special in (np.nan, np.inf):
        with pytest.raises(ValueError, match="hif4 has no code for it"):
            nf.quantize([1.0, special], "hif4", convention="hif4")


def test_it_is_stored_in_four_and_a_half_bits_and_found_again(tmp_path: Path) -> None:
    x = drawn((3, 256), 5)
    q = nf.quantize(x, "hif4")
    assert HIF4.bits == q.bits_per_value == HIF4.bits_of((3, 256)) == 4.5
    assert q.nbytes == 3 * 256 * 9 // 16
    packed = q.pack()
    assert {name: part.size for name, part in packed.items()} == {
        "codes": 384,
        "scales": 12,
        "micro_exponents": 12,
        "inner_micro_exponents": 24,
    }
    # The bit of the first eight is the lowest of a byte.
    assert q.micro_exponents is not None
    assert packed["micro_exponents"][0] == sum(
        int(bit) << i for i, bit in enumerate(q.micro_exponents[0, :8])
    )
    q.save(tmp_path / "q.safetensors")
    for found in (
        nf.ScaledArray.load(tmp_path / "q.safetensors"),
        nf.ScaledArray.unpack(packed, "hif4", (3, 256)),
    ):
        np.testing.assert_array_equal(found.codes, q.codes)
        np.testing.assert_array_equal(found.dequantize(), q.dequantize())
        np.testing.assert_array_equal(found.micro_exponents, q.micro_exponents)
    np.testing.assert_array_equal(q[1:].dequantize(), q.dequantize()[1:])
    assert list(HIF4.stored_parts((2, 70)).items())[1:] == [
        ("scales", (HIF4.scale, (2, 2))),
        ("micro_exponents", (nf.get_format("uint1"), (2, 9))),
        ("inner_micro_exponents", (nf.get_format("uint1"), (2, 18))),
    ]
    with pytest.raises(ValueError, match="parts: no 'micro_exponents'"):
        nf.ScaledArray.unpack({k: packed[k] for k in ("codes", "scales")}, "hif4", (3, 256))
    with pytest.raises(TypeError, match="micro_exponents: NoneType; hif4 has an array"):
        replace(q, micro_exponents=None)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (5,), (3, 0), (2, 63)])
def test_small_arrays(shape: tuple[int, ...]) -> None:
    x = np.full(shape, 3.5, np.float32)
    for convention in ("ocp", "hif4"):
        if x.size == 0 and convention == "hif4":
            continue
        q = nf.quantize(x, "hif4", convention=convention)
        np.testing.assert_array_equal(q.dequantize(), x)


def test_the_search_is_no_worse_and_random_bits_are_those_of_the_position() -> None:
    x = drawn((8, 256), 6)

    def noise(q: nf.ScaledArray) -> float:
        return float(np.square(q.dequantize() - x.astype("f8")).sum())

    assert noise(nf.quantize(x, "hif4", scale_rule="mse")) < noise(
        nf.quantize(x, "hif4", scale_rule="absmax_up")
    )
    mode = nf.Stochastic(8)
    first, again = (nf.quantize(x, "hif4", rounding=mode, rng=1) for _ in range(2))
    np.testing.assert_array_equal(first.codes, again.codes)
    nearest = nf.quantize(x, "hif4")
    np.testing.assert_array_equal(first.scales, nearest.scales)
    assert (first.codes != nearest.codes).any()


def test_compare_and_report_take_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(0).standard_normal((32, 256)).astype("f4")
    rows = {row.format: row for row in nf.compare(x, ["hif4", "nvfp4", "mxfp4"]).rows}
    error = nf.quantize(x, "hif4").dequantize(np.float64) - x
    sqnr = 10 * math.log10(np.square(x.astype("f8")).sum() / np.square(error).sum())
    assert rows["hif4"].stats.sqnr_db == pytest.approx(sqnr, abs=1e-9)
    assert rows["hif4"].bits_per_value == 4.5
    # As its authors found on a normal distribution.
    assert rows["hif4"].stats.sqnr_db > rows["nvfp4"].stats.sqnr_db
    np.save(tmp_path / "x.npy", x)
    assert report(ReportOptions(files=(tmp_path / "x.npy",), formats=(HIF4,))) == 0
    assert "hif4" in capsys.readouterr().out


def test_formats_of_your_own_have_one_level_or_two() -> None:
    assert MX9.bits == 9
    x = drawn((4, 40), 7)
    q = nf.quantize(x, MX9)
    assert q.inner_micro_exponents is None
    assert q.micro_exponents is not None
    assert q.micro_exponents.shape == (4, 20)
    assert np.abs(q.dequantize() - x).max() <= np.abs(x).max() / 64
    again = nf.ScaledArray.unpack(q.pack(), MX9, x.shape)
    np.testing.assert_array_equal(again.dequantize(), q.dequantize())
    assert "a bit per 8 and per 4 that doubles it" in repr(HIF4)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 5, 128), (130, 3, 66), (2, 70, 7), (1, 1, 1000)])
@pytest.mark.parametrize("mode", ["nearest_even", "toward_zero", nf.Stochastic(4)], ids=str)
def test_compiled_loops_have_the_same_bits(
    shape: tuple[int, ...], axis: int, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.numba.calls")
    x = drawn(shape, 8)
    x.flat[:: x.size // 7] = 0, np.inf, -np.inf, -0.0, 1e-44, 3e38, np.nan, 5
    for dtype in ("f4", "f8", ml_dtypes.bfloat16):
        for fmt in (HIF4, replace(HIF4, name="one", micro_exponents=(16,)), MX9):
            found = []
            for is_disabled in (True, False):
                monkeypatch.setattr(backends, "_IS_DISABLED", is_disabled)
                q = nf.quantize(x.astype(dtype), fmt, axis=axis, rounding=mode, rng=3)
                found.append((*parts_of(q), q.dequantize(np.float64)))
            for expected, got in zip(*found, strict=True):
                np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("message", "given"),
    [
        ("expected a tuple of int, got 8", {"micro_exponents": 8}),
        ("one or two, each a part of", {"micro_exponents": (8, 3)}),
        ("one or two, each a part of", {"micro_exponents": (8, 4, 2)}),
        ("one or two, each a part of", {"micro_exponents": (48,)}),
        ("for blocks", {"granularity": nf.PerTensor()}),
        ("one level", {"scale": nf.ScaledFormat("s", nf.float8_e4m3fn, nf.float32)}),
    ],
)
def test_what_makes_no_sense_is_refused(message: str, given: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=f"micro_exponents: .*{message}"):
        replace(HIF4, **given)


def test_the_convention_is_for_the_format_as_it_is() -> None:
    for fmt, rule in ((HIF4, "mse"), ("mxfp4", None)):
        with pytest.raises(ValueError, match="convention: hif4 has no"):
            nf.quantize([1.0], fmt, scale_rule=rule, convention="hif4")
    for other in ("torchao", "gguf", "onnx", "cuda"):
        with pytest.raises(ValueError, match=f"convention|{other}"):
            nf.quantize([1.0], HIF4, convention=other)
