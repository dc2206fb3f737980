"""The words for rounding and saturation: what may be asked for, and what decides each mode.

A projection is a rounding mode and a saturation mode. Rounding chooses one of the two values of a
format that enclose a real number; saturation decides what becomes of a result that lies beyond the
largest or smallest value. What each word means is written in :mod:`numformats.exact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias, cast, get_args

from numformats.checks import unknown

RoundingName: TypeAlias = Literal[
    "nearest_even",
    "nearest_away",
    "nearest_zero",
    "toward_zero",
    "away_from_zero",
    "toward_positive",
    "toward_negative",
    "to_odd",
    "stochastic_equal",
]
SaturationMode: TypeAlias = Literal["none", "finite", "propagate", "wrap"]
NanPolicy: TypeAlias = Literal["raise", "max", "zero"]

SATURATION_MODES: Final[tuple[SaturationMode, ...]] = get_args(SaturationMode)
NAN_POLICIES: Final[tuple[NanPolicy, ...]] = get_args(NanPolicy)


class Away(Enum):
    """How large the part of a number beyond its neighbour nearer to zero has to be, as a part of
    the way to the other neighbour, for the number to be rounded away from zero.
    """

    INEXACT = "more than nothing"
    FROM_HALF = "half or more"
    ABOVE_HALF = "more than half"
    NEVER = "no part is enough"


@dataclass(frozen=True)
class DeterministicMode:
    """All that decides a deterministic rounding mode: when a number is rounded away from zero.

    That may depend on whether the neighbour nearer to zero is even and the other odd, or the other
    way round, or both alike (in a table); and on the sign of the number. `rule` says the same in
    words.
    """

    alias: str
    rule: str
    from_even: Away
    from_odd: Away
    from_alike: Away
    negative: Away | None = None

    @property
    def depends_on_parity(self) -> bool:
        """Whether it matters which neighbour is even."""
        return self.from_even != self.from_odd

    @property
    def breaks_ties_by_parity(self) -> bool:
        """Whether it matters for numbers in the middle of two neighbours alone."""
        return {self.from_even, self.from_odd} == {Away.FROM_HALF, Away.ABOVE_HALF}


def _alike(alias: str, rule: str, away: Away, negative: Away | None = None) -> DeterministicMode:
    """A mode that does not look at parity."""
    return DeterministicMode(alias, rule, away, away, away, negative)


# A mode is a line here, its name in `RoundingName`, and its equation in `numformats.exact`.
DETERMINISTIC: Final[dict[RoundingName, DeterministicMode]] = {
    "nearest_even": DeterministicMode(
        "rne",
        "the nearer neighbour; of two equally near, the one with the even code",
        from_even=Away.ABOVE_HALF,
        from_odd=Away.FROM_HALF,
        from_alike=Away.ABOVE_HALF,
    ),
    "nearest_away": _alike(
        "rna",
        "the nearer neighbour; of two equally near, the one farther from zero",
        Away.FROM_HALF,
    ),
    "nearest_zero": _alike(
        "rnz",
        "the nearer neighbour; of two equally near, the one closer to zero",
        Away.ABOVE_HALF,
    ),
    "toward_zero": _alike("rtz", "the neighbour closer to zero", Away.NEVER),
    "away_from_zero": _alike("raz", "the neighbour farther from zero", Away.INEXACT),
    "toward_positive": _alike("rtp", "the neighbour above", Away.INEXACT, negative=Away.NEVER),
    "toward_negative": _alike("rtn", "the neighbour below", Away.NEVER, negative=Away.INEXACT),
    "to_odd": DeterministicMode(
        "rto",
        "the neighbour with the odd code",
        from_even=Away.INEXACT,
        from_odd=Away.NEVER,
        from_alike=Away.NEVER,
    ),
}
ROUNDING_NAMES: Final[tuple[RoundingName, ...]] = (*DETERMINISTIC, "stochastic_equal")

MAX_RANDOM_BITS: Final = 32


@dataclass(frozen=True)
class Stochastic:
    """Stochastic rounding of IEEE P3109: away from zero with a probability that grows with the
    distance from the neighbour nearer to zero.

    Parameters
    ----------
    bits : int
        N, the number of random bits that each value consumes, 1 to 32. The probability of rounding
        away is a multiple of 2**-N.
    variant : {"A", "B", "C"}
        How the distance is brought to N bits: A cuts it off, B adds half a unit to the random
        number, C rounds it to nearest, ties to even.

    Raises
    ------
    TypeError, ValueError
        For a number of bits or a variant other than these.

    Notes
    -----
    Source: IEEE P3109 interim report v4.0, clause 4.7.4, StochasticA, StochasticB, StochasticC.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.float4_e2m1fn.encode(2.5, rounding=nf.Stochastic(bits=8), random_bits=127)
    np.uint8(4)
    >>> nf.float4_e2m1fn.encode(2.5, rounding=nf.Stochastic(bits=8), random_bits=128)
    np.uint8(5)
    """

    bits: int = 32
    variant: Literal["A", "B", "C"] = "A"

    def __post_init__(self) -> None:
        if not isinstance(self.bits, int) or isinstance(self.bits, bool):
            raise TypeError(f"bits: expected an int from 1 to {MAX_RANDOM_BITS}, got {self.bits!r}")
        if not 1 <= self.bits <= MAX_RANDOM_BITS:
            raise ValueError(f"bits: {self.bits} is outside 1 to {MAX_RANDOM_BITS}")
        if self.variant not in ("A", "B", "C"):
            raise ValueError(f"variant: expected 'A', 'B' or 'C', got {self.variant!r}")


RoundingMode: TypeAlias = RoundingName | Stochastic

ROUNDING_ALIASES: Final[dict[str, RoundingMode]] = {
    **{mode.alias: name for name, mode in DETERMINISTIC.items()},
    "sr": Stochastic(),
    "stochastic": Stochastic(),
}


@dataclass(frozen=True)
class Modes:
    """All that is asked of a projection beside its number system, parsed."""

    rounding: RoundingMode = "nearest_even"
    saturation: SaturationMode = "none"
    nan: NanPolicy = "raise"


def parse_modes(rounding: str | Stochastic, saturation: str, nan: str) -> Modes:
    """The modes that three words stand for.

    Raises TypeError for another type, ValueError for an unknown word.

    >>> parse_modes("rtz", "finite", "raise")
    Modes(rounding='toward_zero', saturation='finite', nan='raise')
    """
    return Modes(parse_rounding(rounding), parse_saturation(saturation), parse_nan(nan))


def parse_rounding(rounding: str | Stochastic) -> RoundingMode:
    """The rounding mode that a name, an alias or a `Stochastic` stands for.

    Raises TypeError for another type, ValueError for an unknown name.

    >>> parse_rounding("rtz")
    'toward_zero'
    >>> parse_rounding("stochastic")
    Stochastic(bits=32, variant='A')
    """
    if isinstance(rounding, Stochastic):
        return rounding
    if isinstance(rounding, str):
        if rounding in ROUNDING_NAMES:
            return rounding
        if rounding in ROUNDING_ALIASES:
            return ROUNDING_ALIASES[rounding]
    _require_str("rounding", rounding, "a str or numformats.Stochastic")
    raise ValueError(unknown("rounding", rounding, [*ROUNDING_NAMES, *ROUNDING_ALIASES]))


def parse_saturation(saturation: str) -> SaturationMode:
    """The saturation mode of that name. TypeError for another type, ValueError if unknown.

    >>> parse_saturation("finite")
    'finite'
    """
    _require_str("saturation", saturation, "a str")
    if saturation not in SATURATION_MODES:
        raise ValueError(unknown("saturation", saturation, SATURATION_MODES))
    return saturation


def parse_nan(nan: str) -> NanPolicy:
    """The NaN policy of that name. TypeError for another type, ValueError if unknown.

    >>> parse_nan("max")
    'max'
    """
    _require_str("nan", nan, "a str")
    if nan not in NAN_POLICIES:
        raise ValueError(unknown("nan", nan, NAN_POLICIES))
    return nan


def random_bit_count(rounding: RoundingMode) -> int:
    """The number of random bits that a mode consumes per value: 0 for a deterministic one.

    >>> random_bit_count("nearest_even"), random_bit_count("stochastic_equal")
    (0, 1)
    """
    if isinstance(rounding, Stochastic):
        return rounding.bits
    return 1 if rounding == "stochastic_equal" else 0


def _require_str(argument: str, given: object, expected: str) -> None:
    if not isinstance(given, str):
        raise TypeError(f"{argument}: expected {expected}, got {type(given).__name__} {given!r}")


def deterministic(rounding: RoundingMode) -> DeterministicMode | None:
    """What decides a deterministic mode; None for a random one.

    >>> deterministic("toward_zero").from_even
    <Away.NEVER: 'no part is enough'>
    """
    return None if random_bit_count(rounding) else DETERMINISTIC[cast(RoundingName, rounding)]


def rule_of(rounding: RoundingMode) -> str:
    """What a mode does, in words.

    >>> rule_of("toward_zero")
    'the neighbour closer to zero'
    """
    if isinstance(rounding, Stochastic):
        return (
            f"away from zero with a probability of the distance, in {rounding.bits} bits, "
            f"variant {rounding.variant}"
        )
    decided = deterministic(rounding)
    return "either neighbour, with equal chances" if decided is None else decided.rule
