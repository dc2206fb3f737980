"""Declarations of operations as IEEE P3109 writes them: reading and writing them.

A declaration is a name and parameters: formats, a block size, a projection specification.

    Exp<Binary8p3se, Binary8p4se, (NearestTiesToEven, SatFinite)>

Source: IEEE P3109 interim report v4.0, clauses 3.2, 4.2, 4.6, 5.4 and 5.5.
"""

from __future__ import annotations

import difflib
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from numformats.formats import p3109
from numformats.formats.format import Format
from numformats.formats.ieee import bfloat16, float16, float32
from numformats.modes import MAX_RANDOM_BITS, RoundingMode, RoundingName, SaturationMode, Stochastic

# Clause 4.7.4; those that take random bits are written with their number, as in StochasticA(8).
ROUNDINGS: Final[dict[str, RoundingName]] = {
    "NearestTiesToEven": "nearest_even",
    "NearestTiesToAway": "nearest_away",
    "TowardZero": "toward_zero",
    "TowardPositive": "toward_positive",
    "TowardNegative": "toward_negative",
    "ToOdd": "to_odd",
}
# Clause 4.7.5.
SATURATIONS: Final[dict[str, SaturationMode]] = {
    "SatNone": "none",
    "SatFinite": "finite",
    "SatPropagate": "propagate",
}
# Clauses 4.8 and 4.14. Codes of binary64 would need more bits than codes have here.
EXTERNAL_FORMATS: Final[dict[str, Format]] = {
    "binary32": float32,
    "binary16": float16,
    "BFloat16": bfloat16,
}

_STOCHASTIC: Final = r"Stochastic([ABC])\s*\(\s*([0-9]+)\s*\)"
_TOKEN: Final = re.compile(rf"\s*({_STOCHASTIC}|\w+|[<>(),])\s*")
_EXAMPLE: Final = "'Exp<Binary8p3se, Binary8p4se, (NearestTiesToEven, SatFinite)>'"


class NotProvidedError(KeyError):
    """No operation, format or mode has the name that a declaration gives it."""

    def __str__(self) -> str:
        # A KeyError shows its message in quotation marks, as if it were the key.
        return str(self.args[0])


@dataclass(frozen=True)
class ProjectionSpecification:
    """rho of IEEE P3109: a rounding mode and a saturation mode. `str` writes it as P3109 does.

    >>> print(ProjectionSpecification("toward_zero", "none"))
    (TowardZero, SatNone)
    """

    rounding: RoundingMode
    saturation: SaturationMode

    def __str__(self) -> str:
        return f"({self.round_word}, {self.saturation_word})"

    @property
    def round_word(self) -> str:
        """RoundOf(rho). P3109 4.15."""
        if isinstance(self.rounding, Stochastic):
            return f"Stochastic{self.rounding.variant}({self.rounding.bits})"
        return next(word for word, name in ROUNDINGS.items() if name == self.rounding)

    @property
    def saturation_word(self) -> str:
        """SatOf(rho). P3109 4.15."""
        return next(word for word, name in SATURATIONS.items() if name == self.saturation)


Parameter: TypeAlias = int | Format | ProjectionSpecification
Words: TypeAlias = tuple["str | Words", ...]


@dataclass(frozen=True)
class Parameters:
    """The parameters of an operation: B is an int, f... are formats, rho... projections."""

    names: tuple[str, ...]
    values: tuple[Parameter, ...]

    def __str__(self) -> str:
        texts = (
            format_name(value) if isinstance(value, Format) else str(value) for value in self.values
        )
        return written(self.names, texts)

    def format(self, name: str) -> Format:
        """The format of that name."""
        return cast(Format, self._value(name))

    def projection(self, name: str = "rho") -> ProjectionSpecification:
        """The projection specification of that name."""
        return cast(ProjectionSpecification, self._value(name))

    @property
    def block_size(self) -> int:
        """B."""
        return cast(int, self._value("B"))

    def _value(self, name: str) -> Parameter:
        return self.values[self.names.index(name)]


def written(names: Iterable[str], texts: Iterable[str]) -> str:
    """The texts of parameters with commas between; those of the n-th block in brackets, as in 5.4.

    >>> written(("B", "fs1", "fx1", "fr"), ("8", "scale", "element", "result"))
    '8, (scale, element), result'
    """
    bracketed = (
        f"({text}" if re.fullmatch("fs[1-9]", name) else f"{text})" if name[:-1] == "fx" else text
        for name, text in zip(names, texts, strict=True)
    )
    return ", ".join(bracketed)


def read_declaration(declaration: str) -> tuple[str, Words]:
    """The name of a declaration, and its parameters as words. TypeError, ValueError for no such.

    >>> read_declaration("ScaledAbs<(Binary8p1uf, Binary4p2sf), binary32, (ToOdd, SatNone)>")
    ('ScaledAbs', (('Binary8p1uf', 'Binary4p2sf'), 'binary32', ('ToOdd', 'SatNone')))
    """
    if not isinstance(declaration, str):
        raise TypeError(
            f"declaration: expected a str such as {_EXAMPLE}, got "
            f"{type(declaration).__name__} {declaration!r}"
        )
    tokens = _tokens(declaration)
    if len(tokens) < 4 or tokens[1] != "<" or tokens[-1] != ">":
        raise _unreadable(declaration)
    # The outer brackets read like all others.
    waiting = deque(["(", *tokens[2:-1], ")"])
    words = _read_words(waiting, declaration)
    if waiting or not re.fullmatch(r"\w+", tokens[0]):
        raise _unreadable(declaration)
    return tokens[0], words


