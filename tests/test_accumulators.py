"""What accumulators are: their parameters, results of real hardware, and refusals."""

from __future__ import annotations

import pickle
from collections import defaultdict
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf
from numformats.arithmetic import (
    Accumulator,
    Result,
    get_accumulator,
    list_accumulators,
    matmul,
    meaning,
)

Array = NDArray[Any]

# Real results of matrix units: one row of A, one column of B, c and d as bits of float32. See the
# head of the file for where they are from.
VECTORS = Path(__file__).with_name("tensor_core_vectors.txt")
NAMES = {
    "V100 float16": "v100_float16",
    "A100 float16": "a100_float16",
    "A100 tf32": "a100_tf32",
    "H100 float8_e4m3fn(wgmma)": "h100_float8_wgmma",
    "B200 float8_e5m2(mma)": "b200_float8_mma",
}


def floats(text: str) -> Array:
    return np.array([int(word, 16) for word in text.split()], np.uint32).view(np.float32)


def read_vectors() -> dict[tuple[str, str], list[tuple[Array, ...]]]:
    rows = defaultdict(list)
    for line in VECTORS.read_text().splitlines():
        if line.startswith("#"):
            continue
        head, *columns = line.split("|")
        unit, inputs, output = head.split()
        rows[NAMES[f"{unit} {inputs}"], output].append(tuple(map(floats, columns)))
    return rows


ROWS = read_vectors()


def test_there_are_rows_of_five_units() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(NAMES.values())
    assert all(len(rows) == 60 for rows in ROWS.values())


@pytest.mark.parametrize(("name", "output"), ROWS)
def test_meaning_gives_what_hardware_gave(name: str, output: str) -> None:
    for a, b, c, d in ROWS[name, output]:
        assert float(meaning.exact_dot(a, b, c[0], name, output)) == d[0]


def of_matmul(rows: list[tuple[Array, ...]], acc: Accumulator, output: str) -> Array:
    a, b, c, _ = (np.stack(column) for column in zip(*rows, strict=True))
    return matmul(a[:, None, :], b[:, :, None], c[:, :, None], accumulator=acc, output=output)[
        :, 0, 0
    ]


