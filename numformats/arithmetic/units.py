"""Matrix units and other ways to add up, by name: each an entry of data, with its source.

Sources: [F] Fasi, Higham, Mikaitis, Pranesh, PeerJ CS 7, 2021. [K] Khattak, Mikaitis, arXiv
2512.07004, with the hardware results of north-numerical-computing/MATLAB-tensor-core. [M] MMA-Sim,
arXiv 2511.10909. [H] An H200 of 2026-11-26, on which numformats was compared with its instructions.
`docs/accumulators.md` says where they disagree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from numformats.arithmetic.accumulators import Accumulator, Result
from numformats.checks import unknown

_FLOAT8: Final = ("float8_e4m3fn", "float8_e5m2")
_FLOAT8_FNUZ: Final = ("float8_e4m3fnuz", "float8_e5m2fnuz")
_FLOAT6: Final = ("float6_e2m3fn", "float6_e3m2fn")
_FLOAT4: Final = ("float4_e2m1fn",)
_COMPARED: Final = "[K], 0 wrong"
_ON_HOPPER: Final = "[K]; [H], 0 wrong"
# With what exponents a zero takes part in sums to float32 and float16, on Hopper [H].
_ZERO_ON_HOPPER: Final = (-133, -21)


def _tensor_core(
    name: str,
    inputs: str | tuple[str, ...],
    block: int,
    alignment_bits: int,
    *,
    source: str,
    checked: str = "",
    float16: bool = False,
    fraction_bits: int | None = None,
    zero: tuple[int, int] | None = None,
) -> Accumulator:
    """A block with the accumulator in it, aligned, to float32 toward zero or float16 to nearest."""
    # A zero has the exponent -108 - F, and 3 - F where results are float16 [K]; [M] has it one
    # higher or lower, or -126. Of Hopper we know [H].
    of_zero = (-108 - alignment_bits, 3 - alignment_bits) if zero is None else zero
    # That a zero result is +0 was seen on Hopper alone, in all of its instructions [H].
    of_float16 = Result(
        "float16", zero_exponent=of_zero[1], overflow="infinity", has_negative_zero=False
    )
    return Accumulator(
        name,
        summation="aligned",
        inputs=(inputs,) if isinstance(inputs, str) else inputs,
        block=block,
        alignment_bits=alignment_bits,
        format="float32",
        rounding="toward_zero",
        fraction_bits=fraction_bits,
        zero_exponent=of_zero[0],
        overflow="infinity",
        has_negative_zero=False,
        alternatives=(of_float16,) if float16 else (),
        source=source,
        checked=checked,
    )


def _architecture(unit: str, block: int, alignment_bits: int, **others: Any) -> list[Accumulator]:
    """The three inputs that units from A100 on share: tf32 takes half as many products."""
    return [
        _tensor_core(f"{unit}_float16", "float16", block, alignment_bits, float16=True, **others),
        _tensor_core(f"{unit}_bfloat16", "bfloat16", block, alignment_bits, **others),
        _tensor_core(f"{unit}_tf32", "tf32", block // 2, alignment_bits, **others),
    ]


def _float8_by_float16_units(unit: str, **others: Any) -> Accumulator:
    """`mma.sync` on float8 of H100 and B200: as float16, in two passes from zero, and then c."""
    passes = ((0, 1), (2, 3))
    plain = _tensor_core(f"{unit}_float8_mma", _FLOAT8, 32, 25, float16=True, **others)
    return replace(plain, multiplied_as="float16", order=passes, addend="last")


def _scaled(
    name: str, inputs: tuple[str, ...], scale_format: str, scale_block: int, *, group: int
) -> Accumulator:
    """Block-scaled products of B200 (tcgen05)."""
    block, alignment_bits = (64, 35) if group > 1 else (32, 25)
    plain = _tensor_core(name, inputs, block, alignment_bits, source="[M]")
    return replace(plain, group=group, scale_format=scale_format, scale_block=scale_block)


def _cdna1(name: str, inputs: str, block: int) -> Accumulator:
    return Accumulator(
        name,
        summation="exact",
        inputs=(inputs,),
        block=block,
        format="float32",
        source="[M]; an older source has it pairwise",
    )


def _cdna2(name: str, inputs: str, block: int) -> Accumulator:
    return Accumulator(
        name,
        summation="rounded",
        inputs=(inputs,),
        block=block,
        format="float32",
        round_products=True,
        flush_subnormals=True,
        source="[M]",
    )


def _cdna3(name: str, inputs: str | tuple[str, ...], block: int) -> Accumulator:
    return Accumulator(
        name,
        summation="aligned",
        inputs=(inputs,) if isinstance(inputs, str) else inputs,
        block=block,
        alignment_bits=24,
        addend="floored",
        sum_bits=31,
        format="float32",
        zero_exponent=-126,
        overflow="infinity",
        source="[M]",
    )


_GENERIC: Final = (
    Accumulator("exact", source="one rounding of the exact sum"),
    Accumulator(
        "sequential",
        summation="rounded",
        block=1,
        round_products=True,
        source="IEEE 754 multiplication and addition, in order of k",
    ),
    Accumulator(
        "fma_chain",
        summation="rounded",
        block=1,
        source="IEEE 754 fusedMultiplyAdd, in order of k",
    ),
    Accumulator(
        "pairwise",
        summation="rounded",
        round_products=True,
        source="IEEE 754 multiplication, and addition in a balanced tree of neighbours",
    ),
)

_UNITS: Final = (
    _tensor_core(
        "v100_float16", "float16", 4, 23, source="[F]; [K]", checked=_COMPARED, float16=True
    ),
    # Blocks of 4 in [F].
    _tensor_core("t4_float16", "float16", 8, 24, source="[M]; [F] has blocks of 4", float16=True),
    *_architecture("a100", 8, 24, source="[F]; [K]; [M]", checked=_COMPARED),
    *_architecture("ada", 8, 24, source="[K]; [M]", checked=_COMPARED),
    _tensor_core(
        "ada_float8",
        _FLOAT8,
        16,
        13,
        source="[K]; [M]",
        checked=_COMPARED,
        float16=True,
        fraction_bits=13,
    ),
    *_architecture(
        "h100", 16, 25, source="[K]; [M]; [H]", checked=_ON_HOPPER, zero=_ZERO_ON_HOPPER
    ),
    _tensor_core(
        "h100_float8_wgmma",
        _FLOAT8,
        32,
        13,
        source="[K]; [M]; [H]",
        checked=_ON_HOPPER,
        float16=True,
        fraction_bits=13,
        zero=_ZERO_ON_HOPPER,
    ),
    _float8_by_float16_units("h100", source="[K]; [H]", checked=_ON_HOPPER, zero=_ZERO_ON_HOPPER),
    *_architecture("b200", 16, 25, source="[K]; [M]", checked=_COMPARED),
    _float8_by_float16_units("b200", source="[K]; subnormals as [H]", checked=_COMPARED),
    _tensor_core("b200_float8_tcgen05", _FLOAT8, 32, 25, source="[M]"),
    _tensor_core("b200_float6", _FLOAT6, 32, 25, source="[M]"),
    _tensor_core("b200_float4", _FLOAT4, 32, 25, source="[M]"),
    _scaled("b200_mxfp8", _FLOAT8, "float8_e8m0fnu", 32, group=1),
    _scaled("b200_mxfp4", _FLOAT4, "float8_e8m0fnu", 32, group=16),
    _scaled("b200_nvfp4", _FLOAT4, "float8_e4m3fn", 16, group=16),
    _cdna1("mi100_float16", "float16", 4),
    _cdna1("mi100_bfloat16", "bfloat16", 2),
    _cdna2("mi250_float16", "float16", 4),
    _cdna2("mi250_bfloat16", "bfloat16", 2),
    # The instructions whose names end so.
    _cdna2("mi250_bfloat16_1k", "bfloat16", 4),
    _cdna3("mi300_float16", "float16", 8),
    _cdna3("mi300_bfloat16", "bfloat16", 8),
    _cdna3("mi300_xf32", "tf32", 4),
    replace(_cdna3("mi300_float8", _FLOAT8_FNUZ, 16), order=((0,), (1,)), join="floored"),
)

_NAMED: Final = {one.name: one for one in (*_GENERIC, *_UNITS)}
# Units whose results are those of another.
_SAME_UNIT: Final = {"a2": "a100", "l40s": "ada", "h200": "h100"}


def get_accumulator(name: str | Accumulator) -> Accumulator:
    """The accumulator of a name; an accumulator is given back as is.

    Names are those of `list_accumulators`, in any case, and those of the units A2 (an A100), L40S
    (an Ada) and H200 (an H100). ValueError for an unknown one, with the nearest; TypeError for
    anything else.

    >>> get_accumulator("h200_tf32").name
    'h100_tf32'
    >>> get_accumulator("h100_fp16")
    Traceback (most recent call last):
        ...
    ValueError: accumulator: unknown 'h100_fp16'; did you mean 'h100_float16'? see \
numformats.arithmetic.list_accumulators()
    """
    if isinstance(name, Accumulator):
        return name
    if not isinstance(name, str):
        raise TypeError(
            f"accumulator: expected a name or an Accumulator, got {type(name).__name__} {name!r}"
        )
    unit, _, rest = name.lower().partition("_")
    found = _NAMED.get(f"{_SAME_UNIT.get(unit, unit)}_{rest}" if rest else unit)
    if found is None:
        hint = unknown("accumulator", name, _NAMED).partition(" Known")[0].removesuffix(".")
        raise ValueError(f"{hint.rstrip('?.')}{'?' if 'did' in hint else ';'} see {_LISTING}")
    return found


_LISTING: Final = "numformats.arithmetic.list_accumulators()"


def list_accumulators() -> list[str]:
    """The names of all accumulators.

    >>> list_accumulators()[:6]
    ['exact', 'sequential', 'fma_chain', 'pairwise', 'v100_float16', 't4_float16']
    """
    return list(_NAMED)