def _tokens(declaration: str) -> list[str]:
    tokens, end = [], 0
    while end < len(declaration):
        match = _TOKEN.match(declaration, end)
        if match is None:
            raise _unreadable(declaration)
        tokens.append(match[1])
        end = match.end()
    return tokens


def _read_words(waiting: deque[str], declaration: str) -> Words:
    """What stands between two brackets, the first of which waits to be read."""
    words: list[str | Words] = []
    separator = waiting.popleft()
    while separator != ")":
        if len(waiting) < 2 or separator not in ("(", ","):
            raise _unreadable(declaration)
        if waiting[0] == "(":
            words.append(_read_words(waiting, declaration))
        elif waiting[0] in ("<", ">", ")", ","):
            raise _unreadable(declaration)
        else:
            words.append(waiting.popleft())
        separator = waiting.popleft() if waiting else ""
    return tuple(words)


def _unreadable(declaration: str) -> ValueError:
    return ValueError(
        f"declaration: {declaration!r} is not of the form Name<formats, (rounding, saturation)>, "
        f"as is {_EXAMPLE}"
    )


def read_parameters(names: Sequence[str], words: Words, signature: str) -> Parameters:
    """The parameters of an operation that words stand for. NotProvidedError if they do not."""
    values: list[Parameter] = []
    waiting = deque(words)
    for name in names:
        if not waiting:
            raise NotProvidedError(f"declaration: no {name} given; expected {signature}")
        word = waiting.popleft()
        if not name.startswith("rho") and isinstance(word, tuple):
            # A pair of formats, that of a scale and that of its elements.
            waiting.extendleft(reversed(word))
            word = waiting.popleft() if waiting else ""
        values.append(_read_parameter(name, word, signature))
    if waiting:
        raise NotProvidedError(f"declaration: {waiting[0]!r} is one too many; expected {signature}")
    return Parameters(tuple(names), tuple(values))


def _read_parameter(name: str, word: str | Words, signature: str) -> Parameter:
    if name.startswith("rho"):
        return _read_projection(name, word, signature)
    if isinstance(word, tuple):
        raise NotProvidedError(f"{name}: {word!r} is no format; expected {signature}")
    if name == "B":
        if not word.isdecimal() or int(word) < 1:
            raise NotProvidedError(f"B: {word!r} is not a block size; expected {signature}")
        return int(word)
    return _read_format(name, word)


def _read_projection(name: str, word: str | Words, signature: str) -> ProjectionSpecification:
    if isinstance(word, tuple) and len(word) == 2:
        rounding, saturation = word
        if isinstance(rounding, str) and isinstance(saturation, str):
            return ProjectionSpecification(_read_rounding(rounding), _read_saturation(saturation))
    raise NotProvidedError(
        f"{name}: {word!r} is not a projection specification such as "
        f"(NearestTiesToEven, SatNone); expected {signature}"
    )


def _read_rounding(word: str) -> RoundingMode:
    if word in ROUNDINGS:
        return ROUNDINGS[word]
    stochastic = re.fullmatch(_STOCHASTIC, word)
    if stochastic is None:
        known = [*ROUNDINGS, *(f"Stochastic{variant}(N)" for variant in "ABC")]
        raise not_provided("rounding", word, known)
    bits = int(stochastic[2])
    if not 1 <= bits <= MAX_RANDOM_BITS:
        raise NotProvidedError(
            f"rounding: {word!r}; 1 to {MAX_RANDOM_BITS} random bits are provided"
        )
    return Stochastic(bits, cast(Literal["A", "B", "C"], stochastic[1]))


def _read_saturation(word: str) -> SaturationMode:
    if word in SATURATIONS:
        return SATURATIONS[word]
    raise not_provided("saturation", word, SATURATIONS)


def _read_format(name: str, word: str) -> Format:
    if word in EXTERNAL_FORMATS:
        return EXTERNAL_FORMATS[word]
    try:
        # Some write binary8p3se, others Binary8p3se.
        found = p3109.from_name(word[:1].lower() + word[1:])
    except ValueError as error:
        raise NotProvidedError(f"{name}: {word!r}: {error}") from None
    if found is not None:
        return found
    names = [*EXTERNAL_FORMATS, *map(_with_capital, p3109.names())]
    raise NotProvidedError(
        f"{name}: unknown {word!r}{_suggestion(word, names)} The formats are "
        f"{', '.join(EXTERNAL_FORMATS)} and those of P3109, such as Binary8p3se"
    )


def format_name(fmt: Format) -> str:
    """What P3109 calls a format.

    >>> import numformats as nf
    >>> format_name(nf.binary8p3se), format_name(nf.float16)
    ('Binary8p3se', 'binary16')
    """
    external = [name for name, other in EXTERNAL_FORMATS.items() if other == fmt]
    return external[0] if external else _with_capital(fmt.name)


def _with_capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def not_provided(argument: str, given: str, choices: Iterable[str]) -> NotProvidedError:
    """The error for a name that is not among the choices, with the nearest one if any is near."""
    known = list(choices)
    listed = f" Known: {', '.join(known)}" if len(known) < 12 else ""
    return NotProvidedError(f"{argument}: unknown {given!r}{_suggestion(given, known)}{listed}")


def _suggestion(given: str, known: list[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(given.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else "."