@pytest.mark.parametrize(("name", "output"), ROWS)
def test_arrays_give_what_hardware_gave(name: str, output: str) -> None:
    rows, acc = ROWS[name, output], get_accumulator(name)
    d = np.concatenate([row[3] for row in rows])
    assert np.array_equal(of_matmul(rows, acc, output), d)
    # Rows that any unit would give the same are no evidence.
    assert acc.alignment_bits is not None
    assert acc.block is not None
    others = [replace(acc, alignment_bits=acc.alignment_bits // 2)]
    if len(rows[0][0]) >= acc.block:
        others.append(replace(acc, block=acc.block // 2, order=((0,),)))
    for other in others:
        assert not np.array_equal(of_matmul(rows, other, output), d)


# The published directed test, c = 2**23 and the exact sum -0.875.
DIRECTED = {
    "v100_float16": 0.0,
    "a100_float16": -0.5,
    "ada_float8": 0.0,
    "h100_float16": -0.75,
    "h100_float8_wgmma": 0.0,
    "h100_float8_mma": 0.0,
    "b200_float16": -0.75,
    "b200_float8_tcgen05": -0.75,
    "mi100_float16": -0.875,
    "mi250_float16": 0.0,
    "mi300_float16": -0.5,
}


@pytest.mark.parametrize("name", DIRECTED)
def test_the_directed_test(name: str) -> None:
    a, b = [-(2.0**13), -0.5, -0.25, -0.125], [2.0**10, 1, 1, 1]
    assert meaning.exact_dot(a, b, 2**23, name) == Fraction(DIRECTED[name])
    assert matmul(a, b, 2.0**23, accumulator=name) == DIRECTED[name]


def test_the_directed_test_of_nvfp4() -> None:
    # -2**23 as eight products of 4 * 2**8 and -4 * 2**8, which share their scales.
    a, b = np.zeros(32), np.zeros(32)
    a[:8], b[:8] = 4, -4
    a[16:19], b[16:19] = 1, [-0.5, -0.5, -0.5]
    scales = np.array([256.0, 1.0])
    how = {"a_scales": scales, "b_scales": scales}
    assert matmul(a, b, 2.0**20 * 8, accumulator="b200_nvfp4", **how) == -1.5


# The page of facts: block, F, and the parameters that are not those of most.
TABLE = {
    "v100_float16": (4, 23),
    "t4_float16": (8, 24),
    **{f"{unit}_{kind}": (8, 24) for unit in ("a100", "ada") for kind in ("float16", "bfloat16")},
    **{f"{unit}_tf32": (4, 24) for unit in ("a100", "ada")},
    "ada_float8": (16, 13),
    **{f"{unit}_{kind}": (16, 25) for unit in ("h100", "b200") for kind in ("float16", "bfloat16")},
    **{f"{unit}_tf32": (8, 25) for unit in ("h100", "b200")},
    "h100_float8_wgmma": (32, 13),
    "h100_float8_mma": (32, 25),
    "b200_float8_mma": (32, 25),
    **{f"b200_{kind}": (32, 25) for kind in ("float8_tcgen05", "float6", "float4", "mxfp8")},
    "b200_mxfp4": (64, 35),
    "b200_nvfp4": (64, 35),
    "mi100_float16": (4, None),
    "mi100_bfloat16": (2, None),
    "mi250_float16": (4, None),
    "mi250_bfloat16": (2, None),
    "mi250_bfloat16_1k": (4, None),
    "mi300_float16": (8, 24),
    "mi300_bfloat16": (8, 24),
    "mi300_xf32": (4, 24),
    "mi300_float8": (16, 24),
}


def test_names_and_their_blocks() -> None:
    generic = ["exact", "sequential", "fma_chain", "pairwise"]
    assert sorted(list_accumulators()) == sorted([*generic, *TABLE])
    for name, (block, bits) in TABLE.items():
        acc = get_accumulator(name)
        assert (acc.name, acc.block, acc.alignment_bits) == (name, block, bits)
        assert acc.source
        assert get_accumulator(acc) is acc


# Of each instruction of Hopper, what the operands are and whose results it has.
HOPPER = Path(__file__).with_name("hopper_vectors.txt")
DTYPES = {
    "4": ml_dtypes.float8_e4m3fn,
    "5": ml_dtypes.float8_e5m2,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "tf32": np.float32,
}
UNITS = {"f16": "h100_float16", "bf16": "h100_bfloat16", "tf32": "h100_tf32"}


def read_hopper() -> dict[tuple[str, str], list[tuple[Array, ...]]]:
    rows = defaultdict(list)
    for line in HOPPER.read_text().splitlines():
        if not line.startswith("#"):
            head, *columns = line.split("|")
            instruction, output = head.split()
            rows[instruction, output].append(tuple(map(floats, columns)))
    return rows


def operands_of(instruction: str, row: tuple[Array, ...]) -> tuple[str, Array, Array]:
    """The unit of an instruction, and a and b in its dtypes, which the values alone do not tell."""
    way, kind, *_ = instruction.split("_")
    unit = UNITS.get(kind, f"h100_float8_{'mma' if way == 'mma' else 'wgmma'}")
    first, second = (kind, kind) if kind in UNITS else kind
    return unit, row[0].astype(DTYPES[first]), row[1].astype(DTYPES[second])


ON_HOPPER = read_hopper()


def test_there_are_rows_of_all_instructions() -> None:
    float8 = [f"{i}{j}_{out}" for i in "45" for j in "45" for out in ("f16", "f32")]
    kinds = ["f16_f16", "f16_f32", "bf16", "tf32", *float8]
    assert sorted(name for name, _ in ON_HOPPER) == sorted(
        f"{way}_{kind}" for way in ("mma", "wg") for kind in kinds
    )
    assert all(len(rows) >= 10 for rows in ON_HOPPER.values())


@pytest.mark.parametrize(("instruction", "output"), ON_HOPPER)
def test_meaning_and_arrays_give_what_hopper_gave(instruction: str, output: str) -> None:
    for row in ON_HOPPER[instruction, output]:
        unit, a, b = operands_of(instruction, row)
        c, d = row[2][0], row[3][0]
        by_array = matmul(a, b, c, accumulator=unit, output=output)
        meant = np.float32(float(meaning.exact_dot(a, b, c, unit, output)))
        # Bits, since a zero has a sign.
        assert np.float32(by_array).tobytes() == meant.tobytes() == d.tobytes(), (a, b, c, d)


@pytest.mark.parametrize("instruction", ["mma_54_f32", "wg_44_f32", "mma_f16_f16", "mma_bf16"])
def test_what_was_learned_from_hopper_is_told_by_its_results(instruction: str) -> None:
    (rows,) = (rows for (name, _), rows in ON_HOPPER.items() if name == instruction)
    output = "float16" if instruction.endswith("f16_f16") else "float32"
    acc = get_accumulator(operands_of(instruction, rows[0])[0])
    # As it was believed to be before.
    bits = acc.alignment_bits or 0
    other = replace(
        acc,
        multiplied_as=None,
        has_negative_zero=True,
        zero_exponent=-108 - bits,
        alternatives=tuple(replace(one, zero_exponent=3 - bits) for one in acc.alternatives),
    )
    wrong = 0
    for row in rows:
        _, a, b = operands_of(instruction, row)
        found = np.float32(matmul(a, b, row[2][0], accumulator=other, output=output))
        wrong += found.tobytes() != row[3][0].tobytes()
    assert wrong >= 1


def test_subnormal_operands_have_the_exponents_of_what_they_are_multiplied_as() -> None:
    tiny = np.array([2.0**-9, 1.0], ml_dtypes.float8_e4m3fn)
    acc = get_accumulator("h100_float8_mma")
    plain = replace(acc, multiplied_as=None, alignment_bits=10, inputs=("float8_e4m3fn", "tf32"))
    converted = replace(plain, multiplied_as="tf32")
    # 2**-17 is 11 binades below the exponent that a subnormal number has in E4M3, and 8 below its
    # own.
    for accumulator, expected in ((plain, 2.0**-9), (converted, 2.0**-9 + 2.0**-17)):
        others = np.array([1.0, 2.0**-17])
        assert float(matmul(tiny, others, accumulator=accumulator)) == expected
        assert meaning.exact_dot(tiny, others, 0, accumulator) == expected
    with pytest.raises(ValueError, match="multiplied_as: float8_e4m3fn does not hold all values"):
        replace(acc, multiplied_as="float8_e4m3fn")
    with pytest.raises(ValueError, match="multiplied_as: only aligned sums"):
        Accumulator("mine", multiplied_as="float16")


def test_results_of_units() -> None:
    for name in TABLE:
        acc = get_accumulator(name)
        nvidia, hopper = not name.startswith("mi"), name.startswith("h100")
        assert acc.has_negative_zero == (not nvidia)
        assert acc.format == "float32"
        assert acc.rounding == ("toward_zero" if nvidia else "nearest_even")
        if acc.alignment_bits is not None:
            of_nvidia = -133 if hopper else -108 - acc.alignment_bits
            assert acc.zero_exponent == (of_nvidia if nvidia else -126)
        cut = 13 if name in ("ada_float8", "h100_float8_wgmma") else None
        assert acc.fraction_bits == cut
        is_narrow = name.endswith(("_float16", "_float8_mma", "ada_float8", "_wgmma"))
        if nvidia and is_narrow:
            (other,) = acc.alternatives
            assert (other.format, other.rounding) == ("float16", "nearest_even")
            assert other.zero_exponent == (-21 if hopper else 3 - (acc.alignment_bits or 0))
            assert not other.has_negative_zero
            assert acc.result("half") == other
        else:
            assert not acc.alternatives


def test_units_that_are_others() -> None:
    assert get_accumulator("A2_float16") is get_accumulator("a100_float16")
    assert get_accumulator("l40s_float8") is get_accumulator("ada_float8")
    assert get_accumulator("H200_float8_wgmma") is get_accumulator("h100_float8_wgmma")


def test_accumulators_are_values() -> None:
    acc = get_accumulator("h100_float8_wgmma")
    assert pickle.loads(pickle.dumps(acc)) == acc == replace(acc)
    assert hash(replace(acc)) == hash(acc)
    assert replace(acc, promote_every=128) != acc
    with pytest.raises(FrozenInstanceError):
        acc.block = 3  # type: ignore[misc]
    for name in list_accumulators():
        shown = str(get_accumulator(name))
        assert shown.startswith(name)
        assert "checked" in shown
        assert name in repr(get_accumulator(name))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"summation": "align"}, "summation: unknown 'align'; did you mean 'aligned'"),
        ({"alignment_bits": None}, "alignment_bits: expected an int"),
        ({"alignment_bits": 60}, "alignment_bits: 60 is outside 1 to"),
        ({"block": None}, "block: expected an int"),
        ({"inputs": ()}, "inputs: aligned sums need them"),
        ({"inputs": ("float17",)}, "inputs: unknown 'float17'"),
        ({"inputs": ("int8",)}, "inputs: int8 is no floating-point format"),
        ({"inputs": ("binary16p1se",)}, r"inputs: binary16p1se reaches beyond 2\*\*400"),
        ({"format": "binary16p2se"}, "format: binary16p2se reaches beyond"),
        ({"order": ((0,), (2,))}, "order: .* does not name each remainder once"),
        ({"order": ((0, 1), (2,))}, "order: a block of 32 is not whole"),
        ({"addend": "middle"}, "addend: unknown"),
        ({"addend": "floored"}, "sum_bits: needed"),
        ({"addend": "floored", "sum_bits": 31, "zero_exponent": None}, "zero_exponent: .* needs"),
        ({"join": "floored"}, "join: 'floored' goes with"),
        ({"summation": "exact"}, "alignment_bits: only aligned sums"),
        ({"summation": "exact", "alignment_bits": None, "addend": "last"}, "addend, order"),
        ({"format": "float99"}, "format: unknown 'float99'"),
        ({"format": "int8"}, "format: int8 is not a signed floating-point format"),
        ({"format": "float8_e8m0fnu"}, "format: float8_e8m0fnu is not a signed"),
        ({"rounding": "sr"}, "rounding: .* is random"),
        ({"rounding": "up"}, "rounding: unknown 'up'"),
        ({"fraction_bits": 24}, "fraction_bits: 24 is outside"),
        ({"overflow": "max"}, "overflow: unknown 'max'"),
        ({"promote_every": 0}, "promote_every: 0 is outside"),
        ({"group": 16, "inputs": ("float16",)}, "group: sums of products of float16"),
        ({"scale_block": 16}, "scale_block: scale_format and scale_block go together"),
        ({"name": ""}, "name: an empty name"),
    ],
)
def test_what_is_no_accumulator(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        replace(get_accumulator("h100_float8_wgmma"), **fields)


def test_results_have_their_modes_by_any_name() -> None:
    assert Result("half", "rtz") == Result("half", "toward_zero")
    assert Result("float32", fraction_bits=13).kept_format.precision == 14
    assert Accumulator("mine", format="bfloat16").result(None).number_format is nf.bfloat16


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="unknown 'h100_float'; did you mean 'h100_float16'"):
        get_accumulator("h100_float")
    with pytest.raises(ValueError, match=r"unknown 'x'; see numformats\.arithmetic\.list_acc"):
        get_accumulator("x")
    with pytest.raises(TypeError, match="expected a name or an Accumulator, got int 3"):
        get_accumulator(3)  # type: ignore[arg-type]


