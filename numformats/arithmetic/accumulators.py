"""`Accumulator`: how a sum of products is rounded on its way, as a handful of parameters.

    products  ──block──▶  sum of the block  ──rounded──▶  accumulator c  ──▶  next block, in order

A matrix unit does not round once, and does not round after each addition either. It takes a block
of products, sums them in one of a few ways, rounds, and has an accumulator for the next block. All
units known differ in the parameters of that alone. The words here:

- *term*: a product a * b, or the accumulator c. A product is exact and is not normalised: its
  significand lies in [0, 4), its exponent is the sum of those of a and b, where a subnormal number
  has the exponent of the smallest normal one.
- *aligned*: each term is cut toward zero to a multiple of 2**(emax - F), where emax is the greatest
  exponent of the terms, and the sum of what is left is exact.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, TypeAlias, cast, get_args

from numformats.checks import require_bool, require_int, require_name, unknown
from numformats.formats.floating import FloatFormat
from numformats.formats.format import Format
from numformats.formats.registry import find_format, names_like
from numformats.modes import RoundingName, parse_rounding, random_bit_count
from numformats.reals import floor_log2, power_of_two

Summation: TypeAlias = Literal["exact", "aligned", "rounded"]
Join: TypeAlias = Literal["chained", "floored"]
Addend: TypeAlias = Literal["first", "last", "floored"]
Order: TypeAlias = tuple[tuple[int, ...], ...]

# Aligned sums are integers below 2**53: a float64 holds them, and so do the products of operands
# of 26 significand bits.
_MAX_ALIGNMENT_BITS: Final = 36
_MAX_ALIGNED_BLOCK: Final = 1024
MAX_OPERAND_PRECISION: Final = 26
# Log2 of how far formats of results may reach: far from the ends of float64.
_REACH: Final = 400


@dataclass(frozen=True)
class Result:
    """What the sum of a block is rounded to, and kept in until the next block.

    Attributes
    ----------
    format : str
        The name of a floating-point format with NaN.
    rounding : str
        A deterministic rounding mode.
    fraction_bits : int or None
        Where the result is cut to fewer fraction bits than the format has: how many.
    zero_exponent : int or None
        In aligned sums, the exponent with which a product or an accumulator that is zero takes part
        in emax; None where it takes no part. Zeros that fill up the last block count.
    overflow : {"mode", "infinity"}
        Where a finite sum beyond the largest value goes: where the rounding mode says (IEEE 754
        7.4), or to infinity in every mode, as in matrix units.
    has_negative_zero : bool
        Whether a sum below zero that rounds to zero is -0, as in IEEE 754; else it is +0.
    """

    format: str
    rounding: str = "nearest_even"
    fraction_bits: int | None = None
    zero_exponent: int | None = None
    overflow: Literal["mode", "infinity"] = "mode"
    has_negative_zero: bool = True

    def __post_init__(self) -> None:
        require_name(self.format)
        mode = parse_rounding(self.rounding)
        if random_bit_count(mode):
            raise ValueError(f"rounding: {mode!r} is random; accumulators round deterministically")
        object.__setattr__(self, "rounding", mode)
        fmt = named_format("format", self.format)
        if fmt.lattice is None or not fmt.lattice.floating or not fmt.has_nan or not fmt.signed:
            raise ValueError(
                f"format: {fmt.name} is not a signed floating-point format with NaN, and an "
                "accumulator is; accumulator='exact' takes every format as output"
            )
        if fmt.precision < 2 or not fmt.lattice.gradual:
            raise ValueError(f"format: {fmt.name} has precision 1 or no subnormals")
        _require_reach("format", fmt)
        if self.fraction_bits is not None:
            require_int("fraction_bits", self.fraction_bits, 1, fmt.precision - 1)
        if self.overflow not in ("mode", "infinity"):
            raise ValueError(unknown("overflow", str(self.overflow), ["mode", "infinity"]))
        require_bool("has_negative_zero", self.has_negative_zero)

    @property
    def number_format(self) -> Format:
        """The format."""
        return named_format("format", self.format)

    @property
    def mode(self) -> RoundingName:
        """The rounding mode by its full name."""
        return cast(RoundingName, self.rounding)

    @property
    def kept_format(self) -> Format:
        """The format that has the values which results can take: with the bits that are cut off
        left out.
        """
        fmt = self.number_format
        if self.fraction_bits is None:
            return fmt
        return FloatFormat(
            f"{fmt.name} cut to {self.fraction_bits} fraction bits",
            fmt.exponent_bits,
            self.fraction_bits,
            bias=fmt.bias,
        )

    def __str__(self) -> str:
        cut = "" if self.fraction_bits is None else f" to {self.fraction_bits} fraction bits"
        return f"{self.format}, {self.rounding}{cut}"


@dataclass(frozen=True, repr=False)
class Accumulator:
    """How a sum of products is rounded on its way to the result.

    Attributes
    ----------
    name : str
        What it is called, in errors and tables.
    summation : {"exact", "aligned", "rounded"}
        How the products of a block and the accumulator are summed. "exact": the exact sum of all,
        rounded once. "aligned": as tensor cores do it, see `alignment_bits`. "rounded": in pairs of
        neighbours, pairs of pairs and so on (what is left over goes up a level), each sum rounded;
        then the block's sum is added to the accumulator, and rounded. With blocks of one product
        that is a loop over k, with one block of all a pairwise sum.
    inputs : tuple of str
        The formats of operands, by name. An operand of a dtype of NumPy or ml_dtypes is in that
        format; any other is in the first of these that has all its values. Empty: any values of
        float64. Evidence: the data sheets of units.
    multiplied_as : str or None
        In aligned sums, the format that operands are converted to before they are multiplied, whose
        exponents their subnormal values then have; None: their own. Evidence: instructions that the
        compiler makes of `mma.sync` on float8, and results of an H200.
    block : int or None
        How many products are summed at once, in order of k; None for all of them. The last block
        is filled up with zeros. Evidence: results change only where a cancellation lies across
        two blocks [F], [K], [M].
    alignment_bits : int or None
        F of aligned sums: the fraction bits that are kept of each term below the greatest exponent.
        Evidence: the smallest term that a sum with a large one still notices [F], [K], [M].
    order : tuple of tuple of int
        The parts of a block: each lists the remainders of k whose products it takes. ((0,),) is one
        part. ((0, 1), (2, 3)) is two, of which the first has the products with k mod 4 < 2.
        Evidence: results of H100 and B200, `mma.sync` on float8 [K].
    join : {"chained", "floored"}
        What becomes of several parts. "chained": each is summed as a block, on top of the one
        before. "floored": their aligned sums are floored to F bits below the greater exponent of
        the two, and added.
    addend : {"first", "last", "floored"}
        How the accumulator enters. "first": as one of the terms of the (first) part. "last": the
        block begins from zero, and its rounded sum is added to the accumulator as an ordinary IEEE
        754 sum to nearest even in the result's format [K]. "floored": the exact sum of the cut
        products is floored at `sum_bits` and the accumulator at F below the greater of their
        exponents, the two are added and rounded (CDNA3) [M].
    sum_bits : int or None
        For addend "floored": fraction bits that are kept of the products' sum.
    format, rounding, fraction_bits, zero_exponent, overflow, has_negative_zero
        What results are, unless `output` asks for another: the fields of `Result`. None as the
        format: whatever format `output` asks for (float32 by default).
    alternatives : tuple of Result
        What else the unit can be told to give, and `output` may ask for.
    round_products : bool
        In rounded sums, whether products are rounded to the result's format first.
    flush_subnormals : bool
        In rounded sums, whether subnormal operands become +0, and subnormal results zeros (CDNA2).
    group : int
        Products summed exactly before they become a term, whose exponent is then that of their
        scales alone [M].
    scale_format, scale_block : str and int, or None
        The format of the operands' scales, and how many consecutive k share one.
    promote_every : int or None
        After so many k the accumulator is added to a register of the result's format as an ordinary
        IEEE 754 sum to nearest even, and begins again from zero; c is what the register begins
        with. DeepGEMM (DeepSeek-V3, arXiv 2412.19437, section 3.3.2) does so every 128 of k.
    source : str
        Where the parameters are from.
    checked : str
        Which results of hardware they have been compared with; empty for none.

    Raises
    ------
    TypeError, ValueError
        For fields that are not those of an accumulator, with the reason.

    Notes
    -----
    [F] Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores", PeerJ CS 7,
    2021. [K] Khattak, Mikaitis, "Accurate Models of NVIDIA Tensor Cores", arXiv 2512.07004. [M]
    MMA-Sim, arXiv 2511.10909.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from numformats.arithmetic import get_accumulator
    >>> hopper = get_accumulator("h100_float8_wgmma")
    >>> hopper.block, hopper.alignment_bits, hopper.rounding, hopper.fraction_bits
    (32, 13, 'toward_zero', 13)
    >>> replace(hopper, promote_every=128).promote_every
    128
    >>> print(get_accumulator("v100_float16"))
    v100_float16
      inputs          float16
      summation       aligned
      block           4
      alignment_bits  23
      addend          first
      result          float32, toward_zero
      or              float16, nearest_even
      source          [F]; [K]
      checked         [K], 0 wrong
    """

    name: str
    summation: Summation = "exact"
    inputs: tuple[str, ...] = ()
    block: int | None = None
    alignment_bits: int | None = None
    order: Order = ((0,),)
    join: Join = "chained"
    addend: Addend = "first"
    sum_bits: int | None = None
    format: str | None = None
    rounding: str = "nearest_even"
    fraction_bits: int | None = None
    zero_exponent: int | None = None
    overflow: Literal["mode", "infinity"] = "mode"
    alternatives: tuple[Result, ...] = ()
    round_products: bool = False
    flush_subnormals: bool = False
    group: int = 1
    scale_format: str | None = None
    scale_block: int | None = None
    promote_every: int | None = None
    source: str = ""
    checked: str = ""
    multiplied_as: str | None = None
    has_negative_zero: bool = True

    def __post_init__(self) -> None:
        require_name(self.name)
        for argument, value, known in (
            ("summation", self.summation, get_args(Summation)),
            ("join", self.join, get_args(Join)),
            ("addend", self.addend, get_args(Addend)),
        ):
            if value not in known:
                raise ValueError(unknown(argument, str(value), known))
        for name in self.inputs:
            _require_input(named_format("inputs", name))
        for argument, number in (("block", self.block), ("promote_every", self.promote_every)):
            if number is not None:
                require_int(argument, number, 1, 2**31)
        require_int("group", self.group, 1, 2**10)
        require_bool("round_products", self.round_products)
        require_bool("flush_subnormals", self.flush_subnormals)
        self._require_order()
        self._require_alignment()
        if (self.scale_format is None) != (self.scale_block is None):
            raise ValueError("scale_block: scale_format and scale_block go together")
        self.result(None)

    def _require_order(self) -> None:
        residues = sorted(residue for part in self.order for residue in part)
        if residues != list(range(len(residues))) or not residues:
            raise ValueError(f"order: {self.order!r} does not name each remainder once")
        if len(self.order) > 1 and (self.block is None or self.block % len(residues)):
            raise ValueError(f"order: a block of {self.block} is not whole in remainders of k")

    def _require_alignment(self) -> None:
        if self.summation != "aligned":
            if self.alignment_bits is not None:
                raise ValueError("alignment_bits: only aligned sums have them")
            if self.addend != "first" or len(self.order) > 1 or self.group > 1:
                raise ValueError("addend, order, group: only aligned sums have them")
            if self.multiplied_as is not None:
                raise ValueError("multiplied_as: only aligned sums have exponents of operands")
            return
        require_int("alignment_bits", self.alignment_bits, 1, _MAX_ALIGNMENT_BITS)
        require_int("block", self.block, 1, _MAX_ALIGNED_BLOCK)
        if not self.inputs:
            raise ValueError("inputs: aligned sums need them, for the exponents of operands")
        if (self.addend == "floored") != (self.sum_bits is not None):
            raise ValueError("sum_bits: needed by addend 'floored', and by no other")
        if self.join == "floored" and self.addend != "floored":
            raise ValueError("join: 'floored' goes with addend 'floored'")
        if self.sum_bits is not None:
            require_int("sum_bits", self.sum_bits, 1, _MAX_ALIGNMENT_BITS)
            if self.zero_exponent is None:
                raise ValueError("zero_exponent: addend 'floored' needs one")
        for fmt in (named_format("inputs", name) for name in self.inputs):
            self._require_holds(fmt)
            span = 2 * floor_log2(fmt.highest / fmt.quantum) + 2 + self.group.bit_length()
            if self.group > 1 and span > 53:
                raise ValueError(f"group: sums of products of {fmt.name} are wider than float64")

    def _require_holds(self, fmt: Format) -> None:
        if self.multiplied_as is None:
            return
        wide = named_format("multiplied_as", self.multiplied_as)
        _require_input(wide)
        if (
            wide.precision < fmt.precision
            or wide.quantum > fmt.quantum
            or wide.highest < fmt.highest
        ):
            raise ValueError(f"multiplied_as: {wide.name} does not hold all values of {fmt.name}")

    def exponent_format(self, fmt: Format) -> Format:
        """The format whose exponents operands in one of the inputs have."""
        if self.multiplied_as is None:
            return fmt
        return named_format("multiplied_as", self.multiplied_as)

    @property
    def rounds_once(self) -> bool:
        """Whether the exact sum of all is rounded once: then to any format at all."""
        whole = self.block is None and self.promote_every is None
        return self.summation == "exact" and whole and self.format is None

    def result(self, output: str | Format | None) -> Result:
        """What results are for an `output`: the default for None, else that in the format asked
        for. ValueError for a format that the unit does not give, or that has no arithmetic here.

        >>> from numformats.arithmetic import get_accumulator
        >>> print(get_accumulator("a100_float16").result("float16"))
        float16, nearest_even
        """
        default = Result(
            self.format or "float32",
            self.rounding,
            self.fraction_bits,
            self.zero_exponent,
            self.overflow,
            self.has_negative_zero,
        )
        if output is None:
            return default
        fmt = output_format(output)
        for result in (default, *self.alternatives):
            if result.number_format == fmt:
                return result
        if self.format is None:
            return dataclasses.replace(default, format=fmt.name)
        known = [result.format for result in (default, *self.alternatives)]
        raise ValueError(
            f"output: {self.name} has results in {' and '.join(known)}, not in {fmt.name}; round "
            f"the {known[0]} result to it, or choose another accumulator"
        )

    def _rows(self) -> Iterator[tuple[str, str]]:
        """The fields that are not their defaults, each with its text."""
        yield "inputs", ", ".join(self.inputs) or "any"
        if self.multiplied_as is not None:
            yield "multiplied_as", self.multiplied_as
        shown = ("summation", "block", "alignment_bits", "addend", "order", "join", "sum_bits")
        for name in shown:
            default = next(f.default for f in dataclasses.fields(self) if f.name == name)
            value = getattr(self, name)
            is_told = name == "addend" and self.summation == "aligned"
            if value != default or name == "summation" or is_told:
                yield name, str(value)
        for name in ("round_products", "flush_subnormals"):
            if getattr(self, name):
                yield name, "yes"
        if self.group > 1:
            yield "group", str(self.group)
        if self.scale_format is not None:
            yield "scales", f"{self.scale_format}, one for {self.scale_block} of k"
        if self.promote_every is not None:
            yield "promote_every", str(self.promote_every)
        result = self.result(None)
        yield "result", str(result) if self.format else f"any format, {self.rounding}"
        for other in self.alternatives:
            yield "or", str(other)
        yield "source", self.source or "-"
        yield "checked", self.checked or "no data"

    def __str__(self) -> str:
        rows = list(self._rows())
        width = max(len(label) for label, _ in rows)
        return "\n".join([self.name, *(f"  {label:{width}}  {text}" for label, text in rows)])

    def __repr__(self) -> str:
        told = ", ".join(f"{label} {text}" for label, text in self._rows() if label != "source")
        return f"<Accumulator {self.name}: {told}>"


def named_format(argument: str, name: str) -> Format:
    """The format of that name; ValueError, naming the argument, for an unknown one."""
    if not isinstance(name, str):
        raise TypeError(f"{argument}: expected a format or its name, got {name!r}")
    found = find_format(name)
    if found is None:
        raise ValueError(unknown(argument, name, names_like(name)))
    return found


def output_format(output: str | Format | None) -> Format:
    """The format that an `output` names: float32 for None."""
    return output if isinstance(output, Format) else named_format("output", output or "float32")


def _require_input(fmt: Format) -> None:
    """Refuse what has no exponents."""
    if fmt.lattice is None or not fmt.lattice.floating or not fmt.has_zero:
        raise ValueError(f"inputs: {fmt.name} is no floating-point format")
    _require_reach("inputs", fmt)


def _require_reach(argument: str, fmt: Format) -> None:
    """Refuse formats that float64 has too little room around for products and cut terms."""
    if fmt.quantum < power_of_two(-_REACH) or fmt.highest > power_of_two(_REACH):
        raise ValueError(
            f"{argument}: {fmt.name} reaches beyond 2**{_REACH} or below 2**-{_REACH}; "
            "accumulator='exact' takes every format"
        )


def smallest_exponent(fmt: Format) -> int:
    """The exponent of the smallest normal value, which subnormal ones and zero have, too."""
    smallest: Fraction = fmt.smallest_normal_exact
    return floor_log2(smallest)
