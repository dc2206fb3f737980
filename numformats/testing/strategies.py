"""Strategies for hypothesis: formats, projections, and the numbers at which they go wrong.

They compose with those of hypothesis and of ``hypothesis.extra.numpy``, and shrink to the simplest
format, mode and number that still fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from numformats.checks import unknown
from numformats.codec.extents import dtype_holds
from numformats.codec.float_order import word_dtype
from numformats.exact.saturation import require_saturation
from numformats.formats.fixed import FixedFormat
from numformats.formats.floating import FloatFormat
from numformats.formats.format import Format
from numformats.formats.integers import IntFormat
from numformats.formats.lns import lns
from numformats.formats.posits import posit
from numformats.formats.registry import list_formats
from numformats.formats.tables import TableFormat
from numformats.formats.takums import takum
from numformats.modes import ROUNDING_NAMES, RoundingMode, SaturationMode, Stochastic
from numformats.names import get_format
from numformats.system import require_system
from numformats.testing.decision_points import (
    decision_inputs,
    finite_values,
    nans,
    read_input_dtype,
)
from numformats.testing.projection import Projection

try:
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ModuleNotFoundError(
        f"{__name__} needs hypothesis: pip install 'numformats[testing]'", name=error.name
    ) from None

__all__ = [
    "KINDS",
    "LAYOUTS",
    "SOURCES",
    "arrays",
    "codes",
    "formats",
    "inputs",
    "projections",
    "rounding_modes",
    "saturation_modes",
    "values",
]

Kind: TypeAlias = Literal["float", "int", "fixed", "tapered", "table"]
Source: TypeAlias = Literal["named", "p3109", "custom"]
NanCodes: TypeAlias = Literal["ieee", "top", "negative_zero", "none"]
Layout: TypeAlias = Literal["contiguous", "strided", "reversed", "swapped", "fortran", "read_only"]

KINDS: Final[tuple[Kind, ...]] = ("float", "int", "fixed", "tapered", "table")
SOURCES: Final[tuple[Source, ...]] = ("named", "p3109", "custom")
LAYOUTS: Final[tuple[Layout, ...]] = (
    "contiguous",
    "strided",
    "reversed",
    "swapped",
    "fortran",
    "read_only",
)


def formats(
    *,
    kinds: tuple[Kind, ...] = KINDS,
    sources: tuple[Source, ...] = SOURCES,
    min_bits: int = 1,
    max_bits: int = 16,
) -> st.SearchStrategy[Format]:
    """Formats of some kinds and widths: named ones, those of IEEE P3109, and new ones.

    Tapered are posits and takums, and a table is every other format without evenly spaced values.

    All of them have values that float64 holds, which some of P3109's do not. ValueError if there is
    none, and for an unknown kind or source.
    """
    _require_words("kinds", kinds, KINDS)
    _require_words("sources", sources, SOURCES)
    if not 1 <= min_bits <= max_bits <= 32:
        raise ValueError(f"min_bits, max_bits: {min_bits}, {max_bits}; expected 1 to 32, in order")

    def is_held(fmt: Format) -> bool:
        return dtype_holds(np.dtype(np.float64), fmt)

    def fits(fmt: Format) -> bool:
        return kind_of(fmt) in kinds and min_bits <= fmt.bits <= max_bits and is_held(fmt)

    listed = {"named": list_formats(), "p3109": list_formats("p3109")}
    choices: list[st.SearchStrategy[Format]] = []
    for source in sources:
        if source == "custom":
            choices += [_CUSTOM[kind](min_bits, max_bits).filter(is_held) for kind in kinds]
        else:
            found = [fmt for fmt in map(get_format, listed[source]) if fits(fmt)]
            choices += [st.sampled_from(found)] if found else []
    if not choices:
        raise ValueError(
            f"kinds, sources: no format of {kinds} with {min_bits} to {max_bits} bits from "
            f"{sources}; allow others, or other widths"
        )
    return st.one_of(choices)


def kind_of(fmt: Format) -> Kind:
    """The kind of a format, which how its values are spaced tells.

    >>> import numformats as nf
    >>> kind_of(nf.bfloat16), kind_of(nf.int8), kind_of(nf.TableFormat("two", (0.0, 1.0)))
    ('float', 'int', 'table')
    >>> kind_of(nf.posit8)
    'tapered'
    """
    if fmt.taper is not None:
        return "tapered"
    if fmt.lattice is None:
        return "table"
    if fmt.lattice.floating:
        return "float"
    return "int" if fmt.lattice.quantum == 1 else "fixed"


def _require_words(argument: str, words: object, known: tuple[str, ...]) -> None:
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise TypeError(f"{argument}: expected a tuple of words, got {words!r}; {known} are all")
    for word in words:
        if word not in known:
            raise ValueError(unknown(argument, str(word), known))


@st.composite
def _custom_floats(draw: st.DrawFn, min_bits: int, max_bits: int) -> Format:
    bits = draw(st.integers(max(min_bits, 3), max(max_bits, 3)))
    signed = draw(st.booleans())
    fields = bits - signed
    exponent_bits = draw(st.integers(1, min(fields, 8)))
    mantissa_bits = fields - exponent_bits
    policies: list[NanCodes] = ["none", "top", "ieee", "negative_zero"]
    nan = draw(st.sampled_from(policies))
    if (nan == "ieee" and (mantissa_bits == 0 or exponent_bits < 2)) or (
        nan == "negative_zero" and not signed
    ):
        nan = "none"
    middle = 2 ** (exponent_bits - 1) - 1
    return FloatFormat(
        "custom",
        exponent_bits,
        mantissa_bits,
        bias=draw(st.integers(middle - 20, middle + 20)),
        signed=signed,
        has_inf=nan == "ieee",
        nan=nan,
        subnormals="flush" if exponent_bits > 1 and draw(st.booleans()) else "gradual",
    )


@st.composite
def _custom_integers(draw: st.DrawFn, min_bits: int, max_bits: int) -> Format:
    bits = draw(st.integers(min_bits, max_bits))
    return IntFormat("custom", bits, signed=draw(st.booleans()))


@st.composite
def _custom_fixed(draw: st.DrawFn, min_bits: int, max_bits: int) -> Format:
    bits = draw(st.integers(max(min_bits, 2), max(max_bits, 2)))
    fraction_bits = draw(st.integers(0, bits - 1))
    return FixedFormat("custom", bits - 1 - fraction_bits, fraction_bits)


@st.composite
def _custom_tapered(draw: st.DrawFn, min_bits: int, max_bits: int) -> Format:
    bits = draw(st.integers(max(min_bits, 3), max(max_bits, 3)))
    if 6 <= bits <= 16 and draw(st.booleans()):
        return takum(bits)
    return posit(bits, draw(st.integers(0, 5)))


@st.composite
def _custom_tables(draw: st.DrawFn, min_bits: int, max_bits: int) -> Format:
    bits = draw(st.integers(min_bits, max(min(max_bits, 8), min_bits)))
    if bits > 4 and draw(st.booleans()):
        return lns(bits, bits - 3)
    bits = max(min(bits, 4), min_bits)
    numbers = st.integers(-1000, 1000).map(lambda n: n / 8)
    table = draw(st.lists(numbers, min_size=2**bits, max_size=2**bits, unique=True))
    return TableFormat("custom", tuple(table))


_CUSTOM: Final = {
    "float": _custom_floats,
    "int": _custom_integers,
    "fixed": _custom_fixed,
    "tapered": _custom_tapered,
    "table": _custom_tables,
}


def rounding_modes(*, stochastic: bool = True) -> st.SearchStrategy[RoundingMode]:
    """Rounding modes, the deterministic ones first."""
    deterministic = [name for name in ROUNDING_NAMES if name != "stochastic_equal"]
    if not stochastic:
        return st.sampled_from(deterministic)
    modes: st.SearchStrategy[RoundingMode] = st.sampled_from([*deterministic, "stochastic_equal"])
    variants: st.SearchStrategy[Literal["A", "B", "C"]] = st.sampled_from(["A", "B", "C"])
    return modes | st.builds(Stochastic, st.integers(1, 32), variants)


def saturation_modes(fmt: Format | None = None) -> st.SearchStrategy[SaturationMode]:
    """Saturation modes; of a format, those that it takes."""
    if fmt is not None:
        require_system(fmt)
    modes: list[SaturationMode] = ["none", "finite", "propagate"]
    if fmt is not None and _wraps(fmt):
        modes.append("wrap")
    return st.sampled_from(modes)


def _wraps(fmt: Format) -> bool:
    """Whether a format has low bits that can be kept of any number."""
    try:
        require_saturation(fmt, "wrap")
    except ValueError:
        return False
    return True


@st.composite
def projections(
    draw: st.DrawFn,
    fmts: st.SearchStrategy[Format] | None = None,
    *,
    stochastic: bool = True,
) -> Projection:
    """A format with a rounding and a saturation mode that it takes."""
    fmt = draw(formats() if fmts is None else fmts)
    rounding = draw(rounding_modes(stochastic=stochastic))
    return Projection(fmt, rounding, draw(saturation_modes(fmt)))


def codes(fmt: Format) -> st.SearchStrategy[int]:
    """Any code of a format."""
    require_system(fmt)
    return st.integers(0, 2**fmt.bits - 1)


def values(fmt: Format) -> st.SearchStrategy[float]:
    """Any finite value of a format (wider than 16 bits: some thousand of them), simplest first."""
    require_system(fmt)
    return _one_of(finite_values(fmt))


def inputs(
    fmt: Format, dtype: DTypeLike = np.float32, *, nan: bool | None = None
) -> st.SearchStrategy[Any]:
    """Numbers of a dtype, as NumPy scalars, most of them where projections onto a format go wrong.

    Three in four are values, midpoints, numbers near the ends, beyond or near zero, and their
    neighbours in the dtype; the rest is any bits. `nan` says whether there may be NaN; by default
    where the format has one.
    """
    require_system(fmt)
    read = read_input_dtype(dtype)
    has_nan = fmt.has_nan if nan is None else nan
    points = decision_inputs(fmt, read)
    if read.kind in "iu":
        return _one_of(points) | hnp.from_dtype(read).map(read.type)
    with np.errstate(invalid="ignore"):
        numbers = points[~np.isnan(points.astype(np.float64))]
    near = _one_of(numbers)
    words = st.integers(0, int(np.iinfo(word_dtype(read)).max))
    anything = words.map(lambda word: np.array(word, word_dtype(read)).view(read)[()])
    allowed = anything if has_nan else anything.filter(lambda x: not np.isnan(float(x)))
    special = [st.sampled_from(list(nans(read)))] if has_nan else []
    return st.one_of(near, near, near, allowed, *special)


@st.composite
def arrays(
    draw: st.DrawFn,
    fmt: Format,
    shape: int | tuple[int, ...] | st.SearchStrategy[tuple[int, ...]] | None = None,
    *,
    dtype: DTypeLike = np.float32,
    layout: Layout | None = None,
    nan: bool | None = None,
) -> NDArray[Any]:
    """Arrays of `inputs`, of any shape (0-d and empty too) and any layout in memory."""
    if layout is not None:
        _require_words("layout", (layout,), LAYOUTS)
    read = read_input_dtype(dtype)
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
    chosen: Any = shapes if shape is None else shape
    elements = inputs(fmt, read, nan=nan)
    array = draw(hnp.arrays(np.dtype(object), chosen, elements=elements, fill=st.nothing()))
    plain = np.empty(array.shape, read)
    plain[...] = array
    chosen_layout = draw(st.sampled_from(LAYOUTS)) if layout is None else layout
    return _laid_out(plain, chosen_layout)


def _laid_out(x: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """The same numbers in another layout."""
    match layout:
        case "contiguous":
            return x
        case "strided":
            spread = np.zeros((*x.shape, 3), x.dtype)
            spread[..., 1] = x
            return spread[..., 1]
        case "reversed":
            return np.flip(np.flip(x).copy())
        case "swapped":
            return x.astype(x.dtype.newbyteorder()) if x.dtype.kind in "iuf" else x
        case "fortran":
            return np.asfortranarray(x)
        case "read_only":
            x.flags.writeable = False
            return x


def _one_of(numbers: NDArray[Any]) -> st.SearchStrategy[Any]:
    """One of many numbers. Short significands come first, then numbers near 1, then positive ones.

    Numbers with significands of similar length and one sign are a group, all groups equally likely:
    failures shrink from group to group, which gets them farther than through one long list.
    """
    with np.errstate(all="ignore"):
        wide = numbers.astype(np.float64)
        fraction, exponent = np.frexp(np.where(np.isfinite(wide), wide, 0))
        significand = np.abs(np.ldexp(fraction, 53)).astype(np.int64)
    # The lowest bit that is set tells how long a significand is.
    length = 53 - np.log2(np.maximum(significand & -significand, 1)).astype(int)
    length[significand == 0] = 0
    length[~np.isfinite(wide)] = 64
    # In steps of one up to 8 bits, and in powers of two from there.
    step = np.where(length <= 8, length, 6 + np.ceil(np.log2(np.maximum(length, 1)))).astype(int)
    group = 2 * step + np.signbit(wide)
    order = np.lexsort((np.abs(exponent - 1), length))
    groups = (order[group[order] == chosen] for chosen in np.unique(group))
    return st.one_of([st.sampled_from(list(numbers[chosen])) for chosen in groups])


def __dir__() -> list[str]:
    return list(__all__)