def test_meaning_refuses_what_it_cannot_sum() -> None:
    with pytest.raises(ValueError, match="y: 1 numbers, and x has 2"):
        meaning.exact_dot([1, 2], [1])
    with pytest.raises(ValueError, match="x: 1/3 is no value of float16"):
        meaning.exact_dot(["1/3"], [1], 0, "a100_float16")


def row_of(acc: Accumulator) -> str:
    """A unit's row in the table of the docs."""
    how = [acc.summation]
    if acc.summation == "aligned":
        how += [f"c {acc.addend}"]
    if len(acc.order) > 1:
        period = sum(map(len, acc.order))
        parts = ", then ".join(" ".join(map(str, part)) for part in acc.order)
        how.append(f"k mod {period}: {parts}" + (", floored" if acc.join == "floored" else ""))
    how += ["products rounded"] * acc.round_products + ["no subnormals"] * acc.flush_subnormals
    if acc.scale_format is not None:
        how.append(f"scales {acc.scale_format} for {acc.scale_block}")
    how += [f"groups of {acc.group}"] * (acc.group > 1)
    results = " or ".join(map(str, (acc.result(None), *acc.alternatives)))
    cells = [
        f"`{acc.name}`",
        *(" ".join(acc.inputs), str(acc.block), str(acc.alignment_bits or "-")),
        *("; ".join(how), results, acc.source, acc.checked or "-"),
    ]
    return f"| {' | '.join(cells)} |"


def test_the_docs_have_every_unit() -> None:
    page = (Path(__file__).parents[1] / "docs" / "accumulators.md").read_text(encoding="utf-8")
    expected = [row_of(get_accumulator(name)) for name in list_accumulators() if name in TABLE]
    found = [
        line for line in page.splitlines() if line.startswith(tuple(f"| `{n}`" for n in TABLE))
    ]
    assert found == expected
