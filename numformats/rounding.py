"""The words for rounding and saturation: what may be asked for, and nothing about how it is done.

A projection is a rounding mode and a saturation mode. Rounding chooses one of the two values of a
format that enclose a real number; saturation decides what becomes of a result that lies beyond the
largest or smallest value. What each word means is written in :mod:`numformats.exact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from numformats.formats.base import unknown

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

ROUNDING_NAMES: Final[tuple[RoundingName, ...]] = get_args(RoundingName)
SATURATION_MODES: Final[tuple[SaturationMode, ...]] = get_args(SaturationMode)
NAN_POLICIES: Final[tuple[NanPolicy, ...]] = get_args(NanPolicy)

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
    "rne": "nearest_even",
    "rna": "nearest_away",
    "rnz": "nearest_zero",
    "rtz": "toward_zero",
    "raz": "away_from_zero",
    "rtp": "toward_positive",
    "rtn": "toward_negative",
    "rto": "to_odd",
    "sr": Stochastic(),
    "stochastic": Stochastic(),
}


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
