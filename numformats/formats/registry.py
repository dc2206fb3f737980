"""The names of all formats: which format a name, an alias or a dtype stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from numformats.checks import unknown
from numformats.formats import (
    fnuz,
    hifloat,
    ieee,
    integers,
    lns,
    log_takums,
    ocp,
    p3109,
    posits,
    takums,
)
from numformats.formats.format import Format

# Families with a written list; P3109's members are made by rule.
_FAMILIES: Final[dict[str, tuple[Sequence[Format], Mapping[str, Format]]]] = {
    "ieee": (ieee.FORMATS, ieee.ALIASES),
    "ocp": (ocp.FORMATS, ocp.ALIASES),
    "fnuz": (fnuz.FORMATS, fnuz.ALIASES),
    "hifloat": (hifloat.FORMATS, hifloat.ALIASES),
    "integers": (integers.FORMATS, integers.ALIASES),
    "posits": (posits.FORMATS, posits.ALIASES),
    "takums": (takums.FORMATS, takums.ALIASES),
    "logarithmic": (log_takums.FORMATS, log_takums.ALIASES),
}
# What finds the members of families that are made by rule: of a name that is none, None.
_RULES: Final[tuple[Callable[[str], Format | None], ...]] = (
    p3109.from_name,
    posits.from_name,
    takums.from_name,
    lns.from_name,
    log_takums.from_name,
)
NAMED: Final[dict[str, Format]] = {
    fmt.name: fmt for formats, _ in _FAMILIES.values() for fmt in formats
}
ALIASES: Final[dict[str, Format]] = {
    alias: fmt for _, aliases in _FAMILIES.values() for alias, fmt in aliases.items()
}


def find_format(name: str) -> Format | None:
    """The format of a name or an alias in any case, or None.

    ValueError for a name of a family made by rule whose numbers are not allowed, and for float64.
    """
    lower = name.lower()
    if lower in ("float64", "double", "binary64", "fp64"):
        raise ValueError(
            f"format: {name!r} is an input, not a format: codes have at most 32 bits here; "
            "numformats.float32 is the widest"
        )
    named = NAMED.get(lower) or ALIASES.get(lower)
    made = (rule(lower) for rule in _RULES)
    return named or next((fmt for fmt in made if fmt is not None), None)


def read_format(name: Any, refusal: Callable[[str], ValueError]) -> Format:
    """The format of a name, an alias or a dtype; a format is given back as is.

    What `refusal` makes of an unknown name is raised; TypeError for what is none of these.
    """
    if isinstance(name, Format):
        return name
    text = name if isinstance(name, str) else dtype_name(name)
    found = find_format(text)
    if found is None:
        raise refusal(text)
    return found


def names_like(name: str) -> list[str]:
    """The names that somebody may have meant by one that is unknown."""
    # Names of P3109 are only candidates for what looks like one, or `binary8` would drown all.
    rule_made = p3109.names() if name.lower().startswith("binary") else ()
    return [*NAMED, *ALIASES, *rule_made]


def list_formats(family: str | None = None) -> list[str]:
    """The names of all formats with a name of their own, or of one family.

    `family` is one of ieee, ocp, fnuz, hifloat, integers, posits, takums, logarithmic and p3109;
    ValueError for another. The 504 names of IEEE P3109, which are made by rule, are listed only
    when asked for; those of further widths of other families, made by rule, too, are not.

    >>> import numformats as nf
    >>> nf.list_formats("fnuz")
    ['float8_e4m3fnuz', 'float8_e5m2fnuz', 'float8_e4m3b11fnuz']
    >>> len(nf.list_formats("p3109"))
    504
    """
    if family is None:
        return list(NAMED)
    if family == "p3109":
        return list(p3109.names())
    if family not in _FAMILIES:
        raise ValueError(unknown("family", str(family), [*_FAMILIES, "p3109"]))
    return [fmt.name for fmt in _FAMILIES[family][0]]


def dtype_name(dtype: Any) -> str:
    """The name of a dtype or scalar type, or a refusal."""
    if isinstance(dtype, (np.dtype, type)):
        try:
            return np.dtype(dtype).name
        except TypeError:
            pass
    raise TypeError(
        f"format: expected a name, a numformats format or a dtype, got "
        f"{type(dtype).__name__} {dtype!r}"
    )
